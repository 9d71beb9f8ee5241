"""Recurring charges over time, as phases; single months are never written out."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from commerce.kernel.money import Money
from promotions.domain.benefits import after, cost_over, stretches
from subscriptions.domain.charges import AgreedCharge, Phase


def cost_of(charge: AgreedCharge, *, months: int) -> Money:
    """What a recurring charge costs over `months` contract months; zero for a one-off one."""
    if not charge.recurring:
        return Money.zero(charge.amount.currency)
    cost = cost_over(
        charge.amount.amount,
        benefits=charge.benefits,
        months=months,
        every=charge.every_months,
        quantity=charge.quantity,
    )
    return Money(cost, charge.amount.currency)


def merged(charges: Iterable[AgreedCharge], *, months: int) -> tuple[Phase, ...]:
    """The schedule of all recurring `charges` together; equal neighbours are one phase.

    A charge every n months stands in the month in which it falls due, for the first `months`;
    later months show the monthly charges alone.
    """
    recurring = [charge for charge in charges if charge.recurring]
    if not recurring:
        return ()
    if len(recurring) == 1 and not recurring[0].benefits and recurring[0].every_months == 1:
        only = recurring[0].amount * recurring[0].quantity
        return (Phase(1, None, only, only, ()),)
    starts = sorted(_edges(recurring, months=months))
    found: list[Phase] = []
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        phase = _phase(recurring, start=start, end=end)
        if found and _same(found[-1], phase):
            first = found.pop()
            periods = None if end is None else end - first.first
            phase = Phase(first.first, periods, phase.list_amount, phase.amount, phase.benefits)
        found.append(phase)
    return tuple(found)


def _edges(charges: Sequence[AgreedCharge], *, months: int) -> set[int]:
    edges = {1}
    for charge in charges:
        edges.update(stretch.first for stretch in stretches(charge.benefits))
        if charge.every_months > 1:
            for period in range(1, months + 1, charge.every_months):
                edges.update((period, period + 1))
    return edges


def _phase(charges: Sequence[AgreedCharge], *, start: int, end: int | None) -> Phase:
    listed, net = Decimal(0), Decimal(0)
    benefits: list[str] = []
    for charge in charges:
        if charge.every_months > 1 and (end is None or (start - 1) % charge.every_months):
            continue
        active = [benefit for benefit in charge.benefits if benefit.covers(start)]
        listed += charge.amount.amount * charge.quantity
        net += after(charge.amount.amount, benefits=active, quantity=charge.quantity)
        benefits.extend(benefit.code for benefit in active)
    return Phase(
        first=start,
        periods=None if end is None else end - start,
        list_amount=Money(listed),
        amount=Money(net),
        benefits=tuple(dict.fromkeys(benefits)),
    )


def _same(one: Phase, other: Phase) -> bool:
    return (one.list_amount, one.amount, one.benefits) == (
        other.list_amount,
        other.amount,
        other.benefits,
    )
