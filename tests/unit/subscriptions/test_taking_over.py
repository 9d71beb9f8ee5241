"""What is left of an advantage for who takes a line over."""

from datetime import date
from decimal import Decimal

import pytest

from commerce.kernel.money import Money
from promotions.domain.benefits import Benefit, BenefitKind
from subscriptions.domain.charges import AgreedCharge, net_in_period
from subscriptions.domain.taking_over import remaining

SINCE = date(2026, 11, 23)


def charge(*benefits: Benefit) -> AgreedCharge:
    return AgreedCharge("plan", "monthly", True, Money.of("19.99"), "telecom", benefits=benefits)


def off(first: int = 1, periods: int | None = None) -> Benefit:
    return Benefit("less", BenefitKind.AMOUNT_OFF, Decimal(5), first, periods)


@pytest.mark.parametrize(
    ("case", "benefit", "on", "left"),
    [
        ("six of twelve months", off(1, 12), date(2027, 5, 23), [(1, 6)]),
        ("a month that has begun is the new holder's", off(1, 12), date(2027, 5, 22), [(1, 7)]),
        ("the last month", off(1, 12), date(2027, 10, 23), [(1, 1)]),
        ("used up", off(1, 12), date(2027, 11, 23), []),
        ("for good", off(), date(2027, 5, 23), [(1, None)]),
        ("still to come", off(13, 12), date(2027, 5, 23), [(7, 12)]),
        ("on the first day", off(1, 12), SINCE, [(1, 12)]),
    ],
)
def test_months_of_an_advantage_that_are_left(
    case: str, benefit: Benefit, on: date, left: list[tuple[int, int | None]]
) -> None:
    found = remaining(charge(benefit), since=SINCE, on=on, cycle_day=23, item="modify-1")
    assert [(each.first, each.periods) for each in found.benefits] == left
    assert (found.item, found.amount) == ("modify-1", Money.of("19.99"))


def test_each_month_costs_the_new_holder_what_it_would_have_cost_the_old_one() -> None:
    before = charge(off(1, 12), off(4, 6))
    for passed in range(30):
        month = SINCE.month - 1 + passed
        on = date(SINCE.year + month // 12, month % 12 + 1, 23)
        after = remaining(before, since=SINCE, on=on, cycle_day=23, item="plan")
        for period in range(1, 15):
            assert net_in_period(after, period=period) == net_in_period(
                before, period=passed + period
            )
