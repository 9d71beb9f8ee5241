"""Control totals of bill runs: exact where they must agree, within limits where they may differ."""

from dataclasses import replace
from decimal import Decimal

import pytest

from commerce.kernel.errors import InvalidInput
from subscriptions.domain.control import Before, Limits, Stored, Tally, deviations, read_limits

LIMITS = Limits(*map(Decimal, ("50", "0.02", "0.05", "0.30", "0.20")))
COUNTED = Tally(
    due=100, taken=100, billed=90, parked=4, nothing=6, drafts=95, gross=Decimal("2850.00")
)
STORED = Stored(95, *map(Decimal, ("2850.00", "2400.00", "2400.00", "2300.00", "2300.00")))
BEFORE = Before(bills=100, gross=Decimal("3000.00"))


def found(
    counted: Tally = COUNTED, stored: Stored = STORED, before: Before = BEFORE
) -> list[tuple[str, str, str]]:
    return [
        (each.control.value, each.expected, each.found)
        for each in deviations(counted=counted, stored=stored, before=before, limits=LIMITS)
    ]


def test_what_agrees_deviates_in_nothing() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("counted", "stored", "before", "deviation"),
    [
        (replace(COUNTED, billed=89), STORED, BEFORE, ("accounts", "100", "99")),
        (COUNTED, replace(STORED, drafts=94), BEFORE, ("drafts", "95", "94")),
        (COUNTED, replace(STORED, gross=Decimal("2850.01")), BEFORE,
         ("gross", "2850.00", "2850.01")),
        (COUNTED, replace(STORED, lines=Decimal("2399.99")), BEFORE,
         ("lines", "2400.00", "2399.99")),
        (COUNTED, replace(STORED, named=Decimal("2300.01")), BEFORE,
         ("promised", "2300.00", "2300.01")),
        (replace(COUNTED, due=103), STORED, BEFORE, ("left_out", "0", "3")),
        (replace(COUNTED, billed=88, parked=6), STORED, BEFORE, ("parked", "0", "6")),
        (COUNTED, STORED, replace(BEFORE, bills=73, gross=Decimal("2190.00")),
         ("count", "73", "95")),
        (COUNTED, STORED, replace(BEFORE, gross=Decimal("3751.00")),
         ("average", "37.51", "30.00")),
    ],
)  # fmt: skip
def test_each_total_that_deviates_is_named_with_both_figures(
    counted: Tally, stored: Stored, before: Before, deviation: tuple[str, str, str]
) -> None:
    assert found(counted, stored, before) == [deviation]


def test_what_reaches_a_limit_is_within_it() -> None:
    assert found(replace(COUNTED, billed=89, parked=5)) == []
    assert found(replace(COUNTED, due=102)) == []
    assert found(before=replace(BEFORE, gross=Decimal("3750.00"))) == []


def test_few_accounts_are_not_judged_by_shares() -> None:
    few = Tally(due=49, taken=40, billed=1, parked=39, drafts=1, gross=Decimal(1))
    small = Stored(1, *map(Decimal, (1, 1, 1, 1, 1)))
    assert found(few, small, Before(bills=49, gross=Decimal(1470))) == []


def test_a_run_of_next_to_no_bills_is_judged_where_there_were_many() -> None:
    few = Tally(due=1, taken=1, billed=1, drafts=1, gross=Decimal(1))
    one = Stored(1, *map(Decimal, (1, 1, 1, 1, 1)))
    assert found(few, one) == [("count", "100", "1")]
    assert found(Tally(), Stored(0, *[Decimal(0)] * 5)) == [("count", "100", "0")]


def test_a_second_run_of_a_day_counts_with_the_first() -> None:
    assert found(before=replace(BEFORE, bills=1000, gross=Decimal(30000), today=900)) == []
    assert found(before=replace(BEFORE, bills=1000, gross=Decimal(30000))) == [
        ("count", "1000", "95")
    ]


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
