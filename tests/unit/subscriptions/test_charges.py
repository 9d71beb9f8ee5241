"""What falls due when: worked sums, then what holds for all."""

from datetime import date
from decimal import Decimal
from itertools import islice, pairwise, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.kernel.money import Money, total
from commerce.kernel.periods import Period, add_months, cycle_day_for
from promotions.domain.benefits import Benefit, BenefitKind
from subscriptions.domain.charges import (
    AgreedCharge,
    Span,
    due_in_period,
    due_lines,
    period_starts,
    span_from,
    spans,
)
from subscriptions.domain.cycles import first_cycle_start

JAN_31 = date(2026, 1, 31)


def charge(
    amount: str = "29.99", *benefits: Benefit, every: int = 1, quantity: int = 1
) -> AgreedCharge:
    return AgreedCharge(
        item="plan-1",
        code="plan",
        recurring=True,
        amount=Money.of(amount),
        tax_class="standard",
        every_months=every,
        benefits=benefits,
        quantity=quantity,
    )


def free(periods: int | None, *, first: int = 1, code: str = "free") -> Benefit:
    return Benefit(code, BenefitKind.PERCENT_OFF, Decimal(100), first, periods)


def amounts(agreed: AgreedCharge, *, activation: date, cycle_day: int, count: int) -> list[str]:
    """The sums of the first spans, as text."""
    return [
        str(total(line.amount for line in due_lines(agreed, activation=activation, span=span)))
        for span in islice(spans(agreed, activation=activation, cycle_day=cycle_day), count)
    ]


@pytest.mark.parametrize(
    ("case", "activation", "cycle_day", "first", "second"),
    [
        (
            "the activation day is the cycle day: whole months from the first",
            date(2026, 3, 10), 10, (date(2026, 3, 10), date(2026, 4, 10)), date(2026, 5, 10),
        ),
        (
            "active on the 31st, cycle day 28: the first part ends on 28 February",
            JAN_31, 28, (JAN_31, date(2026, 2, 28)), date(2026, 3, 28),
        ),
        (
            "active on the 29th of a leap February: the first part ends on 28 March",
            date(2028, 2, 29), 28, (date(2028, 2, 29), date(2028, 3, 28)), date(2028, 4, 28),
        ),
        (
            "joining an account with a later cycle day of this month",
            date(2026, 3, 10), 15, (date(2026, 3, 10), date(2026, 3, 15)), date(2026, 4, 15),
        ),
        (
            "joining one day after the cycle day: nearly a whole month",
            date(2026, 12, 16), 15, (date(2026, 12, 16), date(2027, 1, 15)), date(2027, 2, 15),
        ),
    ],
)  # fmt: skip
def test_first_days_run_to_the_cycle_day(
    case: str, activation: date, cycle_day: int, first: tuple[date, date], second: date
) -> None:
    one, two = islice(spans(charge(), activation=activation, cycle_day=cycle_day), 2)
    assert (one.index, one.period) == (1, Period(*first)), case
    assert (two.index, two.period) == (2, Period(first[1], second)), case
    assert not two.prorated
    assert one.prorated == (activation.day != cycle_day)


