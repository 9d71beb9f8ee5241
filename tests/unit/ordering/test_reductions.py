"""When a price counts as reduced for everybody, and what was asked before. L112-1-1."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from catalogue.domain.lowest import lowest_before
from catalogue.domain.model import Charge, Kind, Segment, Snapshot
from commerce.kernel.money import Money
from commerce.ordering.domain.reductions import Sold, prices_asked, runs_longer
from promotions.domain.compiler import compile_promotions
from tests.unit.ordering.shop import charge, offering

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def days(ago: float) -> datetime:
    return AT - timedelta(days=ago)


def promotion(value: str, **more: object) -> dict[str, object]:
    return {
        "code": "cases", "name": {"fr": "x", "en": "x"}, "trigger": {"kinds": ["accessory"]},
        "when": {"fact": "kinds", "includes": "accessory"},
        "benefits": [{"target": {"fact": "line.kind", "is": "accessory"}, "charge": "one_off",
                      "kind": "percent_off", "value": value}],
        **more,
    }  # fmt: skip


def sold(ago: float, *prices: Charge, promotions: tuple[dict[str, object], ...] = (),
         kind: Kind = Kind.ACCESSORY, terms: tuple[int, ...] = ()) -> Sold:  # fmt: skip
    snapshot = Snapshot(
        1, "", {"case": offering("case", kind, *prices, terms=terms)}, (),
        {"standard": Decimal(20)},
    )  # fmt: skip
    return Sold(days(ago), snapshot, compile_promotions(promotions))


def price(amount: str, **more: object) -> Charge:
    return replace(charge("price", amount), **more)  # type: ignore[arg-type]


def lowest(*history: Sold, at: datetime = AT) -> str | None:
    asked = prices_asked(history, "case", segment=Segment.CONSUMER, channel="web", at=at)
    found = lowest_before(asked, at=at)
    return str(found.amount) if found is not None else None


CASES: list[tuple[str, list[Sold], str | None]] = [
    ("never changed", [sold(50, price("40"))], None),
    ("a new release asks less", [sold(50, price("40")), sold(3, price("30"))], "40.00"),
    ("a new release asks more", [sold(50, price("30")), sold(3, price("40"))], None),
    ("a release between was cheaper than the one before the reduction",
     [sold(50, price("40")), sold(20, price("35")), sold(9, price("45")), sold(3, price("38"))],
     "35.00"),
    ("two reductions in a row: before the first",
     [sold(50, price("40")), sold(9, price("35")), sold(3, price("30"))], "40.00"),
    ("a price that went down 30 days ago is the usual one",
     [sold(50, price("40")), sold(30, price("30"))], None),
    ("a dated price that holds now",
     [sold(50, price("40"), price("30", valid_from=days(2), valid_until=days(-2)))], "40.00"),
    ("a dated price that is over",
     [sold(50, price("40"), price("30", valid_from=days(4), valid_until=days(2)))], None),
    ("a promotion for everybody", [sold(50, price("40"), promotions=(
        promotion("25", valid_from=days(2).isoformat()),))], "40.00"),
    ("a promotion that asks for a code is for those who have it",
     [sold(50, price("40")), sold(3, price("40"), promotions=(
         promotion("25", requires_code="MERCI"),))], None),
    ("a promotion that asks for a plan is another offer",
     [sold(50, price("40")), sold(3, price("40"), promotions=(
         promotion("25", when={"fact": "kinds", "includes": "plan"}),))], None),
    ("a price with a plan is another offer",
     [sold(50, price("40")), sold(3, price("40"), price("10", in_bundle="pair"))], None),
    ("a price for business is another offer", [sold(50, price("40")), sold(3, price("40"),
     price("10", segment=Segment.BUSINESS))], None),
    ("after a promotion, the list price that was higher is no reduction",
     [sold(50, price("40"), promotions=(promotion("50"),)), sold(3, price("30"))], None),
    ("a month of a service", [
        sold(50, charge("monthly", "9.99", recurring=True), kind=Kind.CONTENT),
        sold(3, charge("monthly", "7.99", recurring=True), kind=Kind.CONTENT)], "9.99"),
    ("a plan at its longest term", [
        sold(50, charge("monthly", "20", recurring=True, terms=(24,)), kind=Kind.PLAN,
             terms=(0, 24)),
        sold(3, charge("monthly", "15", recurring=True, terms=(24,)), kind=Kind.PLAN,
             terms=(0, 24))], "20.00"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "history", "expected"), CASES)
def test_what_is_told_beside_a_price(case: str, history: list[Sold], expected: str | None) -> None:
    assert lowest(*history) == expected, case


def test_a_promotion_is_announced_as_long_as_it_runs_and_says_when_older_prices_count() -> None:
    history = (
        sold(100, price("40")),
        sold(70, price("40"), promotions=(promotion("25"),)),
    )
    asked = prices_asked(history, "case", segment=Segment.CONSUMER, channel="web", at=AT)
    assert [(each.since, each.price, each.reduced) for each in asked] == [
        (days(100), Money.of("40.00"), False),
        (days(70), Money.of("30.00"), True),
    ]
    assert runs_longer(asked, at=AT)
    assert not runs_longer(asked, at=days(70) + 30 * DAY)
    assert lowest(*history) == "40.00"


def test_a_list_price_that_went_down_is_announced_for_30_days() -> None:
    history = (sold(50, price("40")), sold(20, price("30")))
    assert lowest(*history, at=days(20)) == "40.00"
    assert lowest(*history, at=days(-10) - timedelta(microseconds=1)) == "40.00"
    assert lowest(*history, at=days(-10)) is None


def test_what_was_not_sold_was_not_asked() -> None:
    other = replace(sold(50), catalogue=replace(sold(50).catalogue, offerings={}))
    assert lowest(other, sold(3, price("30"))) is None
