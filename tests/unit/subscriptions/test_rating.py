"""What use costs: per started unit beyond the month's allowance, plan by plan, shared in a pool."""

from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType

import pytest

from catalogue.domain.model import (
    Charge,
    ChargeKind,
    Kind,
    Offering,
    Segment,
    Specification,
    Text,
)
from catalogue.domain.usage import Dimension
from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from subscriptions.domain.rating import (
    Billed,
    HeldOffering,
    LineTerms,
    Rated,
    included_in,
    is_barred,
    owing,
    rated,
    stretches,
    without_days,
)

MAY = date(2026, 5, 1)
AT = datetime(2026, 1, 1, tzinfo=UTC)
NAMED = Text(MappingProxyType({}))


def plan(included: str | None, price: str = "0.05", **characteristics: str | int) -> Offering:
    minutes = Charge(
        "minutes", ChargeKind.USAGE, Money.of(price), Segment.CONSUMER, "telecom",
        unit="minute", included=Decimal(included or 0),
    )  # fmt: skip
    return offering(Kind.PLAN, (minutes,) if included is not None else (), **characteristics)


def offering(
    kind: Kind, charges: tuple[Charge, ...] = (), **characteristics: str | int
) -> Offering:
    made_of = Specification("x", kind, characteristics, None)
    return Offering("x", made_of, NAMED, NAMED, "plans", charges)


def line(*held: tuple[Offering, date, date | None], contract: int = 1) -> LineTerms:
    items = (
        HeldOffering(10 * contract + n, f"plan-{n}", each, since, until, AT)
        for n, (each, since, until) in enumerate(held)
    )
    return LineTerms(contract, Segment.CONSUMER, 0, tuple(items))


def calls(*lines: LineTerms, used: dict[int, str]) -> list[tuple[int, str, int, str]]:
    """Item, minutes used, started ones beyond, and what they cost."""
    parts = [part for each in lines for part in stretches(each, month=MAY)]
    known = {(item, Dimension.CALLS): Decimal(amount) for item, amount in used.items()}
    return [
        (each.item, str(each.used), each.beyond, str(each.amount.amount))
        for each in rated(parts, month=MAY, used=known, currency="EUR")
        if each.dimension is Dimension.CALLS
    ]


@pytest.mark.parametrize(
    ("case", "used", "beyond", "cost"),
    [
        ("nothing used costs nothing", "0", 0, "0.00"),
        ("all that is included is free", "120", 0, "0.00"),
        ("a started minute is paid as a whole one", "120.001", 1, "0.05"),
        ("minutes beyond add up before they are started", "131.4", 12, "0.60"),
    ],
)
def test_each_started_unit_beyond_the_allowance(
    case: str, used: str, beyond: int, cost: str
) -> None:
    own = line((plan("120"), date(2026, 1, 1), None))
    assert calls(own, used={10: used}) == [(10, used, beyond, cost)]


def test_what_has_no_end_costs_nothing() -> None:
    own = line((plan(None), date(2026, 1, 1), None))
    assert calls(own, used={10: "9999"}) == [(10, "9999", 0, "0")]


def test_each_plan_of_a_month_is_rated_by_its_own_days_with_its_whole_allowance() -> None:
    own = line(
        (plan("120"), date(2026, 1, 1), date(2026, 5, 11)),
        (plan("60", "0.10"), date(2026, 5, 11), None),
    )
    days = [part.days for part in stretches(own, month=MAY)]
    assert days == [Period(MAY, date(2026, 5, 11)), Period(date(2026, 5, 11), date(2026, 6, 1))]
    assert calls(own, used={10: "121", 11: "60.5"}) == [
        (10, "121", 1, "0.05"),
        (11, "60.5", 1, "0.10"),
    ]
    assert included_in(own, month=MAY)[Dimension.CALLS] == 180


def test_a_plan_that_never_ran_and_one_of_another_month_count_for_nothing() -> None:
    own = line(
        (plan("500"), date(2026, 5, 4), date(2026, 5, 4)),
        (plan("500"), date(2026, 6, 1), None),
        (plan("120"), date(2026, 1, 1), date(2026, 6, 1)),
    )
    assert calls(own, used={12: "130"}) == [(12, "130", 10, "0.50")]


