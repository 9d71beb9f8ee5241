"""The trace of a quote, written from the agreed charges that the amounts come from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from commerce.kernel.money import Money
from commerce.kernel.tax import Basis, TaxPart
from commerce.ordering.domain.trace import ROUNDING, Operation, TraceStep
from promotions.domain.benefits import (
    Benefit,
    BenefitKind,
    after,
    layers,
    occurrences,
    stretches,
)
from subscriptions.domain.charges import AgreedCharge

_OPERATIONS = {
    BenefitKind.PERCENT_OFF: Operation.PERCENT_OFF,
    BenefitKind.AMOUNT_OFF: Operation.AMOUNT_OFF,
    BenefitKind.FIXED_PRICE: Operation.FIXED_PRICE,
}


def trace(
    charges: Sequence[AgreedCharge],
    *,
    offerings: Mapping[str, str],
    versions: Mapping[str, int],
    taxes: Sequence[TaxPart],
    basis: Basis,
    release: int,
    months: int,
) -> tuple[TraceStep, ...]:
    """Steps for what is due today, its tax per rate, and the total over `months`."""
    today = [
        _charge(
            charge,
            benefits=[b for b in charge.benefits if b.covers(1)],
            offerings=offerings,
            versions=versions,
            release=release,
        )
        for charge in charges
        if not charge.recurring
    ]
    due = _sum("due_today", today)
    schedule = [
        _recurring(charge, offerings=offerings, versions=versions, release=release, months=months)
        for charge in charges
        if charge.recurring
    ]
    total = _sum("commitment_total", [_times("due_today", due.amount, 1), *schedule])
    return (due, *(_tax(part, basis=basis, release=release) for part in taxes), total)


def _charge(
    charge: AgreedCharge,
    *,
    benefits: Sequence[Benefit],
    offerings: Mapping[str, str],
    versions: Mapping[str, int],
    release: int,
) -> TraceStep:
    """The charge at list price, then one negative step per benefit, each on what is left."""
    quantity, left = charge.quantity, charge.amount.amount
    currency = charge.amount.currency
    number = str(quantity)
    parts = [
        TraceStep(
            "list_price",
            Operation.LIST_PRICE,
            f"{offerings[charge.item]}.{charge.code}",
            release,
            (("unit", str(left)), ("quantity", number)),
            "",
            Money(left * quantity, currency),
        ),
        *_benefits(charge, benefits=benefits, versions=versions),
    ]
    return TraceStep(
        "charge",
        Operation.SUM,
        charge.code,
        release,
        (("line", charge.item),),
        "",
        Money(after(left, benefits=benefits, quantity=quantity), currency),
        tuple(parts),
    )


def _benefits(
    charge: AgreedCharge, *, benefits: Sequence[Benefit], versions: Mapping[str, int]
) -> Iterator[TraceStep]:
    """Each benefit on what is left; where pieces of the line differ, one step per kind of piece."""
    pieces = layers(benefits, quantity=charge.quantity)
    left = [charge.amount.amount] * len(pieces)
    for benefit in benefits:
        counts: dict[Decimal, int] = {}
        for place, layer in enumerate(pieces):
            if benefit in layer.benefits:
                counts[left[place]] = counts.get(left[place], 0) + layer.count
        for before, count in counts.items():
            yield TraceStep(
                "benefit",
                _OPERATIONS[benefit.kind],
                benefit.code,
                versions.get(benefit.code, 0),
                (("left", str(before)), ("value", str(benefit.value)), ("quantity", str(count))),
                ROUNDING,
                Money(-benefit.taken_off(before) * count, charge.amount.currency),
            )
        for place, layer in enumerate(pieces):
            if benefit in layer.benefits:
                left[place] -= benefit.taken_off(left[place])


def _recurring(
    charge: AgreedCharge,
    *,
    offerings: Mapping[str, str],
    versions: Mapping[str, int],
    release: int,
    months: int,
) -> TraceStep:
    parts = []
    for stretch in stretches(charge.benefits):
        times = occurrences(stretch.first, stretch.end, months=months, every=charge.every_months)
        if times:
            once = _charge(
                charge,
                benefits=stretch.benefits,
                offerings=offerings,
                versions=versions,
                release=release,
            )
            parts.append(_times("periods", once.amount, times, first=stretch.first, parts=(once,)))
    return _sum("recurring", parts, inputs=(("line", charge.item), ("charge", charge.code)))


def _times(
    code: str,
    amount: Money,
    times: int,
    *,
    first: int | None = None,
    parts: tuple[TraceStep, ...] = (),
) -> TraceStep:
    inputs: tuple[tuple[str, str], ...] = (("amount", str(amount.amount)), ("times", str(times)))
    if first is not None:
        inputs = (*inputs, ("first", str(first)))
    return TraceStep(code, Operation.TIMES, "", 0, inputs, "", amount * times, parts)


def _sum(
    code: str, parts: Iterable[TraceStep], *, inputs: tuple[tuple[str, str], ...] = ()
) -> TraceStep:
    kept = tuple(parts)
    amount = Money(sum((part.amount.amount for part in kept), Decimal(0)))
    return TraceStep(code, Operation.SUM, "", 0, inputs, "", amount, kept)


def _tax(part: TaxPart, *, basis: Basis, release: int) -> TraceStep:
    """The rates are those of the release."""
    within = basis is Basis.TTC
    base = ("gross", str(part.gross.amount)) if within else ("net", str(part.net.amount))
    operation = Operation.TAX_WITHIN if within else Operation.TAX_ON
    inputs = (base, ("rate", str(part.rate)))
    return TraceStep("tax", operation, f"tax-{part.rate}", release, inputs, ROUNDING, part.tax)
