"""From which day on something that is free at first costs money, and how much."""

from datetime import date
from decimal import Decimal

import pytest

from commerce.kernel.money import Money
from promotions.domain.benefits import Benefit, BenefitKind
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.continuing import PaidLater, paid_later

NOVEMBER = date(2026, 11, 23)


def charge(amount: str, *benefits: Benefit, every: int = 1, code: str = "music") -> AgreedCharge:
    return AgreedCharge(
        "content-1", code, True, Money.of(amount), "telecom", every_months=every, benefits=benefits
    )


def off(percent: str, periods: int | None, *, first: int = 1) -> Benefit:
    return Benefit(f"off-{percent}", BenefitKind.PERCENT_OFF, Decimal(percent), first, periods)


@pytest.mark.parametrize(
    ("case", "charges", "cycle_day", "expected"),
    [
        ("three months, on the own cycle", [charge("4.99", off("100", 3))], 23,
         PaidLater(date(2027, 2, 23), Money.of("4.99"), 1)),
        ("on the cycle of an account that was joined, within a bill",
         [charge("4.99", off("100", 3))], 5, PaidLater(date(2027, 2, 23), Money.of("4.99"), 1)),
        ("then three months at half price", [charge("5.00", off("100", 2), off("50", 3, first=3))],
         23, PaidLater(date(2027, 1, 23), Money.of("2.50"), 1)),
        ("a yearly price whose first year is free", [charge("60.00", off("100", 1), every=12)], 23,
         PaidLater(date(2027, 11, 23), Money.of("60.00"), 12)),
        ("two charges that cost on the same day",
         [charge("4.99", off("100", 1)), charge("1.00", off("100", 1), code="extra")], 23,
         PaidLater(date(2026, 12, 23), Money.of("5.99"), 1)),
        ("it costs a little from the first day", [charge("9.90", off("50", 6))], 23, None),
        ("one of its charges costs from the first day",
         [charge("4.99", off("100", 3)), charge("1.00", code="extra")], 23, None),
        ("free for ever", [charge("4.99", off("100", None))], 23, None),
        ("never a price", [charge("0.00")], 23, None),
    ],
)  # fmt: skip
def test_the_first_paid_day(
    case: str, charges: list[AgreedCharge], cycle_day: int, expected: PaidLater | None
) -> None:
    assert paid_later(charges, activation=NOVEMBER, cycle_day=cycle_day) == expected, case


def test_free_months_of_the_31st_end_on_a_28th_as_on_the_bills() -> None:
    found = paid_later([charge("4.99", off("100", 2))], activation=date(2026, 12, 31), cycle_day=28)
    assert found == PaidLater(date(2027, 2, 28), Money.of("4.99"), 1)
