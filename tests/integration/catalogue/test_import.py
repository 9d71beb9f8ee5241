"""Importing a catalogue: once, twice, half-broken, and back again."""

import json
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from oscar.apps.catalogue.models import Product
from oscar.apps.partner.models import StockRecord

from catalogue.importer.sources import CatalogueInvalid
from catalogue.models import Number, Offering, Release
from catalogue.selectors import current_snapshot, snapshot_of, stock_of
from catalogue.services.imports import import_catalogue
from catalogue.services.publishing import roll_back
from commerce.kernel.errors import NotFound
from tests.demo import DEMO
from tests.unit.catalogue.catalogues import SMALL, written

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(at: datetime) -> datetime:
    import_catalogue(DEMO, at=at)
    return at


def test_before_the_first_release_nothing_is_sold(at: datetime) -> None:
    assert (current_snapshot().release, len(current_snapshot().offerings)) == (0, 0)


def test_a_second_import_of_the_same_files_changes_nothing(shop: datetime) -> None:
    StockRecord.objects.filter(partner_sku="carte-sim").update(num_in_stock=17)
    again = import_catalogue(DEMO, at=shop)
    assert (again.release, again.created) == (1, False)
    assert Release.objects.count() == 1
    assert stock_of(["carte-sim"])["carte-sim"].available == 17


def test_the_import_fills_products_stock_and_numbers(shop: datetime) -> None:
    assert Offering.objects.count() == 150
    assert Product.objects.filter(structure="parent").count() == 25
    assert Product.objects.get(upc="rocval-r3-128-signal").parent.upc == "family-rocval-r3"
    facts = stock_of(["rocval-r3-128-signal", "horizon-130"])
    assert list(facts) == ["rocval-r3-128-signal"]
    assert (facts["rocval-r3-128-signal"].partner, facts["rocval-r3-128-signal"].lead_days) == (
        "comptoir-atlantique",
        2,
    )
    assert Number.objects.count() == 2200
    assert not Number.objects.filter(msisdn="0639981234").exists()


def test_reading_the_catalogue_costs_one_small_query(
    shop: datetime, django_assert_num_queries: object
) -> None:
    current_snapshot()
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert current_snapshot().offering("horizon-130").code == "horizon-130"


def test_a_broken_file_changes_nothing(shop: datetime, tmp_path: Path) -> None:
    broken = written(tmp_path, SMALL.replace("recipe: line", "recipe: lost"))
    with pytest.raises(CatalogueInvalid, match=r"shop.yaml:\d+: offerings\[0\].recipe"):
        import_catalogue(broken, at=shop)
    assert Release.objects.count() == 1
    assert not Offering.objects.filter(code="tide").exists()


def test_a_new_release_leaves_the_old_one_readable(shop: datetime, tmp_path: Path) -> None:
    done = import_catalogue(written(tmp_path), at=shop + timedelta(hours=1))
    assert (done.release, done.created) == (2, True)
    assert current_snapshot(shop).release == 1
    assert current_snapshot(shop + timedelta(hours=1)).release == 2
    assert "horizon-130" in snapshot_of(1).offerings
    assert "horizon-130" not in snapshot_of(2).offerings


def test_rolling_back_is_a_new_release_with_the_old_content(shop: datetime, tmp_path: Path) -> None:
    import_catalogue(written(tmp_path), at=shop + timedelta(hours=1))
    assert roll_back(to=1, at=shop + timedelta(hours=2)) == 3
    now = current_snapshot(shop + timedelta(hours=2))
    assert (now.release, now.digest) == (3, snapshot_of(1).digest)


def test_the_database_refuses_to_change_a_release(shop: datetime) -> None:
    for change in ("UPDATE offering_release SET note = 'other'", "DELETE FROM offering_release"):
        with (
            pytest.raises(DatabaseError, match="never changes"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(change)
    assert Release.objects.get().note == "Demo catalogue"


def test_an_unknown_release_is_not_found(db: None) -> None:
    with pytest.raises(NotFound) as refused:
        snapshot_of(4711)
    assert refused.value.code == "unknown_release"


def test_the_command_says_what_it_did_and_what_is_wrong(at: datetime, tmp_path: Path) -> None:
    said = StringIO()
    call_command("import_catalogue", str(written(tmp_path)), "--check", stdout=said)
    assert said.getvalue() == "3 offerings, all in order.\n"
    assert Release.objects.count() == 0
    broken = written(tmp_path, SMALL.replace("recipe: line", "recipe: lost"))
    with pytest.raises(CommandError, match="Nothing was imported: 1 to mend"):
        call_command("import_catalogue", str(broken))


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ((), "shop.yaml:31: offerings[0].charges: There is no monthly price for business customers"
             " at 0 months.\n"),
        (("--language", "fr"), "shop.yaml:31: offerings[0].charges: Il n’y a pas de prix mensuel"
                               " pour les entreprises à 0 mois.\n"),
    ],
)  # fmt: skip
def test_the_command_line_says_it_in_the_language_that_was_asked(
    at: datetime, tmp_path: Path, language: tuple[str, ...], said: str
) -> None:
    written(tmp_path, SMALL.replace(", business: 8.00", ""))
    with pytest.raises(CommandError) as refused:
        call_command("import_catalogue", str(tmp_path), "--check", *language)
    assert str(refused.value).startswith(said)


def test_the_demo_is_loaded_once_and_tells_its_logins(at: datetime, tmp_path: Path) -> None:
    told = tmp_path / "credentials.json"
    said = StringIO()
    for _ in range(2):
        call_command("load_demo", "--json", str(told), stdout=said)
    assert said.getvalue() == "Release 1 with 153 offerings is new.\n"
    credentials = json.loads(told.read_text())
    roles = {login["role"] for login in credentials["logins"]}
    assert roles >= {"shopper", "agent", "operator", "catalogue_manager", "buyer", "approver"}
    programs = [client["role"] for client in credentials["api_clients"]]
    assert programs == ["buyer", "approver", "network", "merchant"]
    assert told.stat().st_mode & 0o777 == 0o600
