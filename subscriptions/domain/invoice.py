"""The lines and totals of a bill, worked out from running charges."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import takewhile

from commerce.kernel.errors import RuleViolated
from commerce.kernel.money import Money, total
from commerce.kernel.periods import Period
from commerce.kernel.tax import Basis, TaxPart, tax_parts
from subscriptions.domain.buyers import NO_CODES, BuyerCodes
from subscriptions.domain.changes import credit, used_of
from subscriptions.domain.charges import (
    AgreedCharge,
    DueLine,
    Span,
    billed_on,
    due_in_period,
    due_lines,
    span_from,
    spans,
)
from subscriptions.domain.cycles import CycleDay, first_bill_on
from subscriptions.domain.states import LineKind

Names = Mapping[str, str]

BUSINESS_MENTIONS = ("DEBITS", "PMD", "PMT", "AAB")
CONSUMER_MENTIONS = ("DEBITS", "CLAIM", "MEDIATION")
"""Codes of the market's mentions, in the order in which they are printed."""


@dataclass(frozen=True, slots=True)
class Ending:
    """By which order a charge ends; its last lines name it, and the item as `reference`."""

    order_number: str
    group: str
    reference: str


@dataclass(frozen=True, slots=True)
class BilledDays:
    """Days of a charge that bills hold, with the sums of the lines that they made of them."""

    coverage_id: int
    revision: int
    days: Period
    lines: tuple[DueLine, ...]


