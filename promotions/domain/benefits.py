"""The value of an advantage on one charge; the quote and the bill run share it.

An advantage may hold for some contract months (`first`, `periods`) and for some pieces of a line
(`from_piece`, `pieces`). Neither months nor pieces are ever written out one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from itertools import pairwise

from commerce.kernel.money import CENT, Money

_NOTHING = Decimal(0)
_HUNDRED = Decimal(100)


class BenefitKind(StrEnum):
    PERCENT_OFF = "percent_off"
    AMOUNT_OFF = "amount_off"
    FIXED_PRICE = "fixed_price"


class EarlyExit(StrEnum):
    """What becomes of the advantage when the customer leaves before the commitment ends."""

    NOTHING = "nothing"
    GIVE_BACK = "give_back"


@dataclass(frozen=True, slots=True)
class Benefit:
    """An advantage on one charge: from period `first` for `periods` periods (None: for good).

    `value` is per cent (0-100) for PERCENT_OFF, else an amount in the charge's basis, per piece.
    For a one-off charge only period 1 counts. It holds for `pieces` pieces of the line from the
    `from_piece`th on (None: for all that follow).
    """

    code: str
    kind: BenefitKind
    value: Decimal
    first: int = 1
    periods: int | None = None
    from_piece: int = 1
    pieces: int | None = None
    early_exit: EarlyExit = EarlyExit.NOTHING

    def covers(self, period: int) -> bool:
        return period >= self.first and (self.periods is None or period < self.first + self.periods)

    def covers_piece(self, piece: int) -> bool:
        """Whether it holds for the `piece`th piece of its line (the first is 1)."""
        return piece >= self.from_piece and (
            self.pieces is None or piece < self.from_piece + self.pieces
        )

    def saving_on(self, amount: Money) -> Money:
        """What it takes off `amount`; never more than all of it, never less than nothing."""
        return Money(self.taken_off(amount.amount), amount.currency)

    def taken_off(self, amount: Decimal) -> Decimal:
        """As `saving_on`, for a bare amount; rounded half up to the cent."""
        match self.kind:
            case BenefitKind.PERCENT_OFF:
                saving = amount * self.value / _HUNDRED
            case BenefitKind.AMOUNT_OFF:
                saving = self.value
            case BenefitKind.FIXED_PRICE:
                saving = amount - self.value
        return min(max(saving, _NOTHING), amount).quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Periods `first` up to and without `end` (None: for ever) in which the same benefits hold."""

    first: int
    end: int | None
    benefits: tuple[Benefit, ...]


_ALL_ALIKE = (Stretch(1, None, ()),)


def stretches(benefits: Sequence[Benefit]) -> tuple[Stretch, ...]:
    """All periods from 1 on, cut where a benefit begins or ends; months are never expanded."""
    if not benefits:
        return _ALL_ALIKE
    edges = {1}
    for benefit in benefits:
        edges.add(benefit.first)
        if benefit.periods is not None:
            edges.add(benefit.first + benefit.periods)
    starts = sorted(edge for edge in edges if edge >= 1)
    return tuple(
        Stretch(start, end, tuple(b for b in benefits if b.covers(start)))
        for start, end in zip(starts, [*starts[1:], None], strict=True)
    )


@dataclass(frozen=True, slots=True)
class Layer:
    """`count` pieces of a line that have the same benefits."""

    count: int
    benefits: tuple[Benefit, ...]


def layers(benefits: Sequence[Benefit], *, quantity: int) -> tuple[Layer, ...]:
    """The pieces 1 to `quantity`, cut where a benefit's pieces begin or end."""
    if not any(benefit.pieces is not None or benefit.from_piece != 1 for benefit in benefits):
        return (Layer(quantity, tuple(benefits)),)
    edges = {1, quantity + 1}
    for benefit in benefits:
        edges.add(benefit.from_piece)
        if benefit.pieces is not None:
            edges.add(benefit.from_piece + benefit.pieces)
    cuts = sorted(edge for edge in edges if 1 <= edge <= quantity + 1)
    return tuple(
        Layer(end - start, tuple(b for b in benefits if b.covers_piece(start)))
        for start, end in pairwise(cuts)
    )


def occurrences(first: int, end: int | None, *, months: int, every: int) -> int:
    """How often what is due in period 1, 1+every, ... falls in [first, end) within 1..`months`."""
    last = months if end is None else min(end - 1, months)
    if last < first:
        return 0
    return (last - 1) // every - (first - 2) // every


def falls_due(first: int, end: int | None, *, every: int) -> bool:
    """Whether what is due in period 1, 1+every, ... falls in [first, end); None: without end."""
    return end is None or occurrences(first, end, months=end, every=every) > 0


def cost_over(
    amount: Decimal,
    *,
    benefits: Sequence[Benefit],
    months: int,
    every: int = 1,
    quantity: int = 1,
) -> Decimal:
    """What `quantity` pieces of a recurring charge cost over `months` periods.

    `amount` is the list price of one; the benefits are taken in order.
    """
    if not benefits:
        return amount * (occurrences(1, None, months=months, every=every) * quantity)
    total = _NOTHING
    for stretch in stretches(benefits):
        times = occurrences(stretch.first, stretch.end, months=months, every=every)
        if times:
            total += times * after(amount, benefits=stretch.benefits, quantity=quantity)
    return total


def after(amount: Decimal, *, benefits: Sequence[Benefit], quantity: int = 1) -> Decimal:
    """What `quantity` pieces at `amount` cost; each benefit on what the one before left."""
    if not benefits:
        return amount * quantity
    total = _NOTHING
    for layer in layers(benefits, quantity=quantity):
        left = amount
        for benefit in layer.benefits:
            left -= benefit.taken_off(left)
        total += left * layer.count
    return total
