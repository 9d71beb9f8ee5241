"""What falls due when: the one place that the quote and the bill run share.

Periods are counted from activation: period 1 is the first contract month. A benefit changes the
amount of some periods and stays a line of its own, so that a bill can show what was given.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from commerce.kernel.money import Money
from commerce.kernel.periods import Period, add_months, cycle_day_for
from promotions.domain.benefits import Benefit


@dataclass(frozen=True, slots=True)
class AgreedCharge:
    """A charge as agreed in a contract, with the benefits that were granted on it, in order.

    `amount` is for one unit in the master basis (TTC for consumers, HT for business) and already
    rounded; `quantity` multiplies every amount that falls due.
    """

    item: str
    code: str
    recurring: bool
    amount: Money
    tax_class: str
    every_months: int = 1
    benefits: tuple[Benefit, ...] = ()
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class DueLine:
    """An amount that falls due: the charge itself (`benefit` None) or an advantage (negative).

    `period` counts contract months from activation (1 = the first); 0 is the order itself.
    """

    item: str
    charge: str
    period: int
    benefit: str | None
    amount: Money
    tax_class: str


@dataclass(frozen=True, slots=True)
class Phase:
    """From period `first`, so many equal periods (None: without end) at `amount` after benefits."""

    first: int
    periods: int | None
    list_amount: Money
    amount: Money
    benefits: tuple[str, ...]


def due_in_period(charge: AgreedCharge, *, period: int) -> tuple[DueLine, ...]:
    """What `charge` makes due in `period`: the charge, then one negative line per benefit.

    One-off charges fall due in period 0 (the order); recurring ones in advance at the start of
    period 1, 1+n, 1+2n, ... A benefit's months are contract months.
    """
    if charge.recurring:
        if period < 1 or (period - 1) % charge.every_months:
            return ()
    elif period != 0:
        return ()
    gross = (charge.amount * charge.quantity).rounded()
    lines = [DueLine(charge.item, charge.code, period, None, gross, charge.tax_class)]
    left_per_unit = charge.amount
    for benefit in charge.benefits:
        if not benefit.covers(max(period, 1)):
            continue
        saving = benefit.saving_on(left_per_unit)
        left_per_unit = left_per_unit - saving
        lines.append(
            DueLine(
                charge.item,
                charge.code,
                period,
                benefit.code,
                -(saving * charge.quantity).rounded(),
                charge.tax_class,
            )
        )
    return tuple(lines)


def net_in_period(charge: AgreedCharge, *, period: int) -> Money:
    """The amount due for `period` after benefits; zero where nothing falls due."""
    result = Money.zero(charge.amount.currency)
    for line in due_in_period(charge, period=period):
        result = result + line.amount
    return result


def phases(charge: AgreedCharge) -> tuple[Phase, ...]:
    """The schedule of a recurring charge, without expanding single months.

    A charge every n months keeps its phases in months too: inside a phase it falls due every
    `every_months` counted from period 1.
    """
    if not charge.recurring:
        return ()
    edges = {1}
    for benefit in charge.benefits:
        edges.add(benefit.first)
        if benefit.periods is not None:
            edges.add(benefit.first + benefit.periods)
    starts = sorted(edge for edge in edges if edge >= 1)
    result: list[Phase] = []
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        amount, codes = _after_benefits(charge, period=start)
        result.append(
            Phase(
                start,
                None if end is None else end - start,
                (charge.amount * charge.quantity).rounded(),
                amount,
                codes,
            )
        )
    return tuple(result)


def _after_benefits(charge: AgreedCharge, *, period: int) -> tuple[Money, tuple[str, ...]]:
    left, codes = charge.amount, []
    for benefit in charge.benefits:
        if benefit.covers(period):
            left = left - benefit.saving_on(left)
            codes.append(benefit.code)
    return (left * charge.quantity).rounded(), tuple(codes)


def period_starts(activation: date) -> Iterator[tuple[int, Period]]:
    """The contract months 1, 2, ... as periods of local dates on a new account's own cycle.

    The cycle day is the activation day; 29, 30 and 31 become 28: then period 1 runs from the
    activation to the 28th of the next month and its days beyond the cycle are billed as days
    (engine part 5); months never drift.
    """
    day = cycle_day_for(activation)
    anchor = activation.replace(day=day)
    index, start = 1, activation
    while True:
        end = add_months(anchor, index)
        yield index, Period(start, end)
        index, start = index + 1, end
