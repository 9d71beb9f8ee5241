"""What the months that are left of a commitment would cost."""

from datetime import date
from decimal import Decimal

import pytest

from commerce.kernel.money import Money
from promotions.domain.benefits import Benefit, BenefitKind
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.leaving import Commitment, instalments_left

SINCE = date(2026, 1, 5)


def charge(amount: str, *, every: int = 1, benefits: tuple[Benefit, ...] = ()) -> AgreedCharge:
    return AgreedCharge("plan", "fee", True, Money.of(amount), "standard", every, benefits)


def left(*charges: AgreedCharge, months: int, on: date) -> list[str]:
    found = instalments_left(
        [(each, SINCE) for each in charges],
        commitment=Commitment(SINCE, months),
        on=on,
        cycle_day=5,
    )
    return [str(each) for each in found]


def test_of_the_month_that_has_begun_the_days_left_are_owed() -> None:
    assert left(charge("31.00"), months=3, on=date(2026, 3, 20)) == ["16.00 EUR"]


@pytest.mark.parametrize("on", [date(2026, 2, 5), date(2026, 3, 5), date(2026, 4, 5)])
def test_what_is_due_every_three_months_is_owed_for_each_month_left(on: date) -> None:
    months_left = 8 + SINCE.month - on.month

    assert left(charge("90.00", every=3), months=8, on=on) == ["30.00 EUR"] * months_left


def test_a_benefit_of_the_month_in_which_three_fall_due_is_of_all_three() -> None:
    half = Benefit("half", BenefitKind.PERCENT_OFF, Decimal(50), periods=1)

    found = left(charge("90.00", every=3, benefits=(half,)), months=4, on=date(2026, 2, 5))

    assert found == ["15.00 EUR", "15.00 EUR", "30.00 EUR"]


def test_free_months_of_a_plan_of_the_31st_end_on_a_28th_as_on_the_bills() -> None:
    free = Benefit("free", BenefitKind.PERCENT_OFF, Decimal(100), periods=2)

    found = instalments_left(
        [(charge("40.00", benefits=(free,)), date(2026, 3, 31))],
        commitment=Commitment(date(2026, 1, 29), 6),
        on=date(2026, 4, 29),
        cycle_day=28,
    )

    assert [str(each) for each in found] == ["0.00 EUR", "40.00 EUR", "40.00 EUR"]
