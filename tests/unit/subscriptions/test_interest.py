"""Interest on late bills: sums worked by hand, and what must hold for all of them."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from commerce.markets.fr.interest import LEGAL_RATES
from commerce.markets.pack import LateRate, market
from subscriptions.domain.interest import LateBill, Movement, Rest, interest, parts, rate_on

RATES = (
    LateRate(date(2025, 7, 1), Decimal("8.28")),
    LateRate(date(2026, 1, 1), Decimal("7.86")),
)
DUE = date(2026, 4, 9)


def bill(
    *moved: tuple[date, str],
    gross: str = "1200.00",
    bearing: str = "",
    due: date = DUE,
    rests: tuple[Rest, ...] = (),
) -> LateBill:
    movements = [Movement(due - timedelta(days=30), Money.of(gross))]
    movements += [Movement(on, Money.of(amount)) for on, amount in moved]
    return LateBill(due, Money.of(bearing or gross), tuple(movements), rests)


def resting(amount: str) -> Rest:
    """A debit announced on the fifth of April for the nineteenth."""
    return Rest(Period(date(2026, 4, 6), date(2026, 4, 20)), Money.of(amount))


def of(found: LateBill, *, until: date) -> tuple[str, int]:
    """The interest until that day, included, and for how many days."""
    days = Period(found.due_on - timedelta(days=5), until + timedelta(days=1))
    borne = parts(found, RATES, days=days)
    return str(interest(borne, currency="EUR").amount), sum(part.days.days for part in borne)


@pytest.mark.parametrize(
    ("case", "found", "until", "expected"),
    [
        # 1200.00 x 7.86 % x 30 / 365 = 7.7523...
        ("thirty days at one rate", bill((date(2026, 5, 9), "-1200.00")), date(2026, 6, 1),
         ("7.75", 30)),
        ("who pays on the due day pays nothing", bill((DUE, "-1200.00")), date(2026, 6, 1),
         ("0.00", 0)),
        # 1200.00 x 7.86 % / 365 = 0.2584...
        ("the day after is one day", bill((date(2026, 4, 10), "-1200.00")), date(2026, 6, 1),
         ("0.26", 1)),
        # 1200 x 7.86 % x 10 / 365 + 700 x 7.86 % x 20 / 365 = 2.58410... + 3.01479...
        ("a part paid after ten days", bill((date(2026, 4, 19), "-500.00")), date(2026, 5, 9),
         ("5.60", 30)),
        # The credit note of the twentieth day is no money, and lowers what is open as well.
        ("a credit note and the rest", bill((date(2026, 4, 29), "-200.00"),
         (date(2026, 5, 9), "-1000.00")), date(2026, 6, 1), ("7.32", 30)),
        # 1200 x 8.28 % x 11 / 365 + 1200 x 7.86 % x 9 / 365 = 2.99441... + 2.32569...
        ("over the turn of the half-year", bill((date(2026, 1, 9), "-1200.00"),
         due=date(2025, 12, 20)), date(2026, 3, 1), ("5.32", 20)),
        # Paid for five days, taken back by the bank, paid for good: 3 + 2 days bear.
        ("a payment that was taken back", bill((date(2026, 4, 12), "-1200.00"),
         (date(2026, 4, 17), "1200.00"), (date(2026, 4, 19), "-1200.00")), date(2026, 6, 1),
         ("1.29", 5)),
        # 40.00 of costs and 6.00 of interest are part of the 1246.00: 1200.00 bear.
        ("neither costs nor interest bear any", bill((date(2026, 5, 9), "-1246.00"),
         gross="1246.00", bearing="1200.00"), date(2026, 6, 1), ("7.75", 30)),
        # 46.00 paid on the tenth day are the costs and the interest: 1200.00 bear all the time.
        ("what is paid is paid on these first", bill((date(2026, 4, 19), "-46.00"),
         (date(2026, 5, 9), "-1200.00"), gross="1246.00", bearing="1200.00"), date(2026, 6, 1),
         ("7.75", 30)),
        # The debit of 19 April was announced before the due day: ten days are left out.
        ("what was to be debited later", bill((date(2026, 5, 9), "-1200.00"),
         rests=(resting("1200.00"),)), date(2026, 6, 1), ("5.17", 20)),
        # A part of it alone: 700 x 7.86 % x 10 / 365 + 1200 x 7.86 % x 20 / 365 = 1.507 + 5.168.
        ("what was to be debited later of it", bill((date(2026, 5, 9), "-1200.00"),
         rests=(resting("500.00"),)), date(2026, 6, 1), ("6.68", 30)),
        # 366 days of the leap year 2028 are 366 days: 100 x 7.86 % x 366 / 365 = 7.88153...
        ("a leap year", bill((date(2029, 1, 1), "-100.00"), gross="100.00",
         due=date(2028, 1, 1)), date(2029, 6, 1), ("7.88", 366)),
        ("nothing is known of the rate", bill((date(2025, 5, 9), "-1200.00"),
         due=date(2025, 4, 9)), date(2026, 6, 1), ("0.00", 0)),
    ],
)  # fmt: skip
def test_interest_worked_by_hand(
    case: str, found: LateBill, until: date, expected: tuple[str, int]
) -> None:
    assert of(found, until=until) == expected


def test_parts_say_of_which_days_what_was_open_at_which_rate() -> None:
    found = bill((date(2026, 1, 4), "-200.00"), due=date(2025, 12, 29))
    said = parts(found, RATES, days=Period(date(2025, 12, 1), date(2026, 1, 8)))
    assert [(each.days, str(each.open.amount), str(each.percent)) for each in said] == [
        (Period(date(2025, 12, 30), date(2026, 1, 1)), "1200.00", "8.28"),
        (Period(date(2026, 1, 1), date(2026, 1, 5)), "1200.00", "7.86"),
        (Period(date(2026, 1, 5), date(2026, 1, 8)), "1000.00", "7.86"),
    ]


@given(
    paid=st.lists(st.tuples(st.integers(-5, 400), st.integers(1, 60000)), max_size=6),
    cut=st.integers(0, 420),
)
def test_what_is_asked_in_two_times_is_for_the_same_days_at_the_same_rates(
    paid: list[tuple[int, int]], cut: int
) -> None:
    """Nothing is asked for twice, and nothing is left out in between."""
    left, moved = 120000, []
    for after, cents in sorted(paid):
        taken = min(left, cents)
        left -= taken
        moved.append((DUE + timedelta(days=after), str(-Decimal(taken) / 100)))
    found = bill(*[row for row in moved if Decimal(row[1])])
    first, last = DUE, DUE + timedelta(days=420)
    middle = first + timedelta(days=cut)
    whole = parts(found, RATES, days=Period(first, last))
    halves = parts(found, RATES, days=Period(first, middle)) + parts(
        found, RATES, days=Period(middle, last)
    )
    assert sum((each.interest.amount for each in whole), Decimal(0)).quantize(
        Decimal("1e-9")
    ) == sum((each.interest.amount for each in halves), Decimal(0)).quantize(Decimal("1e-9"))
    assert sum(each.days.days for each in whole) == sum(each.days.days for each in halves)


def test_the_french_rate_is_what_the_bill_prints_three_times_the_legal_one() -> None:
    rates = market("fr").late_rates()
    assert [(each.since, each.percent / 3) for each in rates] == sorted(LEGAL_RATES.items())
    assert rate_on(rates, date(2026, 6, 30)) == Decimal("7.86")
    (said,) = (each for each in market("fr").invoice_mentions(business=True) if each.code == "PMD")
    assert "trois fois le taux d'intérêt légal" in said.text["fr"]
    assert all(first.since.day == 1 and first.since.month in (1, 7) for first in rates)