@dataclass(frozen=True, slots=True)
class RunningCharge:
    """A charge of a running contract with what a line needs; billed from `billed_until` on.

    `activation` is the day from which its periods count. `costs_on`: it goes on only with a yes,
    and costs something from that day on. `until` is the end of the item, if it has
    one: nothing is billed from that day on, and what was billed beyond it (`overbilled`) goes back.
    """

    id: int
    account_id: int
    order_number: str
    group: str
    agreed: AgreedCharge
    activation: date
    cycle_day: CycleDay
    billed_until: date | None
    until: date | None
    tax_rate: Decimal
    names: Names
    benefit_names: Mapping[str, Names]
    ending: Ending | None = None
    overbilled: tuple[BilledDays, ...] = ()
    codes: BuyerCodes = NO_CODES
    costs_on: date | None = None


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A line in the master basis; the dates are empty for one-off charges."""

    kind: LineKind
    order_number: str
    group: str
    due: DueLine
    days: Period | None
    label: Names
    quantity: int
    tax_rate: Decimal
    codes: BuyerCodes = NO_CODES


@dataclass(frozen=True, slots=True)
class Cover:
    """The days of a charge that a bill holds; none where a repair takes all of them back.

    `repairs` is the coverage that it takes the place of.
    """

    charge_id: int
    days: Period
    revision: int = 1
    repairs: int | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """`net + tax == gross`, each the sum of `parts`."""

    net: Money
    tax: Money
    gross: Money
    parts: tuple[TaxPart, ...]


def bill_period(start: date, *, cycle_day: CycleDay) -> Period:
    """From `start` to the next bill day after it."""
    return Period(start, first_bill_on(start + timedelta(days=1), cycle_day=cycle_day))


def period_due(start: date, *, on: date, cycle_day: CycleDay) -> Period:
    """The days of the bill from `start` that is made on the day `on`: up to the next bill day; a
    part of a cycle that is over by then stands on one bill with the cycle that follows it."""
    period = bill_period(start, cycle_day=cycle_day)
    if start == first_bill_on(start, cycle_day=cycle_day) or on < period.end:
        return period
    return Period(start, bill_period(period.end, cycle_day=cycle_day).end)


def recurring_lines(
    charges: Iterable[RunningCharge], *, period: Period
) -> tuple[tuple[DraftLine, ...], tuple[Cover, ...]]:
    """Everything not yet billed whose days begin before the end of `period`, in the given order.

    Raises:
        RuleViolated: a charge is in a state that no run of this engine leaves behind.
    """
    lines: list[DraftLine] = []
    covers: list[Cover] = []
    for charge in charges:
        for billed in charge.overbilled:
            part, back = _repair(charge, billed)
            covers.append(Cover(charge.id, part, billed.revision + 1, billed.coverage_id))
            lines.extend(back)
        for span in _unbilled(charge, period=period):
            covers.append(Cover(charge.id, span.period))
            lines.extend(_lines(charge, span))
    return tuple(lines), tuple(covers)


def one_off_lines(
    charges: Iterable[AgreedCharge],
    *,
    order_number: str,
    group: str,
    tax_rates: Mapping[str, Decimal],
    names: Mapping[str, Names],
    benefit_names: Mapping[str, Names],
    codes: BuyerCodes = NO_CODES,
) -> tuple[DraftLine, ...]:
    """What falls due with the order; `names` by item."""
    return tuple(
        DraftLine(
            kind=LineKind.BENEFIT if due.benefit else LineKind.ONE_OFF,
            order_number=order_number,
            group=group,
            due=due,
            days=None,
            label=benefit_names.get(due.benefit, {}) if due.benefit else names.get(due.item, {}),
            quantity=charge.quantity,
            tax_rate=tax_rates[due.tax_class],
            codes=codes,
        )
        for charge in charges
        for due in due_in_period(charge, period=0)
    )


def totals(lines: Sequence[DraftLine], *, basis: Basis, currency: str) -> Totals:
    """Tax is worked out once per rate for the whole bill."""
    return _sums(tax_parts(_by_rate(lines), basis=basis), currency=currency)


def totals_after(
    before: Mapping[Decimal, Money], lines: Sequence[DraftLine], *, basis: Basis, currency: str
) -> Totals:
    """What `lines` add to what stood `before` at each rate, tax being worked out for both together.

    So the totals of several documents, each made after the ones before, are together those of one.
    """
    by_rate = _by_rate(lines)
    zero = Money.zero(currency)
    known = {part.rate: part for part in tax_parts(before, basis=basis)}
    together = {rate: before.get(rate, zero) + amount for rate, amount in by_rate.items()}
    parts = (
        _beyond(part, known[part.rate]) if part.rate in known else part
        for part in tax_parts(together, basis=basis)
    )
    return _sums(tuple(parts), currency=currency)


def _beyond(part: TaxPart, known: TaxPart) -> TaxPart:
    return replace(
        part, net=part.net - known.net, tax=part.tax - known.tax, gross=part.gross - known.gross
    )


def _by_rate(lines: Iterable[DraftLine]) -> dict[Decimal, Money]:
    found: dict[Decimal, Money] = {}
    for line in lines:
        amount = line.due.amount
        found[line.tax_rate] = found[line.tax_rate] + amount if line.tax_rate in found else amount
    return found


def _sums(parts: tuple[TaxPart, ...], *, currency: str) -> Totals:
    return Totals(
        net=total((part.net for part in parts), currency=currency),
        tax=total((part.tax for part in parts), currency=currency),
        gross=total((part.gross for part in parts), currency=currency),
        parts=parts,
    )


def mentions(basis: Basis) -> tuple[str, ...]:
    """Codes of the legal mentions that a bill carries; sentences are made where it is shown."""
    return BUSINESS_MENTIONS if basis is Basis.HT else CONSUMER_MENTIONS


def _unbilled(charge: RunningCharge, *, period: Period) -> Iterable[Span]:
    start = charge.billed_until or charge.activation
    end = period.end if charge.until is None else min(period.end, charge.until)
    if start >= end:
        return ()
    try:
        found = list(
            takewhile(
                lambda span: span.period.start < end,
                spans(
                    charge.agreed,
                    activation=charge.activation,
                    cycle_day=charge.cycle_day,
                    start=start,
                ),
            )
        )
    except ValueError as impossible:
        raise _impossible(charge, impossible) from impossible
    if charge.until is None:
        return list(takewhile(lambda span: _bill_of(span, charge) < end, found))
    return [part for span in found if (part := used_of(span, until=charge.until)) is not None]


def _bill_of(span: Span, charge: RunningCharge) -> date:
    return billed_on(
        span,
        activation=charge.activation,
        cycle_day=charge.cycle_day,
        costs_on=charge.costs_on,
    )


def _repair(charge: RunningCharge, billed: BilledDays) -> tuple[Period, Iterable[DraftLine]]:
    """What goes back of days that were billed and not used, and the days that stay billed."""
    assert charge.until is not None
    try:
        span = span_from(
            billed.days.start,
            activation=charge.activation,
            cycle_day=charge.cycle_day,
            every_months=charge.agreed.every_months,
        )
    except ValueError as impossible:
        raise _impossible(charge, impossible) from impossible
    part = used_of(span, until=charge.until)
    used = due_lines(charge.agreed, activation=charge.activation, span=part) if part else ()
    kept = part.period if part else Period(charge.until, charge.until)
    taken_back = Period(max(kept.end, billed.days.start), billed.days.end)
    return kept, [
        _line(charge, due, kind=LineKind.REPAIR, days=taken_back, ending=charge.ending)
        for due in credit(used, billed=billed.lines)
    ]


def _impossible(charge: RunningCharge, why: ValueError) -> RuleViolated:
    return RuleViolated(
        f"Charge {charge.agreed.code} of {charge.order_number} can't be billed: {why}.",
        code="impossible_state",
    )


def _lines(charge: RunningCharge, span: Span) -> Iterable[DraftLine]:
    """A last part, cut short by the end of the item, is told of by what ended it."""
    whole = LineKind.PRORATED if span.prorated else LineKind.RECURRING
    cut = charge.until == span.period.end and span.period.end != span.whole.end
    for due in due_lines(charge.agreed, activation=charge.activation, span=span):
        yield _line(
            charge,
            due,
            kind=LineKind.BENEFIT if due.benefit else whole,
            days=span.period,
            ending=charge.ending if cut else None,
        )


def _line(
    charge: RunningCharge, due: DueLine, *, kind: LineKind, days: Period, ending: Ending | None
) -> DraftLine:
    label = charge.benefit_names.get(due.benefit, {}) if due.benefit else charge.names
    return DraftLine(
        kind=kind,
        order_number=ending.order_number if ending else charge.order_number,
        group=ending.group if ending else charge.group,
        due=replace(due, item=ending.reference) if ending else due,
        days=days,
        label=label,
        quantity=charge.agreed.quantity,
        tax_rate=charge.tax_rate,
        codes=charge.codes,
    )
