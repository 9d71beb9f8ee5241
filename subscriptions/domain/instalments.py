"""A price paid in parts: how it is split, when the parts fall due, what is left of them. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from commerce.kernel.money import Money
from commerce.kernel.periods import add_months


class PartState(StrEnum):
    """A part is `OPEN` from its day until it is paid, `OVERDUE` after that day; `ENDED` is what a
    credit note or an earlier payment left nothing of."""

    COMING = "coming"
    OPEN = "open"
    OVERDUE = "overdue"
    PAID = "paid"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Part:
    """One of the parts that come after the first; `number` counts that one too."""

    number: int
    amount: Money
    due_on: date


@dataclass(frozen=True, slots=True)
class PartStanding:
    """A part as it stands: `left` of its amount is still to pay."""

    part: Part
    state: PartState
    left: Money


@dataclass(frozen=True, slots=True)
class PlanView:
    """What is paid in parts of an order: `first` came with it. `later` is empty, and `bill` too,
    until the order is billed; `amounts` are those of the later parts. `left` is what is still to
    pay of them, `to_come` what of that is not due yet; the last is due within `longest_days` of the
    bill."""

    order_number: str
    bill: str
    parts: int
    first: Money
    amounts: tuple[Money, ...]
    later: tuple[PartStanding, ...]
    left: Money
    to_come: Money
    longest_days: int | None = None

    @property
    def is_open(self) -> bool:
        return bool(self.left)


@dataclass(frozen=True, slots=True)
class BillPart:
    """A part that is to be paid with a bill, or after it: the part `number` of `parts` of the bill
    `of`, on the day `due_on`."""

    of: str
    order_number: str
    number: int
    parts: int
    due_on: date
    amount: Money
    left: Money
    state: PartState


@dataclass(frozen=True, slots=True)
class PrintedPart:
    """A part as the document of a bill says it for ever: `left` was to pay of it on the day of
    issue. `of` is the bill that it is a part of, empty on that bill itself."""

    of: str
    number: int
    parts: int
    due_on: date
    left: Money


def comes_with(due_on: date, *, issued_on: date, bill_due_on: date) -> bool:
    """Whether a part that is due on the day is to be paid with a bill: by the day on which that
    is due, and not with the bill before it."""
    return due_on == bill_due_on or issued_on < due_on < bill_due_on


def split(amount: Money, *, parts: int, first_share: Decimal = Decimal(0)) -> tuple[Money, ...]:
    """`amount` in so many parts, to the cent; the last one takes the rest of the rounding. The
    first is at least `first_share` of it, the others are equal.

    Raises:
        ValueError: fewer than two parts, or too little for a cent each.
    """
    if parts < 2:
        raise ValueError("a price is split into two parts at least")
    first = each = (amount / parts).rounded()
    if amount * first_share > first:
        first = (amount * first_share).rounded()
        each = ((amount - first) / (parts - 1)).rounded()
    last = amount - first - each * (parts - 2)
    if min(first, each, last).amount <= 0:
        raise ValueError(f"{amount} can't be split into {parts} parts")
    return (first, *[each] * (parts - 2), last)


def due_days(
    billed_on: date,
    *,
    count: int,
    cycle_day: int | None,
    payment_days: int,
    longest_days: int | None = None,
) -> tuple[date, ...]:
    """The days of the `count` parts after the first: those on which the account's next bills are
    due; without a `cycle_day` those of an account that begins with the bill of `billed_on`.

    The first of them is no sooner than the next month's day of the bill would allow: a bill day
    within a fortnight is left out. None is later than `longest_days` after `billed_on`.
    """
    day = cycle_day or min(billed_on.day, 28)
    start = billed_on.replace(day=day)
    while start < billed_on + timedelta(days=14):
        start = add_months(start, 1)
    due = (add_months(start, place) + timedelta(days=payment_days) for place in range(count))
    if longest_days is None:
        return tuple(due)
    latest = billed_on + timedelta(days=longest_days)
    return tuple(min(each, latest) for each in due)


def standing(
    parts: Sequence[Part],
    *,
    fallen: Mapping[int, date],
    deferred: Money,
    owed: Money,
    today: date,
) -> tuple[PartStanding, ...]:
    """The parts as they stand: `fallen` are those that fell due, each on its day, `owed` is what is
    open on their bill, `deferred` what is to come of it. What was paid early, or credited, is left
    off the last parts; what is open, of those that fell due last."""
    return tuple(
        sorted(
            (
                *_open(parts, fallen=fallen, owed=owed, today=today),
                *_coming(parts, fallen=fallen, deferred=deferred),
            ),
            key=lambda each: each.part.number,
        )
    )


def _open(
    parts: Sequence[Part], *, fallen: Mapping[int, date], owed: Money, today: date
) -> Iterator[PartStanding]:
    for part in reversed([each for each in parts if each.number in fallen]):
        left = max(min(owed, part.amount), Money.zero(owed.currency))
        owed -= left
        late = PartState.OVERDUE if fallen[part.number] < today else PartState.OPEN
        yield PartStanding(part, late if left else PartState.PAID, left)


def _coming(
    parts: Sequence[Part], *, fallen: Mapping[int, date], deferred: Money
) -> Iterator[PartStanding]:
    for part in parts:
        if part.number not in fallen:
            left = min(deferred, part.amount)
            deferred -= left
            yield PartStanding(part, PartState.COMING if left else PartState.ENDED, left)