@pytest.mark.parametrize(
    ("case", "agreed", "activation", "cycle_day", "expected"),
    [
        ("a price is a price", charge("29.99"), date(2026, 3, 10), 10, ["29.99", "29.99"]),
        # [31 Jan, 28 Feb) is 28 of the 31 days of [28 Jan, 28 Feb): 29.99 * 28 / 31 = 27.0877
        ("first part by days", charge("29.99"), JAN_31, 28, ["27.09", "29.99"]),
        # [22 Nov, 5 Dec) is 13 of the 30 days of [5 Nov, 5 Dec): 19.99 * 13 / 30 = 8.6623
        ("joining by days", charge("19.99"), date(2026, 11, 22), 5, ["8.66", "19.99"]),
        # [10 Feb, 1 Mar) is 19 of 28 days: 29.99 * 19 / 28 = 20.3504
        ("a short month", charge("29.99"), date(2026, 2, 10), 1, ["20.35", "29.99"]),
        # 25 * 19.99 = 499.75; 499.75 * 13 / 30 = 216.5583: rounded once, not per unit
        (
            "a quantity is rounded once",
            charge("19.99", quantity=25), date(2026, 11, 22), 5, ["216.56", "499.75"],
        ),
        (
            "two months free, then the price",
            charge("29.99", free(2)), date(2026, 3, 10), 10, ["0.00", "0.00", "29.99"],
        ),
        (
            "free from the third month for one month",
            charge("10.00", free(1, first=3)), date(2026, 3, 10), 10,
            ["10.00", "10.00", "0.00", "10.00"],
        ),
        # The months of one who starts on the 31st are [31 Jan, 28 Feb), [28 Feb, 28 Mar), ...
        (
            "on its own cycle the free months are those that are billed",
            charge("29.99", free(2)), JAN_31, 28, ["0.00", "0.00", "29.99", "29.99"],
        ),
        # One month free to 14 April; of [15 Mar, 15 Apr) 30 of 31 days: 31.00 - 30.00
        (
            "a short first part doesn't eat a free month",
            charge("31.00", free(1)), date(2026, 3, 14), 15, ["0.00", "1.00", "31.00"],
        ),
        # 50 % of 20.01 is 10.005, half up 10.01: 10.00 left
        (
            "half price, rounded half up in the saving",
            charge("20.01", Benefit("half", BenefitKind.PERCENT_OFF, Decimal(50))),
            date(2026, 3, 10), 10, ["10.00", "10.00"],
        ),
        # 10 % off 30.00 leaves 27.00, 5.00 off that leaves 22.00
        (
            "benefits are taken one after the other",
            charge(
                "30.00",
                Benefit("ten", BenefitKind.PERCENT_OFF, Decimal(10)),
                Benefit("five", BenefitKind.AMOUNT_OFF, Decimal("5.00"), 1, 2),
            ),
            date(2026, 3, 10), 10, ["22.00", "22.00", "27.00"],
        ),
        (
            "a fixed price for two months",
            charge("30.00", Benefit("nine", BenefitKind.FIXED_PRICE, Decimal("9.99"), 1, 2)),
            date(2026, 3, 10), 10, ["9.99", "9.99", "30.00"],
        ),
        # Every three months from the cycle day; the first part is 13 of the 91 days of
        # [5 Sep, 5 Dec): 91.00 * 13 / 91
        (
            "every three months, with a first part",
            charge("91.00", every=3), date(2026, 11, 22), 5, ["13.00", "91.00"],
        ),
    ],
)  # fmt: skip
def test_what_falls_due(
    case: str, agreed: AgreedCharge, activation: date, cycle_day: int, expected: list[str]
) -> None:
    got = amounts(agreed, activation=activation, cycle_day=cycle_day, count=len(expected))
    assert got == [f"{amount} EUR" for amount in expected], case


def test_a_free_month_shows_the_price_and_what_was_given() -> None:
    agreed = charge("29.99", free(6, code="six-free"))
    span = span_from(date(2026, 3, 10), activation=date(2026, 3, 10), cycle_day=10)
    price, given_away = due_lines(agreed, activation=date(2026, 3, 10), span=span)
    assert (price.benefit, price.amount) == (None, Money.of("29.99"))
    assert (given_away.benefit, given_away.amount) == ("six-free", Money.of("-29.99"))


def test_every_three_months_numbers_its_periods_in_months() -> None:
    agreed = charge("30.00", every=3)
    indexes = [s.index for s in islice(spans(agreed, activation=JAN_31, cycle_day=28), 4)]
    assert indexes == [1, 2, 5, 8]
    whole = [s.index for s in islice(spans(agreed, activation=date(2026, 3, 1), cycle_day=1), 3)]
    assert whole == [1, 4, 7]


