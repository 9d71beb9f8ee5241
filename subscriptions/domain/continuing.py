"""What is free at first and then costs: from which day on, and how much. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice, pairwise

from commerce.kernel.money import Money, total
from commerce.kernel.periods import Period
from subscriptions.domain.charges import AgreedCharge, Span, days_of, due_lines, spans
from subscriptions.domain.cycles import CycleDay

_LONGEST = 60
"""Spans in which what is free at first is looked for to cost something."""


@dataclass(frozen=True, slots=True)
class PaidLater:
    """From the day `costs_on` on it costs `amount` every `every_months`, after its benefits."""

    costs_on: date
    amount: Money
    every_months: int


def paid_later(
    charges: Iterable[AgreedCharge], *, activation: date, cycle_day: CycleDay
) -> PaidLater | None:
    """What an item begins to cost after its free months, by the bills that will be made of it.

    None where it costs something from its first day, or never does. Of several charges the first to
    cost counts, with those that do on the same day and as often.
    """
    found = [
        _paid_later(charge, activation=activation, cycle_day=cycle_day)
        for charge in charges
        if charge.recurring
    ]
    paid = sorted((each for each in found if each), key=lambda each: each.costs_on)
    if not paid or paid[0].costs_on == activation:
        return None
    first = paid[0]
    alike = [
        each.amount
        for each in paid
        if (each.costs_on, each.every_months) == (first.costs_on, first.every_months)
    ]
    return replace(first, amount=total(alike, currency=first.amount.currency))


def first_paid_days(
    charges: Iterable[AgreedCharge], *, activation: date, cycle_day: CycleDay
) -> Mapping[str, date]:
    """Of each item that is free at first, by its charges, the day on which it begins to cost."""
    by_item: dict[str, list[AgreedCharge]] = {}
    for charge in charges:
        by_item.setdefault(charge.item, []).append(charge)
    return {
        item: later.costs_on
        for item, of_it in by_item.items()
        if (later := paid_later(of_it, activation=activation, cycle_day=cycle_day)) is not None
    }


def _paid_later(charge: AgreedCharge, *, activation: date, cycle_day: CycleDay) -> PaidLater | None:
    every = spans(charge, activation=activation, cycle_day=cycle_day)
    for span in islice(every, _LONGEST):
        for part in _parts(charge, activation=activation, span=span):
            if _costs(charge, activation=activation, span=part):
                whole = part if part.period == part.whole else next(every, part)
                amount = _costs(charge, activation=activation, span=whole)
                return PaidLater(part.period.start, amount, charge.every_months)
    return None


def _parts(charge: AgreedCharge, *, activation: date, span: Span) -> Iterator[Span]:
    """The span, cut where a benefit ends within it; one of several months is charged as a whole."""
    ends = (
        days_of(benefit, activation=activation, cycle_day=span.counted_with)[1]
        for benefit in charge.benefits
        if charge.every_months == 1
    )
    start, end = span.period.start, span.period.end
    cuts = sorted({start, end} | {day for day in ends if day and start < day < end})
    for since, until in pairwise(cuts):
        yield replace(span, period=Period(since, until))


def _costs(charge: AgreedCharge, *, activation: date, span: Span) -> Money:
    lines = due_lines(charge, activation=activation, span=span)
    return total((line.amount for line in lines), currency=charge.amount.currency)
