"""Two releases on PostgreSQL: the lowest price of 30 days beside what went down, in few queries."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalogue.domain.document import digest_of
from catalogue.domain.model import Segment
from catalogue.history import eras
from catalogue.models import Release
from catalogue.selectors import forget_snapshots, snapshot_of
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.money import Money
from commerce.ordering.showcase import window

ON_SALE = FIRST = datetime(2026, 11, 3, 9, tzinfo=UTC)
SECOND = datetime(2026, 11, 16, 9, tzinfo=UTC)
NOW = datetime(2026, 11, 18, 9, tzinfo=UTC)
PHONE, CHARGER, MUSIC = "ardoval-x2-128-nuit", "chargeur-30w", "ondine-musique"
NEW_PRICES = {CHARGER: "14.90", MUSIC: "8.99", PHONE: "449.00"}
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _two_releases(demo_catalogue: None, db: None) -> Iterator[None]:
    forget_snapshots()
    first = Release.objects.get(number=1)
    document = json.loads(json.dumps(first.document))
    for offering in document["offerings"]:
        for charge in offering["charges"]:
            if offering["code"] in NEW_PRICES and _alone(charge):
                charge["amount"] = {"decimal": NEW_PRICES[offering["code"]]}
    Release.objects.create(
        number=2, document=document, digest=digest_of(document), published_at=SECOND
    )
    with business_time_fixed(NOW):
        yield
    forget_snapshots()


def _alone(charge: dict[str, Any]) -> bool:
    return (
        charge["segment"] == "consumer"
        and charge["code"] in ("price", "monthly")
        and not charge.get("in_bundle")
        and not charge.get("terms")
    )


def old(code: str) -> Money:
    """What it cost in the first release."""
    (amount,) = {
        charge.amount
        for charge in snapshot_of(1).offering(code).charges
        if charge.segment is Segment.CONSUMER
        and charge.in_bundle is None
        and not charge.terms
        and charge.code in ("price", "monthly")
    }
    return amount


def test_every_offering_of_the_shop_costs_two_queries_once_and_then_none() -> None:
    snapshot_of(2)
    for wanted in (1 + 2, 1):
        with CaptureQueriesContext(connection) as asked:
            shop = window(at=NOW)
            told = {
                code: shop.shown(offering).lowest_before
                for code, offering in shop.window.catalogue.offerings.items()
                if shop.window.sells(offering) and not offering.slots
            }
        assert len(asked) == wanted
    assert {code: price for code, price in told.items() if price is not None} == {
        code: old(code) for code in NEW_PRICES
    }
    assert {str(old(code).amount) for code in NEW_PRICES} == {"19.90", "9.99", "549.00"}


def test_only_what_differs_travels() -> None:
    was, now = eras(snapshot_of(2), since=FIRST, at=NOW)
    assert (was.since, now.since) == (FIRST, SECOND)
    changed = [c for c, o in was.catalogue.offerings.items() if o is not now.catalogue.offering(c)]
    assert sorted(changed) == sorted(NEW_PRICES)
    assert len(eras(snapshot_of(2), since=SECOND + timedelta(days=1), at=NOW)) == 1


def test_business_buyers_are_told_nothing() -> None:
    shop = window(at=NOW, segment=Segment.BUSINESS, channel="portal")
    assert shop.lowest_before(shop.window.catalogue.offering(PHONE)) is None


def test_the_reduction_is_over_30_days_after() -> None:
    later = window(at=SECOND + timedelta(days=31))
    assert later.lowest_before(later.window.catalogue.offering(CHARGER)) is None


def test_the_api_tells_it() -> None:
    answer = Client().get(f"/api/v1/offerings/{CHARGER}")
    assert answer.json()["price"]["lowest_price_30_days"] == {
        "amount": "19.90", "currency": "EUR",
    }  # fmt: skip
    listed = Client().get("/api/v1/offerings?kind=accessory&limit=100").json()["items"]
    told = {each["code"] for each in listed if each["price"]["lowest_price_30_days"]}
    assert told == {CHARGER}


SENTENCE = "Lowest price of the 30 days before the reduction:"


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/accessories/", f"{SENTENCE} €19.90."),
        (f"/accessories/{CHARGER}/", f"{SENTENCE} €19.90."),
        (f"/content/{MUSIC}/", f"{SENTENCE} €9.99."),
        ("/phones/", "Without a plan, lowest price of the 30 days before the reduction: €549."),
        (f"/phones/ardoval-x2/?variant={PHONE}", "before the reduction: €549."),
        (f"/compare/?offers={PHONE}", "before the reduction: €549."),
        ("/build/handset/handset/", "before the reduction: €549."),
    ],
)
def test_a_page_tells_it_once_beside_the_price(path: str, wanted: str) -> None:
    page = Client(headers={"accept-language": "en"}).get(path, follow=True).content.decode()
    assert page.replace("\u00a0", " ").count(wanted) == 1
