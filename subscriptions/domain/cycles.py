"""The days on which an account is billed, though they were moved. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from commerce.kernel.periods import add_months


@dataclass(frozen=True, slots=True)
class Cycle:
    """A cycle day that was moved: `before` holds the earlier ones, in their order, each with the
    bill day on which it ceased to hold."""

    day: int
    before: tuple[tuple[date, int], ...] = ()

    def on(self, day: date) -> int:
        """The cycle day that holds on `day`."""
        return next((former for until, former in self.before if day < until), self.day)

    @property
    def moves(self) -> tuple[date, ...]:
        """The bill days from which another cycle day holds."""
        return tuple(until for until, _ in self.before)


CycleDay = int | Cycle
"""A cycle day (1 to 28), alone where it was never moved."""


def moved(cycle_day: CycleDay, *, to: int, asked_on: date) -> Cycle:
    """With the cycle day `to`, which holds from the end of the cycle of the day `asked_on`."""
    end = first_bill_on(asked_on + timedelta(days=1), cycle_day=cycle_day)
    present = Cycle(cycle_day) if isinstance(cycle_day, int) else cycle_day
    return Cycle(to, (*present.before, (end, present.day)))


def cycle_of(day: int, before: Iterable[tuple[str, int]]) -> CycleDay:
    """As it is stored: `before` in JSON's words."""
    moves = tuple((date.fromisoformat(until), former) for until, former in before)
    return Cycle(day, moves) if moves else day


def stored(cycle_day: CycleDay) -> tuple[int, list[list[str | int]]]:
    """What `cycle_of` makes a cycle day of."""
    if isinstance(cycle_day, int):
        return cycle_day, []
    return cycle_day.day, [[until.isoformat(), former] for until, former in cycle_day.before]


def day_on(cycle_day: CycleDay, day: date) -> int:
    """The cycle day that holds on `day`."""
    return cycle_day if isinstance(cycle_day, int) else cycle_day.on(day)


def moves_of(cycle_day: CycleDay) -> tuple[date, ...]:
    """The bill days from which another cycle day holds; none where it was never moved."""
    return () if isinstance(cycle_day, int) else cycle_day.moves


def first_cycle_start(activation: date, *, cycle_day: int) -> date:
    """The first day from `activation` on (itself included) that is a `cycle_day` (1 to 28)."""
    if not 1 <= cycle_day <= 28:
        raise ValueError(f"a cycle day is 1 to 28, not {cycle_day}")
    this_month = activation.replace(day=cycle_day)
    return this_month if this_month >= activation else add_months(this_month, 1)


def first_bill_on(day: date, *, cycle_day: CycleDay) -> date:
    """The first bill day from `day` on, itself included."""
    if day in moves_of(cycle_day):
        return day
    return first_cycle_start(day, cycle_day=day_on(cycle_day, day))


def last_bill_on(day: date, *, cycle_day: CycleDay) -> date:
    """The last bill day up to `day`, itself included."""
    in_force = day_on(cycle_day, day)
    this_month = day.replace(day=in_force)
    regular = this_month if this_month <= day else add_months(this_month, -1)
    return max([regular, *(move for move in moves_of(cycle_day) if move <= day)])
