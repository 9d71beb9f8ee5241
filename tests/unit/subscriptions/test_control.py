"""Control totals of bill runs: exact where they must agree, within limits where they may differ."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from commerce.kernel.errors import InvalidInput
from subscriptions.domain.control import (
    Alike,
    Limits,
    Stored,
    Tally,
    cycle_days,
    deviations,
    read_limits,
)

LIMITS = Limits(*map(Decimal, ("50", "0.02", "0.05", "0.30", "0.20")))
COUNTED = Tally(
    due=100, taken=100, billed=90, parked=4, nothing=6, drafts=95, gross=Decimal("2850.00")
)
STORED = Stored(
    drafts=95,
    gross=Decimal("2850.00"),
    basis=Decimal("2400.00"),
    lines=Decimal("2400.00"),
    named=Decimal("2300.00"),
    promised=Decimal("2300.00"),
    due=98,
    settled=98,
)
ONE = Stored(1, Decimal(1), Decimal(1), Decimal(1), Decimal(1), Decimal(1))
NONE = Stored(0, Decimal(0), Decimal(0), Decimal(0), Decimal(0), Decimal(0))
ALIKE = Alike(bills=95, gross=Decimal("2850.00"), before=100, before_gross=Decimal("3000.00"))


def found(
    counted: Tally = COUNTED, stored: Stored = STORED, alike: Alike = ALIKE
) -> list[tuple[str, str, str]]:
    return [
        (each.control.value, each.expected, each.found)
        for each in deviations(counted=counted, stored=stored, alike=alike, limits=LIMITS)
    ]


def test_what_agrees_deviates_in_nothing() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("counted", "stored", "alike", "deviation"),
    [
        (COUNTED, replace(STORED, settled=97), ALIKE, ("accounts", "98", "97")),
        (COUNTED, replace(STORED, drafts=94), ALIKE, ("drafts", "95", "94")),
        (COUNTED, replace(STORED, gross=Decimal("2850.01")), ALIKE,
         ("gross", "2850.00", "2850.01")),
        (COUNTED, replace(STORED, lines=Decimal("2399.99")), ALIKE,
         ("lines", "2400.00", "2399.99")),
        (COUNTED, replace(STORED, named=Decimal("2300.01")), ALIKE,
         ("promised", "2300.00", "2300.01")),
        (replace(COUNTED, due=103), STORED, ALIKE, ("left_out", "0", "3")),
        (replace(COUNTED, billed=88, parked=6), STORED, ALIKE, ("parked", "0", "6")),
        (COUNTED, STORED, replace(ALIKE, before=73, before_gross=Decimal("2190.00")),
         ("count", "73", "95")),
        (COUNTED, STORED, replace(ALIKE, before_gross=Decimal("3751.00")),
         ("average", "37.51", "30.00")),
    ],
)  # fmt: skip
def test_each_total_that_deviates_is_named_with_both_figures(
    counted: Tally, stored: Stored, alike: Alike, deviation: tuple[str, str, str]
) -> None:
    assert found(counted, stored, alike) == [deviation]


def test_what_reaches_a_limit_is_within_it() -> None:
    assert found(replace(COUNTED, billed=89, parked=5)) == []
    assert found(replace(COUNTED, due=102)) == []
    assert found(alike=replace(ALIKE, before_gross=Decimal("3750.00"))) == []


def test_few_accounts_are_not_judged_by_shares() -> None:
    few = Tally(due=49, taken=40, billed=1, parked=39, drafts=1, gross=Decimal(1))
    assert found(few, ONE, Alike(1, Decimal(1), before=49, before_gross=Decimal(1470))) == []


def test_a_run_of_next_to_no_bills_is_judged_where_there_were_many() -> None:
    few = Tally(due=1, taken=1, billed=1, drafts=1, gross=Decimal(1))
    of_one = replace(ALIKE, bills=1, gross=Decimal(1))
    assert found(few, ONE, of_one) == [("count", "100", "1")]
    of_none = replace(ALIKE, bills=0, gross=Decimal(0))
    assert found(Tally(), NONE, of_none) == [("count", "100", "0")]


def test_a_second_run_of_a_cycle_counts_with_the_first() -> None:
    many = replace(ALIKE, before=1000, before_gross=Decimal(30000))
    assert found(alike=replace(many, earlier=900)) == []
    assert found(alike=many) == [("count", "1000", "95")]


@pytest.mark.parametrize(
    ("on", "since", "days"),
    [
        ("2026-05-10", "2026-05-09", ["2026-05-10"]),
        ("2026-05-10", "2026-05-07", ["2026-05-08", "2026-05-09", "2026-05-10"]),
        ("2026-05-10", None, ["2026-05-10"]),
        ("2026-05-30", "2026-05-27", ["2026-05-28"]),
        ("2026-05-31", "2026-05-30", []),
    ],
)
def test_a_run_makes_up_for_the_days_since_the_one_before(
    on: str, since: str | None, days: list[str]
) -> None:
    before = date.fromisoformat(since) if since else None
    assert [str(day) for day in cycle_days(date.fromisoformat(on), since=before)] == days


def test_each_cycle_day_is_made_up_for_once_however_long_no_run_came() -> None:
    days = cycle_days(date(2026, 5, 10), since=date(2025, 1, 1))
    assert [day.day for day in days] == [*range(11, 29), *range(1, 11)]


@pytest.mark.parametrize(
    "said",
    [{}, {"at_least": 1, "left_out": 0, "parked": 0, "count": 0, "averages": 0},
     {"at_least": 1, "left_out": 0, "parked": 0, "count": "much", "average": 0},
     {"at_least": 1, "left_out": 0, "parked": 0, "count": -1, "average": 0},
     {"at_least": 1, "left_out": 0, "parked": 0, "count": "NaN", "average": 0},
     {"at_least": 0, "left_out": 0, "parked": 0, "count": 0, "average": 0}],
)  # fmt: skip
def test_limits_that_say_nothing_sensible_are_refused(said: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_limits(said)
    assert refusal.value.code == "bill_run_limits"
