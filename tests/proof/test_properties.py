"""What holds of every cart: the quote is what falls due, and no promotion ever costs anything.

The cases are those of the oracle, drawn by Hypothesis; what holds of sums, order, splitting and
all off stands in tests/unit/ordering/test_quote_properties.py.
"""

from dataclasses import replace
from datetime import date
from itertools import takewhile

from hypothesis import given, settings
from hypothesis import strategies as st

from commerce.kernel.money import Money, total
from commerce.kernel.periods import cycle_day_for
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.schedule import cost_of
from subscriptions.domain.charges import DueLine, Phase, due_lines, net_in_period, spans
from tests.proof.comparing import PERIODS, quoted
from tests.proof.random_carts import STARTS, Case, case

CASES = st.integers(0, 1_000_000).map(case)
DAYS = st.sampled_from(STARTS) | st.dates(date(2026, 1, 1), date(2029, 12, 31))
FEW = settings(max_examples=60)


@FEW
@given(one=CASES, activation=DAYS)
def test_the_quote_shows_what_falls_due_period_by_period(one: Case, activation: date) -> None:
    found = quoted(replace(one, activation=activation))

    by_month: dict[int, Money] = {}
    for line in _due(found, cycle_day=cycle_day_for(activation)):
        by_month[line.period] = by_month.get(line.period, Money.zero()) + line.amount

    shown = {bill.period: bill.amount for bill in found.bills(PERIODS)}
    assert shown == {n: by_month.get(n, Money.zero()) for n in range(1, PERIODS + 1)}


@FEW
@given(one=CASES, day=st.integers(1, 28))
def test_the_phases_are_the_whole_months(one: Case, day: int) -> None:
    """From the 1st to the 28th nothing is by days, and each bill is that of its phase."""
    found = quoted(replace(one, activation=date(2027, 1, day)))

    for bill in found.bills(found.months_shown):
        amounts = [phase.amount for phase in found.monthly if _holds(phase, bill.period)]
        assert amounts == ([bill.amount] if found.monthly else [])


@FEW
@given(one=CASES, activation=DAYS, cycle_day=st.integers(1, 28))
def test_no_bill_is_negative_nor_above_its_list_price(
    one: Case, activation: date, cycle_day: int
) -> None:
    found, listed = quoted(one), quoted(replace(one, promotions=()))
    nothing = Money.zero()
    for quote in (found, listed):
        for charge in quote.agreed_charges():
            assert not net_in_period(charge, period=0) < nothing

    paid = _by_period(replace(found, activation=activation), cycle_day=cycle_day)
    full = _by_period(replace(listed, activation=activation), cycle_day=cycle_day)
    assert paid.keys() == full.keys()
    assert all(nothing <= paid[key] <= full[key] for key in paid)


@FEW
@given(one=CASES, place=st.integers(0, 7))
def test_one_more_promotion_makes_no_unit_dearer(one: Case, place: int) -> None:
    """Each unit over its own months, as promotions are chosen."""
    fewer = tuple(p for n, p in enumerate(one.promotions) if n != place)

    found, without = quoted(one), quoted(replace(one, promotions=fewer))

    for group in {line.group for line in found.lines}:
        assert _cost(found, group) <= _cost(without, group)


def _due(quote: Quote, *, cycle_day: int) -> list[DueLine]:
    return [
        line
        for charge in quote.agreed_charges()
        if charge.recurring
        for span in takewhile(
            lambda span: span.index <= PERIODS,
            spans(charge, activation=quote.activation, cycle_day=cycle_day),
        )
        for line in due_lines(charge, activation=quote.activation, span=span)
    ]


def _by_period(quote: Quote, *, cycle_day: int) -> dict[tuple[str, str, int], Money]:
    found: dict[tuple[str, str, int], Money] = {}
    for line in _due(quote, cycle_day=cycle_day):
        key = (line.item, line.charge, line.period)
        found[key] = found.get(key, Money.zero()) + line.amount
    return found


def _holds(phase: Phase, period: int) -> bool:
    return phase.first <= period and (phase.periods is None or period < phase.first + phase.periods)


def _cost(quote: Quote, group: str) -> Money:
    lines = [line for line in quote.lines if line.group == group]
    months = max(line.term for line in lines) or 12
    once = total(line.due_today for line in lines)
    charges = [charge for line in lines for charge in line.charges]
    return once + total(cost_of(charge, months=months) for charge in charges)
