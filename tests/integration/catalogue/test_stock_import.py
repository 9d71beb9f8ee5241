"""Stock from a file: all of it, or nothing and every fault with its line."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from catalogue.importer.sources import CatalogueInvalid
from catalogue.models import CatalogueAct, StockHold
from catalogue.selectors import current_snapshot, stock_of
from catalogue.services import stock
from catalogue.services.stock_import import COLUMNS, StockImported, import_stock
from catalogue.shelves import partners, shelf
from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, Role
from commerce.kernel.errors import Forbidden
from tests.integration.catalogue.test_partners import AHEAD, counts, keep
from tests.integration.catalogue.test_stock_and_numbers import HOUR

HEADING = ";".join(COLUMNS)
CASE = "coque-noctile"


def taken_in(*lines: str) -> StockImported:
    text = "\n".join([HEADING, *lines])
    return import_stock(text, file="stock.csv", catalogue=current_snapshot())


def refused(*lines: str) -> list[str]:
    with pytest.raises(CatalogueInvalid) as error:
        taken_in(*lines)
    return [str(problem) for problem in error.value.problems]


def test_a_file_sets_what_partners_have_and_the_same_again_changes_nothing(shop: datetime) -> None:
    lines = [
        f"entrepot;{CASE};7;1;30;2026-12-15",
        f"negoce-rhodanien;{CASE};12;4;;",
        "boutique-nantes;carte-sim;90;0;0;",
    ]
    assert taken_in(*lines) == StockImported(added=1, changed=1, same=1)
    assert taken_in(*lines) == StockImported(added=0, changed=0, same=3)
    facts = stock_of([CASE])[CASE]
    assert (facts.available, facts.coming, facts.partner) == (19, 30, "entrepot")
    acts = CatalogueAct.objects.filter(code="stock_imported").order_by("pk")
    assert [act.values for act in acts] == [
        {"file": "stock.csv", "added": 1, "changed": 1, "same": 1},
        {"file": "stock.csv", "added": 0, "changed": 0, "same": 3},
    ]


def test_a_download_is_taken_in_though_an_offering_ended_meanwhile(shop: datetime) -> None:
    now = current_snapshot()
    left = {code: each for code, each in now.offerings.items() if code != CASE}
    text = f"{HEADING}\nentrepot;{CASE};9;1;0;\nentrepot;verre-6-4;8;1;0;\n"
    done = import_stock(text, file="s.csv", catalogue=replace(now, offerings=left))
    assert (done.changed, done.ended) == (2, (CASE,))
    assert counts(CASE)[0] == 9
    with pytest.raises(CatalogueInvalid) as error:
        import_stock(
            f"{HEADING}\nnegoce-rhodanien;{CASE};9;1;0;\n",
            file="s.csv",
            catalogue=replace(now, offerings=left),
        )
    assert [str(problem) for problem in error.value.problems] == [
        f"s.csv:2: offering: {CASE} is not sold from stock."
    ]


def test_one_fault_and_nothing_is_taken_in(shop: datetime) -> None:
    assert refused(
        f"entrepot;{CASE};7;1;0;",
        f"nobody;{CASE};7;1;0;",
        "entrepot;horizon-130;-1;99;3;",
        "entrepot;verre-6-4;1;1;0;2026-13-01",
    ) == [
        "stock.csv:4: expected_on: Say when they come, as 2026-12-31.",
        "stock.csv:4: lead_days: A whole number from 0 to 60.",
        "stock.csv:4: pieces: A whole number from 0 to 1000000.",
        "stock.csv:5: expected_on: A day like 2026-12-31.",
    ]
    assert refused(
        f"nobody;{CASE};7;1;0;",
        "entrepot;horizon-130;1;1;0;",
        "boutique-nantes;carte-sim;1;0;5;2026-12-15",
        f"entrepot;{CASE};7;1;0;",
        f"entrepot;{CASE};8;1;0;",
    ) == [
        "stock.csv:2: partner: There is no partner nobody.",
        "stock.csv:3: offering: horizon-130 is not sold from stock.",
        "stock.csv:4: coming: A shop promises only what is there.",
        "stock.csv:6: offering: Line 5 says it already.",
    ]
    assert counts(CASE) == (93, 0, 0, 0)
    assert not CatalogueAct.objects.filter(code="stock_imported").exists()


def test_what_arrives_is_on_the_shelf_and_stays_with_those_who_hold_it(shop: datetime) -> None:
    keep(AHEAD, 2, key="F-1", until=shop + HOUR)
    keep(AHEAD, 3, key="F-2", until=shop + HOUR)
    taken_in(f"entrepot;{AHEAD};8;1;4;2026-12-08")
    assert counts(AHEAD) == (8, 1, 4, 4)
    taken_in(f"entrepot;{AHEAD};8;1;0;")
    assert counts(AHEAD) == (8, 5, 0, 0)
    assert list(StockHold.objects.values_list("quantity", "coming")) == [(2, 0), (3, 0)]
    stock.commit_hold("F-2")
    assert counts(AHEAD) == (5, 2, 0, 0)


def test_what_is_expected_later_leaves_what_has_come_with_those_who_hold_it(
    shop: datetime,
) -> None:
    keep(AHEAD, 5, key="F-1", until=shop + HOUR)
    taken_in(f"entrepot;{AHEAD};0;1;20;2026-12-01")
    assert counts(AHEAD) == (0, 0, 20, 5), "sooner: they wait for it"
    taken_in(f"entrepot;{AHEAD};3;1;10;2026-12-20")
    assert counts(AHEAD) == (3, 3, 10, 2)
    taken_in(f"entrepot;{AHEAD};20;1;10;2027-01-15")
    assert counts(AHEAD) == (20, 5, 10, 0)
    assert list(StockHold.objects.values_list("quantity", "coming")) == [(5, 0)]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"entrepot;{CASE};7;1;1;9999-12-31", "expected_on: A day like 2026-12-31."),
        (f"entrepot;{CASE};7;1;1;0001-01-01", "expected_on: A day like 2026-12-31."),
        ('entrepot;"' + "a" * 140_000, "file: This is not CSV: field larger than field limit"),
        (f"entrepot;{CASE}\r;7;1;0;", "file: This is not CSV: new-line character"),
    ],
)
def test_what_can_not_be_read_is_a_fault_of_the_file(shop: datetime, line: str, told: str) -> None:
    (problem,) = refused(line)
    assert told in problem


def test_not_more_faults_are_told_than_people_read(shop: datetime) -> None:
    assert len(refused(*[f"nobody;{CASE};1;1;0;"] * 300)) == 100
    assert len(refused(*[f"entrepot;{CASE};many;1;0;"] * 300)) == 100


def test_what_buyers_hold_can_not_be_taken_from_them(shop: datetime) -> None:
    keep(AHEAD, 5, key="F-1", until=shop + HOUR)
    assert refused(f"entrepot;{CASE};1;1;0;", f"entrepot;{AHEAD};4;1;0;") == [
        "stock.csv:3: pieces: Buyers hold 5 of them."
    ]
    assert (counts(AHEAD), counts(CASE)) == ((0, 0, 20, 5), (93, 0, 0, 0))


def test_only_catalogue_managers_and_commands_take_stock_in(shop: datetime, tmp_path: Path) -> None:
    agent = AccountContext(
        actor=Actor(ActorKind.USER, 1, "Agnès"), party_id=None, role=Role.AGENT,
        channel=Channel.CALL_CENTRE,
    )  # fmt: skip
    with pytest.raises(Forbidden) as error:
        import_stock(HEADING, file="s.csv", catalogue=current_snapshot(), context=agent)
    assert error.value.code == "not_a_catalogue_manager"
    path = tmp_path / "stock.csv"
    path.write_text(f"{HEADING}\nentrepot;{CASE};5;1;0;\n")
    call_command("import_stock", path)
    assert counts(CASE)[0] == 5
    path.write_text(f"{HEADING}\nentrepot;{CASE};many;1;0;\n")
    with pytest.raises(CommandError) as wrong:
        call_command("import_stock", path, language="fr")
    assert str(wrong.value).startswith("stock.csv:2: pieces: Un nombre entier de 0")


def test_shelves_are_listed_partner_by_partner_a_page_at_a_time(shop: datetime) -> None:
    assert [(each.code, each.kind.value) for each in partners()][:3] == [
        ("entrepot", "own"),
        ("comptoir-atlantique", "supplier"),
        ("negoce-rhodanien", "supplier"),
    ]
    rows, count = shelf("negoce-rhodanien", limit=2)
    assert ([row.offering for row in rows], count) == (
        ["celanthe-c6-128-aurore", "rocval-r1-64-graphite"],
        3,
    )
    found, count = shelf("entrepot", text="ombrine-s1-pro-256-encre")
    assert (found[0].coming, str(found[0].expected_on), count) == (20, "2026-12-08", 1)
