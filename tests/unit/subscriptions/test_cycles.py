"""Bill days that move: no day of a charge is lost or doubled, whatever moves are made when."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise, takewhile

from hypothesis import given
from hypothesis import strategies as st

from commerce.kernel.money import Money
from commerce.kernel.periods import Period, add_months
from subscriptions.domain.charges import AgreedCharge, billed_on, month_start, span_from, spans
from subscriptions.domain.cycles import (
    Cycle,
    CycleDay,
    cycle_of,
    first_bill_on,
    last_bill_on,
    moved,
    stored,
)
from subscriptions.domain.invoice import bill_period, period_due

DAYS = st.dates(date(2024, 1, 1), date(2027, 12, 31))
MOVES = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 28)), max_size=4)


def charge(every: int = 1) -> AgreedCharge:
    return AgreedCharge("plan-1", "plan", True, Money.of("30.00"), "standard", every_months=every)


def lived(first: int, since: date, moves: Sequence[tuple[int, int]]) -> CycleDay:
    """One move after the other, each asked for some days after the one before."""
    cycle: CycleDay = first
    asked = since
    for wait, day in moves:
        asked += timedelta(days=wait)
        cycle = moved(cycle, to=day, asked_on=asked)
    return cycle


def test_the_running_cycle_goes_on_to_its_end() -> None:
    cycle = moved(10, to=25, asked_on=date(2026, 3, 20))
    assert cycle == Cycle(25, ((date(2026, 4, 10), 10),))
    assert bill_period(date(2026, 3, 10), cycle_day=cycle).end == date(2026, 4, 10)
    assert bill_period(date(2026, 4, 10), cycle_day=cycle).end == date(2026, 4, 25)
    assert bill_period(date(2026, 4, 25), cycle_day=cycle).end == date(2026, 5, 25)


def test_on_a_bill_day_it_is_the_cycle_that_begins_which_goes_on() -> None:
    assert moved(10, to=25, asked_on=date(2026, 3, 10)).moves == (date(2026, 4, 10),)


def test_a_part_that_is_over_is_billed_with_the_cycle_after_it_but_not_one_of_a_move() -> None:
    eve, on = date(2026, 4, 9), date(2026, 4, 10)
    assert period_due(eve, on=on, cycle_day=10) == Period(eve, date(2026, 5, 10))
    assert period_due(eve, on=eve, cycle_day=10) == Period(eve, on)
    cycle = moved(10, to=25, asked_on=date(2026, 3, 20))
    late = date(2026, 5, 1)
    assert period_due(on, on=late, cycle_day=cycle) == Period(on, date(2026, 4, 25))


def test_months_of_who_began_on_the_31st_stay_where_they_were() -> None:
    began = date(2026, 1, 31)
    for former, to in ((28, 5), (5, 28)):
        cycle = moved(former, to=to, asked_on=date(2026, 3, 1))
        for month in range(1, 14):
            assert month_start(month, activation=began, cycle_day=cycle) == month_start(
                month, activation=began, cycle_day=former
            )


@given(since=DAYS, first=st.integers(1, 28), moves=MOVES, every=st.sampled_from([1, 3, 12]))
def test_every_day_of_a_charge_is_in_one_span(
    since: date, first: int, moves: list[tuple[int, int]], every: int
) -> None:
    cycle = lived(first, since, moves)
    horizon = add_months(since, 60)
    found = list(
        takewhile(
            lambda span: span.period.start < horizon,
            spans(charge(every), activation=since, cycle_day=cycle),
        )
    )
    assert found[0].period.start == since
    for one, two in pairwise(found):
        assert one.period.end == two.period.start
        assert one.index < two.index
    for span in found:
        assert span.period.days > 0
        assert span.period.end == span.whole.end
        assert span.whole.start <= span.period.start
        assert add_months(span.whole.end, -every) == span.whole.start
        start = span.period.start
        again = span_from(start, activation=since, cycle_day=cycle, every_months=every)
        assert again == span


@given(since=DAYS, first=st.integers(1, 28), moves=MOVES, every=st.sampled_from([1, 3]))
def test_every_span_stands_on_the_bill_of_the_days_in_which_it_begins(
    since: date, first: int, moves: list[tuple[int, int]], every: int
) -> None:
    cycle = lived(first, since, moves)
    begun = takewhile(
        lambda span: span.period.start < add_months(since, 40),
        spans(charge(every), activation=since, cycle_day=cycle),
    )
    for span in begun:
        bill = billed_on(span, activation=since, cycle_day=cycle)
        assert span.period.start in bill_period(bill, cycle_day=cycle)
        if every == 1:
            assert bill == span.period.start


@given(
    since=DAYS,
    first=st.integers(1, 28),
    moves=MOVES,
    every=st.sampled_from([1, 3]),
    free=st.integers(1, 1200),
)
def test_no_bill_before_a_first_paid_day_holds_it_or_a_later_one(
    since: date, first: int, moves: list[tuple[int, int]], every: int, free: int
) -> None:
    cycle, costs_on = lived(first, since, moves), since + timedelta(days=free)
    begun = takewhile(
        lambda span: span.period.start < add_months(since, 40),
        spans(charge(every), activation=since, cycle_day=cycle),
    )
    before = since
    for span in begun:
        bill = billed_on(span, activation=since, cycle_day=cycle, costs_on=costs_on)
        usual = billed_on(span, activation=since, cycle_day=cycle)
        assert bill >= costs_on or span.period.end <= costs_on
        if bill != usual:
            end = span.period.end
            last, after = (each(end, cycle_day=cycle) for each in (last_bill_on, first_bill_on))
            assert bill == (last if last >= costs_on else after)
            assert usual < costs_on
        # A bill that holds a span holds those before it, or another bill has.
        assert before <= bill
        before = bill


@given(since=DAYS, first=st.integers(1, 28), moves=MOVES, day=st.integers(0, 1200))
def test_the_bills_of_an_account_follow_on_each_other(
    since: date, first: int, moves: list[tuple[int, int]], day: int
) -> None:
    cycle = lived(first, since, moves)
    some = since + timedelta(days=day)
    last, following = last_bill_on(some, cycle_day=cycle), first_bill_on(some, cycle_day=cycle)
    assert last <= some <= following
    period = bill_period(last, cycle_day=cycle)
    assert some in period
    assert period.end <= add_months(last, 1)
    assert first_bill_on(period.end, cycle_day=cycle) == period.end


@given(since=DAYS, first=st.integers(1, 28), moves=MOVES)
def test_what_is_stored_is_read_back(since: date, first: int, moves: list[tuple[int, int]]) -> None:
    cycle = lived(first, since, moves)
    day, before = stored(cycle)
    assert cycle_of(day, [(str(until), int(former)) for until, former in before]) == cycle