def test_what_is_used_on_the_last_day_of_a_contract_is_used_with_its_plan() -> None:
    own = line((plan("120"), date(2026, 1, 1), date(2026, 5, 20)))
    assert [part.days for part in stretches(own, month=MAY)] == [Period(MAY, date(2026, 6, 1))]


def test_an_option_adds_to_what_the_plan_includes_and_the_price_beyond_is_the_plans() -> None:
    more = Charge(
        "more", ChargeKind.USAGE, Money.of("0.50"), Segment.CONSUMER, "telecom",
        unit="minute", included=Decimal(30),
    )  # fmt: skip
    own = line(
        (plan("120"), date(2026, 1, 1), None),
        (offering(Kind.OPTION, (more,)), date(2026, 5, 20), None),
    )
    assert calls(own, used={10: "152"}) == [(10, "152", 2, "0.10")]
    taken_off_the_same_day = line(
        (plan("120"), date(2026, 1, 1), None),
        (offering(Kind.OPTION, (more,)), date(2026, 5, 20), date(2026, 5, 20)),
    )
    assert calls(taken_off_the_same_day, used={10: "152"}) == [(10, "152", 32, "1.60")]


def test_lines_of_a_pool_share_what_they_include_and_pay_together() -> None:
    shared = plan("60", shared_allowance="fleet")
    lines = [line((shared, date(2026, 1, 1), None), contract=n) for n in (1, 2, 3)]
    alone = line((plan("60"), date(2026, 1, 1), None), contract=4)
    assert calls(*lines, alone, used={10: "170", 30: "15", 40: "61"}) == [
        (10, "185", 5, "0.25"),
        (40, "61", 1, "0.05"),
    ]


def test_what_is_owed_is_what_should_be_billed_minus_what_was() -> None:
    own = line((plan("120"), date(2026, 1, 1), None))
    found = _rated(own, "131")
    key = (10, "minutes", MAY)
    (first,) = owing(found, billed={})
    assert (first.units, str(first.amount.amount), first.revision) == (11, "0.55", 1)
    assert owing(found, billed={key: Billed(11, Money.of("0.55"), 1)}) == ()
    (late,) = owing(_rated(own, "133.2"), billed={key: Billed(11, Money.of("0.55"), 1)})
    assert (late.units, str(late.amount.amount), late.revision) == (3, "0.15", 2)
    (back,) = owing(_rated(own, "125"), billed={key: Billed(14, Money.of("0.70"), 2)})
    assert (back.units, str(back.amount.amount), back.revision) == (-9, "-0.45", 3)


def test_a_change_told_later_gives_back_what_was_billed_of_a_plan_that_lost_the_month() -> None:
    own = line(
        (plan("120"), date(2026, 1, 1), date(2026, 4, 28)),
        (plan("60", "0.10"), date(2026, 4, 28), None),
    )
    parts = (*stretches(own, month=MAY), *without_days(own, month=MAY))
    known = {(11, Dimension.CALLS): Decimal(130)}
    found = rated(parts, month=MAY, used=known, currency="EUR")
    before = {(10, "minutes", MAY): Billed(10, Money.of("0.50"), 1)}
    assert [
        (each.rated.item, each.units, str(each.amount.amount), each.revision)
        for each in owing(found, billed=before)
    ] == [(10, -10, "-0.50", 2), (11, 70, "7.00", 1)]


def test_a_plan_that_never_ran_or_is_still_to_come_has_no_days() -> None:
    own = line(
        (plan("500"), date(2026, 5, 4), date(2026, 5, 4)),
        (plan("120"), date(2026, 1, 1), date(2026, 6, 1)),
        (plan("500", shared_allowance="home"), date(2026, 6, 1), None),
    )
    found = without_days(own, month=MAY)
    assert [(each.item, each.days.days, each.pool) for each in found] == [(10, 0, ""), (12, 0, "")]


def _rated(own: LineTerms, used: str) -> tuple[Rated, ...]:
    known = {(10, Dimension.CALLS): Decimal(used)}
    return rated(stretches(own, month=MAY), month=MAY, used=known, currency="EUR")


def test_use_of_a_year_ago_is_still_paid_a_day_later_no_more() -> None:
    day = date(2025, 11, 22)
    assert not is_barred(day, taken_on=date(2026, 11, 22))
    assert is_barred(day, taken_on=date(2026, 11, 23))
