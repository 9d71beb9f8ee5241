"""The lines and totals of a bill, worked out from running charges."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import takewhile

from commerce.kernel.errors import RuleViolated
from commerce.kernel.money import Money, total
from commerce.kernel.periods import Period, add_months
from commerce.kernel.tax import Basis, TaxPart, tax_parts
from subscriptions.domain.charges import (
    AgreedCharge,
    DueLine,
    Span,
    due_in_period,
    due_lines,
    first_cycle_start,
    spans,
)
from subscriptions.domain.states import LineKind

Names = Mapping[str, str]

BUSINESS_MENTIONS = ("DEBITS", "PMD", "PMT", "AAB")
CONSUMER_MENTIONS = ("DEBITS", "CLAIM", "MEDIATION")
"""Codes of the market's mentions, in the order in which they are printed."""


@dataclass(frozen=True, slots=True)
class RunningCharge:
    """A charge of a running contract with what a line needs; billed from `billed_until` on.

    `until` is the end of the item, if it has one: nothing is billed from that day on.
    """

    id: int
    account_id: int
    order_number: str
    group: str
    agreed: AgreedCharge
    activation: date
    cycle_day: int
    billed_until: date | None
    until: date | None
    tax_rate: Decimal
    names: Names
    benefit_names: Mapping[str, Names]


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


@dataclass(frozen=True, slots=True)
class Cover:
    """The days of a charge that a bill holds."""

    charge_id: int
    days: Period


@dataclass(frozen=True, slots=True)
class Totals:
    """`net + tax == gross`, each the sum of `parts`."""

    net: Money
    tax: Money
    gross: Money
    parts: tuple[TaxPart, ...]


def bill_period(start: date, *, cycle_day: int) -> Period:
    """From `start` to the next cycle day after it."""
    following = first_cycle_start(start, cycle_day=cycle_day)
    return Period(start, following if following > start else add_months(start, 1))


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
        )
        for charge in charges
        for due in due_in_period(charge, period=0)
    )


def totals(lines: Sequence[DraftLine], *, basis: Basis, currency: str) -> Totals:
    """Tax is worked out once per rate for the whole bill."""
    by_rate: dict[Decimal, Money] = {}
    for line in lines:
        present = by_rate.get(line.tax_rate, Money.zero(currency))
        by_rate[line.tax_rate] = present + line.due.amount
    parts = tax_parts(by_rate, basis=basis)
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
    try:
        return list(
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
        raise RuleViolated(
            f"Charge {charge.agreed.code} of {charge.order_number} can't be billed: {impossible}.",
            code="impossible_state",
        ) from impossible


def _lines(charge: RunningCharge, span: Span) -> Iterable[DraftLine]:
    whole = LineKind.PRORATED if span.prorated else LineKind.RECURRING
    for due in due_lines(charge.agreed, activation=charge.activation, span=span):
        yield DraftLine(
            kind=LineKind.BENEFIT if due.benefit else whole,
            order_number=charge.order_number,
            group=charge.group,
            due=due,
            days=span.period,
            label=charge.benefit_names.get(due.benefit, {}) if due.benefit else charge.names,
            quantity=charge.agreed.quantity,
            tax_rate=charge.tax_rate,
        )
