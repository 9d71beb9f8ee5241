"""What a change makes of a charge that it ends: only days used are priced. Pure.

The promise and the bill run both end charges by these rules, each from what it knows itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import takewhile

from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from subscriptions.domain.charges import AgreedCharge, DueLine, Span, billed_on, due_lines, spans
from subscriptions.domain.cycles import CycleDay
from subscriptions.domain.promise import PromisedLine


@dataclass(frozen=True, slots=True)
class EndedCharge:
    """A charge that runs since `since` and ends on `until`; bills hold it up to `billed_until`,
    which lies within a span where they settled an earlier end of it on that day.

    `reference` names its item in what is said of it afterwards: its order and its line. `costs_on`:
    it goes on only with a yes, and costs something from that day on.
    """

    reference: str
    agreed: AgreedCharge
    since: date
    until: date
    billed_until: date | None
    tax_rate: Decimal
    costs_on: date | None = None


def used_of(span: Span, *, until: date) -> Span | None:
    """The part of `span` before `until`; None if there is none."""
    if span.period.start >= until:
        return None
    return replace(span, period=Period(span.period.start, min(span.period.end, until)))


def credit(used: Iterable[DueLine], *, billed: Iterable[DueLine]) -> tuple[DueLine, ...]:
    """What was used minus what was billed, charge and benefits each for itself."""
    left: Mapping[str | None, Money] = {line.benefit: line.amount for line in used}
    return tuple(
        replace(line, amount=left.get(line.benefit, Money.zero(line.amount.currency)) - line.amount)
        for line in billed
    )


def closing(
    ended: EndedCharge, *, cycle_day: CycleDay, bills_from: date
) -> tuple[PromisedLine, ...]:
    """The last lines of a charge: of days that are billed already the credit, else their price.

    Spans that end by then are left alone. `bills_from` is the day of the account's next bill.
    """
    found: list[PromisedLine] = []
    for span in _touched(ended, cycle_day=cycle_day):
        part = used_of(span, until=ended.until)
        lines = due_lines(ended.agreed, activation=ended.since, span=part) if part else ()
        start = span.period.start
        bill = billed_on(span, activation=ended.since, cycle_day=cycle_day)
        held = used_of(span, until=ended.billed_until) if ended.billed_until else None
        if held is not None:
            start = bill = max(start, ended.until)
            billed = due_lines(ended.agreed, activation=ended.since, span=held)
            lines = credit(lines, billed=billed)
        found += [
            PromisedLine(
                replace(due, item=ended.reference), ended.tax_rate, start, max(bill, bills_from)
            )
            for due in lines
        ]
    return tuple(found)


def superseded_from(ended: EndedCharge, *, cycle_day: CycleDay) -> date:
    """From which start day on the lines promised for the charge will not be billed as they were."""
    open_spans = (
        span.period.start
        for span in _touched(ended, cycle_day=cycle_day)
        if ended.billed_until is None or span.period.start >= ended.billed_until
    )
    return next(open_spans, max(ended.until, ended.billed_until or ended.until))


def _touched(ended: EndedCharge, *, cycle_day: CycleDay) -> Iterable[Span]:
    """The spans that end after the last day: begun before it, or billed already."""
    horizon = max(ended.until, ended.billed_until or ended.until)
    every = spans(ended.agreed, activation=ended.since, cycle_day=cycle_day)
    begun = takewhile(lambda span: span.period.start < horizon, every)
    return (span for span in begun if span.period.end > ended.until)
