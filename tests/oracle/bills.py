"""What falls due on which day, counted day by day."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from tests.oracle.giving import Piece, Ready, Taken, taken
from tests.oracle.shelf import half_up

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Part:
    """The days `start` to `end` (not counted) that one charge is billed for, of a whole `cycle`."""

    start: date
    end: date
    cycle: int
    month: int


@dataclass(frozen=True)
class Line:
    """One charge of one cart line on one bill; `amount` in cents, before tax in the basis."""

    period: int
    starts: date
    line: str
    charge: str
    tax_class: str
    amount: int


def months_later(day: date, months: int) -> date:
    """Month by month; the last day of a month that has no such day."""
    year, month = day.year, day.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def next_cycle_start(after: date, *, cycle_day: int) -> date:
    day = after + DAY
    while day.day != cycle_day:
        day += DAY
    return day


def parts_of(*, activation: date, cycle_day: int, every: int, count: int) -> list[Part]:
    """What a charge is billed for, `count` contract months long.

    From an activation on another day than the cycle day there is first a part by days, then whole
    ones of `every` months.
    """
    first_start = next_cycle_start(activation, cycle_day=cycle_day)
    found, month, start = [], 1, activation
    if activation.day != cycle_day:
        whole = start_of_cycle_before(first_start, months=every)
        found.append(Part(activation, first_start, (first_start - whole).days, 1))
        month, start = 2, first_start
    while month <= count:
        end = months_later(start, every)
        found.append(Part(start, end, (end - start).days, month))
        month, start = month + every, end
    return found


def start_of_cycle_before(day: date, *, months: int) -> date:
    """The cycle day so many months before a cycle day (1 to 28: every month has it)."""
    year, month = day.year, day.month
    for _ in range(months):
        year, month = (year - 1, 12) if month == 1 else (year, month - 1)
    return date(year, month, day.day)


def month_of_each_day(activation: date, *, count: int) -> dict[date, int]:
    """The calendar month of the contract in which each day lies; the first is 1."""
    found, day = {}, activation
    for month in range(1, count + 1):
        while day < months_later(activation, month):
            found[day] = month
            day += DAY
    return found


def bill_lines(
    pieces: Sequence[Piece],
    promotions: Sequence[Ready],
    *,
    activation: date,
    cycle_day: int,
    count: int,
) -> list[Line]:
    """What the recurring pieces of one unit are billed, `count` contract months long.

    The price of each day of a part, added up and rounded half up, once. On its own cycle a
    contract's months are those that are billed; on the cycle of an account that it joins they are
    calendar months. A charge of several months looks only at the month in which it falls due.
    """
    own = cycle_day == min(activation.day, 28)
    days = {} if own else month_of_each_day(activation, count=count + 14)
    off_in: dict[int, Taken] = {}
    found = []
    for line, charge in sorted({(p["line"], p["charge"]) for p in pieces if _recurs(p)}):
        mine = [i for i, p in enumerate(pieces) if (p["line"], p["charge"]) == (line, charge)]
        one = pieces[mine[0]]
        listed = sum(pieces[i]["list"] for i in mine)
        for part in parts_of(
            activation=activation, cycle_day=cycle_day, every=one["every"], count=count
        ):
            owed = 0
            for day in days_of(part):
                month = part.month if own else days[part.start if one["every"] > 1 else day]
                if month not in off_in:
                    off_in[month] = taken(promotions, pieces, month=month, always_due=True)
                off = off_in[month]
                owed += listed - sum(n for (i, _), n in off.items() if i in mine)
            amount = half_up(Fraction(owed, part.cycle))
            found.append(Line(part.month, part.start, line, charge, one["tax_class"], amount))
    return found


def days_of(part: Part) -> list[date]:
    return [part.start + n * DAY for n in range((part.end - part.start).days)]


def _recurs(piece: Piece) -> bool:
    return bool(piece["kind"] == "recurring")
