"""An item may end twice, the second time earlier: bills make of it what each end promises."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import takewhile

from hypothesis import given
from hypothesis import strategies as st

from commerce.kernel.money import Money, total
from promotions.domain.benefits import Benefit, BenefitKind
from subscriptions.domain.changes import EndedCharge, closing, used_of
from subscriptions.domain.charges import AgreedCharge, DueLine, due_lines, spans
from subscriptions.domain.cycles import CycleDay, moved
from subscriptions.domain.invoice import (
    BilledDays,
    DraftLine,
    Ending,
    RunningCharge,
    bill_period,
    recurring_lines,
)
from subscriptions.domain.promise import PromisedLine

DAYS = st.dates(date(2024, 1, 1), date(2026, 12, 31))
REFERENCE = "F-1/plan-1"
GRANTED = (
    (),
    (Benefit("free", BenefitKind.PERCENT_OFF, Decimal(100), 1, 2),),
    (
        Benefit("half", BenefitKind.PERCENT_OFF, Decimal(50), 2, 3),
        Benefit("five", BenefitKind.AMOUNT_OFF, Decimal(5), 1, None),
    ),
)


class Books:
    """The bills of one charge, and which of its days they hold."""

    def __init__(self, agreed: AgreedCharge, *, since: date, cycle_day: CycleDay) -> None:
        self.agreed, self.since, self.cycle_day = agreed, since, cycle_day
        self.until: date | None = None
        self.billed_until: date | None = None
        self.next_bill = since
        self.total = Money.zero()
        self._live: dict[int, BilledDays] = {}
        self._made = 0

    def bill(self) -> tuple[DraftLine, ...]:
        period = bill_period(self.next_bill, cycle_day=self.cycle_day)
        lines, covers = recurring_lines([self._charge()], period=period)
        by_period: dict[int, list[DueLine]] = {}
        for line in lines:
            by_period.setdefault(line.due.period, []).append(line.due)
            self.total += line.due.amount
        for cover in covers:
            if cover.repairs is None:
                held = [line.due for line in lines if line.days and line.days == cover.days]
            else:
                before = self._live.pop(cover.repairs).lines
                held = _together(before, by_period[before[0].period])
            if cover.days.days:
                self._made += 1
                self._live[self._made] = BilledDays(
                    self._made, cover.revision, cover.days, tuple(held)
                )
        if covers:
            self.billed_until = max(cover.days.end for cover in covers)
        self.next_bill = period.end
        return lines

    def end(self, on: date) -> tuple[PromisedLine, ...]:
        """What is promised of it."""
        self.until = on
        ended = EndedCharge(REFERENCE, self.agreed, self.since, on, self.billed_until, Decimal(20))
        return closing(ended, cycle_day=self.cycle_day, bills_from=self.next_bill)

    def _charge(self) -> RunningCharge:
        until = self.until
        return RunningCharge(
            id=1,
            account_id=1,
            order_number="F-1",
            group="g1",
            agreed=self.agreed,
            activation=self.since,
            cycle_day=self.cycle_day,
            billed_until=self.billed_until,
            until=until,
            tax_rate=Decimal(20),
            names={},
            benefit_names={},
            ending=Ending("C-1", "g1", REFERENCE) if until else None,
            overbilled=tuple(
                held for held in self._live.values() if until and held.days.end > until
            ),
        )


def _together(before: Sequence[DueLine], after: Sequence[DueLine]) -> list[DueLine]:
    back = {line.benefit: line.amount for line in after}
    return [replace(line, amount=line.amount + back[line.benefit]) for line in before]


def billed(lines: Sequence[DraftLine]) -> list[tuple[object, ...]]:
    return [
        (line.due.item, line.due.period, line.due.benefit, line.due.amount, line.days.start)
        for line in lines
        if line.days is not None
    ]


def promised(lines: Sequence[PromisedLine]) -> list[tuple[object, ...]]:
    return [
        (line.due.item, line.due.period, line.due.benefit, line.due.amount, line.starts_on)
        for line in lines
    ]


@given(
    since=DAYS,
    day=st.integers(1, 28),
    move=st.none() | st.tuples(st.integers(0, 150), st.integers(1, 28)),
    every=st.sampled_from([1, 3]),
    granted=st.sampled_from(GRANTED),
    lasted=st.integers(0, 300),
    late=st.tuples(st.integers(0, 80), st.integers(0, 80)),
    sooner=st.integers(1, 120),
)
def test_what_two_ends_promise_is_what_the_bills_make_of_them(
    since: date,
    day: int,
    move: tuple[int, int] | None,
    every: int,
    granted: tuple[Benefit, ...],
    lasted: int,
    late: tuple[int, int],
    sooner: int,
) -> None:
    cycle: CycleDay = day
    if move is not None:
        cycle = moved(day, to=move[1], asked_on=since + timedelta(days=move[0]))
    agreed = AgreedCharge(
        "plan-1", "plan", True, Money.of("29.99"), "standard", every_months=every, benefits=granted
    )
    books = Books(agreed, since=since, cycle_day=cycle)
    first = since + timedelta(days=lasted)
    second = max(since, first - timedelta(days=sooner))
    carried_out = first + timedelta(days=late[0])
    books.bill()
    while books.next_bill < carried_out:
        books.bill()
    said, settles = books.end(first), books.next_bill
    if carried_out + timedelta(days=late[1]) > settles:
        assert {line.due_on for line in said} <= {settles}
        assert billed(books.bill()) == promised(said)
        while books.next_bill < carried_out + timedelta(days=late[1]):
            assert books.bill() == ()
    said, settles = books.end(second), books.next_bill
    assert {line.due_on for line in said} <= {settles}
    assert billed(books.bill()) == promised(said)
    assert books.bill() == ()
    # Together they ask for the days that were used, and nothing else.
    every_span = spans(agreed, activation=since, cycle_day=cycle)
    begun = takewhile(lambda span: span.period.start < second, every_span)
    used = [part for span in begun if (part := used_of(span, until=second)) is not None]
    assert books.total == total(
        line.amount for part in used for line in due_lines(agreed, activation=since, span=part)
    )
