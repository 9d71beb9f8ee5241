"""On which day a change of terms takes effect for a contract."""

from datetime import date
from decimal import Decimal

import pytest

from commerce.kernel.money import Money
from promotions.domain.benefits import Benefit, BenefitKind
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.terms import ToldOf, last_free_day, takes_effect

SINCE, FROM = date(2026, 11, 23), date(2027, 2, 15)


def charge(*benefits: Benefit, every: int = 1) -> AgreedCharge:
    return AgreedCharge(
        "plan", "monthly", True, Money.of("19.99"), "telecom", every_months=every, benefits=benefits
    )


def off(periods: int | None) -> Benefit:
    return Benefit("off", BenefitKind.PERCENT_OFF, Decimal(50), 1, periods)


@pytest.mark.parametrize(
    ("case", "charges", "cycle_day", "expected"),
    [
        ("the first bill from the day on", [charge()], 23, date(2027, 2, 23)),
        ("on the cycle of an account that was joined", [charge()], 5, date(2027, 3, 5)),
        ("the day itself", [charge()], 15, date(2027, 2, 15)),
        ("what is given for six months is kept", [charge(off(6))], 23, date(2027, 5, 23)),
        ("also where it ends within a bill", [charge(off(6))], 5, date(2027, 6, 5)),
        ("what is given for good does not hold it up", [charge(off(None))], 23, date(2027, 2, 23)),
        ("what is paid for a year is kept", [charge(every=12)], 23, date(2027, 11, 23)),
        ("nothing is billed for it again and again", [], 23, FROM),
    ],
)
def test_the_day_on_which_it_takes_effect(
    case: str, charges: list[AgreedCharge], cycle_day: int, expected: date
) -> None:
    found = takes_effect(charges, since=SINCE, cycle_day=cycle_day, from_on=FROM)
    assert found == expected, case


@pytest.mark.parametrize(
    ("case", "on", "bound_since", "expected"),
    [
        ("before he was told", date(2027, 1, 9), None, None),
        ("on the day on which he was told", date(2027, 1, 10), None, date(2027, 6, 23)),
        ("four months later, to the day", date(2027, 6, 23), None, date(2027, 6, 23)),
        ("a day after that", date(2027, 6, 24), None, None),
        ("bound since the day itself", date(2027, 3, 1), date(2027, 1, 10), date(2027, 6, 23)),
        ("bound since he knew", date(2027, 3, 1), date(2027, 1, 11), None),
    ],
)
def test_until_when_who_was_told_leaves_freely(
    case: str, on: date, bound_since: date | None, expected: date | None
) -> None:
    told = [ToldOf(told_on=date(2027, 1, 10), effective_on=date(2027, 2, 23))]
    found = last_free_day(told, on=on, months=4, bound_since=bound_since)
    assert found == expected, case


def test_of_two_changes_the_later_one_says_until_when() -> None:
    told = [
        ToldOf(told_on=date(2027, 1, 10), effective_on=date(2027, 4, 23)),
        ToldOf(told_on=date(2027, 2, 1), effective_on=date(2027, 3, 1)),
    ]
    assert last_free_day(told, on=date(2027, 3, 1), months=4) == date(2027, 8, 23)
    assert last_free_day([], on=date(2027, 3, 1), months=4) is None
