"""Which price was asked of everybody, and whether a lower one is announced as a reduction. Pure.

Code de la consommation, L112-1-1. What a price with conditions costs (with a plan, for a code, for
some customers) is another offer, not a reduction of this one, and does not count here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from catalogue.domain.lowest import Asked
from catalogue.domain.model import ChargeKind, Kind, Offering, Segment, Snapshot
from commerce.kernel.money import Money
from commerce.ordering.domain.cart import CartLine, CartValue
from commerce.ordering.domain.facts import Entry, unit_facts
from commerce.ordering.domain.quote import quote
from promotions.domain.compiler import CompiledPromotions
from promotions.domain.model import CustomerFacts, Promotion

GOODS = frozenset({Kind.HANDSET, Kind.ACCESSORY})
ANNOUNCED = timedelta(days=30)
"""So long a list price that went down is announced; after that it is the usual one."""


@dataclass(frozen=True, slots=True)
class Sold:
    """What was on sale from `since` on, until the next."""

    since: datetime
    catalogue: Snapshot
    promotions: CompiledPromotions


@dataclass(frozen=True, slots=True)
class _Step:
    since: datetime
    list_price: Money | None
    price: Money | None


def prices_asked(
    history: Sequence[Sold], code: str, *, segment: Segment, channel: str, at: datetime
) -> tuple[Asked, ...]:
    """What `code` cost everybody without commitment, in the order of time, up to `at`.

    Of goods the price paid once, of services that of a month (at their longest term). A price is
    announced as reduced while a promotion for everybody lowers it (goods only), and for 30 days
    after the list price went down.
    """
    steps: list[_Step] = []
    ends = [*(sold.since for sold in history[1:]), at]
    for sold, end in zip(history, ends, strict=True):
        for since in _edges(sold, code, until=end, last=sold is history[-1]):
            step = _step(sold, code, segment=segment, channel=channel, since=since)
            if not steps or (step.list_price, step.price) != (
                steps[-1].list_price,
                steps[-1].price,
            ):
                steps.append(step)
    return tuple(_asked(steps, at=at))


def runs_longer(history: Sequence[Asked], *, at: datetime) -> bool:
    """Whether a reduction began so long before `at` that older prices may count."""
    return any(asked.reduced and asked.since < at - ANNOUNCED for asked in history)


def _edges(sold: Sold, code: str, *, until: datetime, last: bool) -> list[datetime]:
    """When a price of it may have changed while that was sold; the beginning first."""
    offering = sold.catalogue.offerings.get(code)
    if offering is None:
        return [sold.since]
    spans: list[Offering | Promotion] = [offering, *_promotions(sold, offering)]
    edges = {edge for span in spans for edge in (span.valid_from, span.valid_until)}
    edges |= {
        edge for charge in offering.charges for edge in (charge.valid_from, charge.valid_until)
    }
    inside = sorted(
        edge
        for edge in edges
        if edge is not None and sold.since < edge and (edge <= until if last else edge < until)
    )
    return [sold.since, *inside]


def _promotions(sold: Sold, offering: Offering) -> list[Promotion]:
    """Those that may be had on goods alone, without a code."""
    if offering.kind not in GOODS:
        return []
    entry = Entry(CartLine("1", offering.code), offering)
    facts = unit_facts((entry,), bundle=None, segment=Segment.CONSUMER.value)
    return list(sold.promotions.candidates(facts, codes=()).values())


def _step(sold: Sold, code: str, *, segment: Segment, channel: str, since: datetime) -> _Step:
    offering = sold.catalogue.offerings.get(code)
    if offering is None or not offering.sellable(segment=segment, channel=channel, at=since):
        return _Step(since, None, None)
    listed = _list_price(offering, segment=segment, channel=channel, at=since)
    if listed is None or not _promotions(sold, offering):
        return _Step(since, listed, listed)
    priced = quote(
        CartValue("", (CartLine("1", code),), segment, channel),
        catalogue=sold.catalogue,
        promotions=sold.promotions,
        customer=CustomerFacts(segment=segment),
        at=since,
        activation=since.date(),
    )
    return _Step(since, listed, priced.lines[0].due_today)


def _list_price(
    offering: Offering, *, segment: Segment, channel: str, at: datetime
) -> Money | None:
    goods = offering.kind in GOODS
    wanted = ChargeKind.ONE_OFF if goods else ChargeKind.RECURRING
    term = 0 if goods else max(offering.terms, default=0)
    amounts = [
        charge.amount
        for charge in offering.charges_for(
            segment=segment, term=term, bundle=None, channel=channel, at=at
        )
        if charge.kind is wanted
    ]
    return sum(amounts[1:], amounts[0]).rounded() if amounts else None


def _asked(steps: Sequence[_Step], *, at: datetime) -> Iterator[Asked]:
    before: _Step | None = None
    ends = (*(step.since for step in steps[1:]), at)
    for step, until in zip(steps, ends, strict=True):
        promoted = _lower(step.price, step.list_price)
        dropped = (
            before is not None
            and _lower(step.list_price, before.list_price)
            and _lower(step.price, before.price)
        )
        yield Asked(step.since, step.price, reduced=promoted or dropped)
        if dropped and not promoted and step.since + ANNOUNCED <= until:
            yield Asked(step.since + ANNOUNCED, step.price)
        before = step


def _lower(price: Money | None, other: Money | None) -> bool:
    return price is not None and other is not None and price < other
