"""Interest on late bills: what is open is counted day by day, at the rate of the day. Pure.

A day counts if something was open when it began: from the day after the due day to that of payment,
both included. A year is one of 365 days, in leap years too. What is interest itself, or costs of
recovery, bears none (1343-2 C. civ.), and is paid first (1343-1): of a bill bears what is open, and
never more than the rest of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

from commerce.kernel.money import Money, total
from commerce.kernel.periods import Period
from commerce.markets.pack import LateRate

YEAR = 365
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Movement:
    """What a bill claims more from the day on, or, below zero, what was paid of it on that day."""

    on: date
    amount: Money


@dataclass(frozen=True, slots=True)
class Rest:
    """`days` on which nobody was to pay `amount`: a debit of ours was announced for later."""

    days: Period
    amount: Money


@dataclass(frozen=True, slots=True)
class LateBill:
    """An issued bill: `movements` in any order, the first being its issue; at most `bearing` of
    it bears interest, and nothing of what `rests`."""

    due_on: date
    bearing: Money
    movements: tuple[Movement, ...]
    rests: tuple[Rest, ...] = ()

    def open_on(self, day: date) -> Money:
        """What was open when the day began."""
        moved = (each.amount for each in self.movements if each.on < day)
        return total(moved, currency=self.bearing.currency)

    def bears_on(self, day: date) -> Money:
        """What of it bears interest on that day; zero or less: nothing."""
        resting = (rest.amount for rest in self.rests if day in rest.days)
        awaited = self.open_on(day) - total(resting, currency=self.bearing.currency)
        return min(awaited, self.bearing)

    @property
    def open(self) -> Money:
        """What is open after all that is known."""
        return total((each.amount for each in self.movements), currency=self.bearing.currency)

    @property
    def last_moved_on(self) -> date:
        return max(each.on for each in self.movements)


@dataclass(frozen=True, slots=True)
class Part:
    """`days` during which `open` bore `percent` a year: the interest, not rounded."""

    days: Period
    open: Money
    percent: Decimal

    @property
    def interest(self) -> Money:
        return self.open * (self.percent * self.days.days) / (100 * YEAR)


def parts(bill: LateBill, rates: Sequence[LateRate], *, days: Period) -> tuple[Part, ...]:
    """What the bill bears on the late ones of these days, the earliest first; a day before the
    first rate bears nothing."""
    late = max(days.start, bill.due_on + _DAY)
    terms = _terms(bill, rates, start=late, end=days.end)
    found = []
    for (open_, percent), same in groupby(terms, key=lambda row: row[1:]):
        run = [day for day, _, _ in same]
        for stretch in _stretches(run):
            found.append(Part(stretch, open_, percent))
    return tuple(found)


def interest(found: Iterable[Part], *, currency: str) -> Money:
    """The sum of the parts, rounded once."""
    return total((part.interest for part in found), currency=currency).rounded()


def _terms(
    bill: LateBill, rates: Sequence[LateRate], *, start: date, end: date
) -> Iterator[tuple[date, Money, Decimal]]:
    """The days that bear something, each with what is open and its rate."""
    day = start
    while day < end:
        bears, percent = bill.bears_on(day), rate_on(rates, day)
        if bears.amount > 0 and percent:
            yield day, bears, percent
        day += _DAY


def rate_on(rates: Sequence[LateRate], day: date) -> Decimal:
    """Per cent a year on that day; zero before the first."""
    known = [each.percent for each in rates if each.since <= day]
    return known[-1] if known else Decimal(0)


def _stretches(days: Sequence[date]) -> Iterator[Period]:
    """Days that follow one another as half-open periods."""
    start = days[0]
    for before, day in zip(days, [*days[1:], None], strict=True):
        if day is None or day - before != _DAY:
            yield Period(start, before + _DAY)
            if day is not None:
                start = day