@pytest.mark.parametrize("start", [date(2026, 3, 11), date(2026, 2, 28), date(2026, 2, 1)])
def test_no_span_starts_on_another_day(start: date) -> None:
    with pytest.raises(ValueError, match="no span"):
        span_from(start, activation=date(2026, 3, 10), cycle_day=10)


@pytest.mark.parametrize("day", [0, 29])
def test_a_cycle_day_is_1_to_28(day: int) -> None:
    with pytest.raises(ValueError, match="cycle day"):
        first_cycle_start(JAN_31, cycle_day=day)


days = st.dates(date(2026, 1, 1), date(2030, 12, 31))
cycle_days = st.integers(1, 28)
cents = st.integers(0, 99_999).map(Money.from_cents)
benefits = st.lists(
    st.builds(
        Benefit,
        code=st.sampled_from(["a", "b", "c"]),
        kind=st.sampled_from(BenefitKind),
        value=st.integers(0, 10_000).map(lambda n: Decimal(n) / 100),
        first=st.integers(1, 8),
        periods=st.none() | st.integers(1, 12),
    ),
    max_size=3,
    unique_by=lambda benefit: benefit.code,
)


@given(activation=days, cycle_day=cycle_days, every=st.sampled_from([1, 3, 12]))
def test_spans_follow_each_other_without_gap_or_overlap(
    activation: date, cycle_day: int, every: int
) -> None:
    found = list(islice(spans(charge(every=every), activation=activation, cycle_day=cycle_day), 30))
    assert found[0].period.start == activation
    for one, two in pairwise(found):
        assert one.period.end == two.period.start
        assert two.period.start.day == cycle_day
        assert two.index > one.index
        assert not two.prorated


@given(activation=days, price=cents, granted=benefits, quantity=st.integers(1, 30))
def test_on_its_own_cycle_a_contract_owes_what_the_quote_said(
    activation: date, price: Money, granted: list[Benefit], quantity: int
) -> None:
    agreed = charge(str(price.amount), *granted, quantity=quantity)
    cycle_day = cycle_day_for(activation)
    for span in islice(spans(agreed, activation=activation, cycle_day=cycle_day), 14):
        if not span.prorated:
            due = due_lines(agreed, activation=activation, span=span)
            assert due == due_in_period(agreed, period=span.index)


@given(activation=days, cycle_day=cycle_days, price=cents, granted=benefits)
def test_a_bill_is_never_below_zero_nor_above_the_price(
    activation: date, cycle_day: int, price: Money, granted: list[Benefit]
) -> None:
    agreed = charge(str(price.amount), *granted)
    for span in islice(spans(agreed, activation=activation, cycle_day=cycle_day), 14):
        due = total(line.amount for line in due_lines(agreed, activation=activation, span=span))
        assert Money.zero() <= due <= price
        assert due == due.rounded()


@given(activation=days, cycle_day=cycle_days, price=cents, months=st.integers(1, 12))
def test_all_off_is_exactly_nothing_for_as_many_contract_months(
    activation: date, cycle_day: int, price: Money, months: int
) -> None:
    agreed = charge(str(price.amount), free(months))
    end = add_months(activation, months)
    within = takewhile(
        lambda span: span.period.end <= end,
        spans(agreed, activation=activation, cycle_day=cycle_day),
    )
    for span in within:
        due = due_lines(agreed, activation=activation, span=span)
        assert total(line.amount for line in due) == Money.zero()


@given(activation=days, price=cents)
def test_own_cycle_periods_are_the_spans_of_a_monthly_charge(
    activation: date, price: Money
) -> None:
    cycle_day = cycle_day_for(activation)
    own: list[Span] = list(islice(spans(charge(), activation=activation, cycle_day=cycle_day), 5))
    assert [(s.index, s.period) for s in own] == list(islice(period_starts(activation), 5))
