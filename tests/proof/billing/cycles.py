"""Cycles of an account, periods of a charge, months of a benefit: by walking the calendar."""

from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from tests.proof.billing.facts import CycleDayMoved, Span

ONE_DAY = timedelta(days=1)


def every_day(span: Span) -> Iterator[date]:
    """Its days, one after the other."""
    day = span.start
    while day < span.end:
        yield day
        day += ONE_DAY


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or its last day."""
    count = day.year * 12 + day.month - 1 + months
    year, month = count // 12, count % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def month_of(day: date) -> Span:
    """The calendar month of a day."""
    first = day.replace(day=1)
    return Span(first, add_months(first, 1))


def months_elapsed(start: date, day: date) -> int:
    """Whole months from `start` to `day`."""
    months = 0
    while add_months(start, months + 1) <= day:
        months += 1
    return months


@dataclass(frozen=True, slots=True)
class Period:
    """The days that a recurring charge is paid for at a time, and in how many days it is whole."""

    span: Span
    whole: int


class Cycles:
    """The bill days of one account."""

    def __init__(self, first_day: int, moves: Iterable[CycleDayMoved] = ()) -> None:
        self._days: list[tuple[date, int]] = [(date.min, first_day)]
        self._cycles: dict[date, Span] = {}
        self._periods: dict[tuple[date, int], list[Period]] = {}
        self._of_day: dict[tuple[date, int, date], Period] = {}
        self._months: dict[tuple[date, int], date] = {}
        for move in sorted(moves, key=lambda move: move.entry):
            end = self.containing(move.known).end
            self._days.append((end, move.day))
            self._cycles.clear()

    def day_of_month(self, on: date) -> int:
        """The cycle day in force."""
        return [day for since, day in self._days if since <= on][-1]

    def begins(self, on: date) -> bool:
        """Whether a cycle begins on this day."""
        return on.day == self.day_of_month(on) or any(since == on for since, _ in self._days)

    def containing(self, day: date) -> Span:
        """The cycle of a day; the one after a move is as short as it must be (reading 10)."""
        if day not in self._cycles:
            start = day
            while not self.begins(start):
                start -= ONE_DAY
            end = day + ONE_DAY
            while not self.begins(end):
                end += ONE_DAY
            span = Span(start, end)
            self._cycles.update(dict.fromkeys(every_day(span), span))
        return self._cycles[day]

    def period(self, since: date, every: int, day: date) -> Period:
        """In which period a charge that runs `since` a day pays for `day` (readings 2, 3)."""
        mark = (since, every, day)
        if mark not in self._of_day:
            periods = self._periods.setdefault((since, every), [])
            while not periods or periods[-1].span.end <= day:
                periods.append(self._period(periods[-1].span.end if periods else since, every))
            self._of_day[mark] = next(each for each in reversed(periods) if each.span.start <= day)
        return self._of_day[mark]

    def _period(self, start: date, every: int) -> Period:
        if start.day == self.day_of_month(start):
            end = add_months(start, every)
        else:
            end = self.containing(start).end
        return Period(Span(start, end), (end - add_months(end, -every)).days)

    def month_start(self, since: date, number: int) -> date:
        """The first day of the month `number` (from 1) of what began on a day (reading 4)."""
        if (since, number) not in self._months:
            start = add_months(since, number - 1)
            on_28ths = number > 1 and self._is_last_days(since)
            self._months[since, number] = start.replace(day=28) if on_28ths else start
        return self._months[since, number]

    def _is_last_days(self, day: date) -> bool:
        """Decision 0003: who starts on the 29th, 30th or 31st has the 28th as bill day."""
        return day.day > 28 and self.day_of_month(day) == 28
