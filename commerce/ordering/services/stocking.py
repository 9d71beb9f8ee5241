"""Who would serve the lines of a cart, when; and which of them can't be had."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from catalogue.domain.model import Snapshot
from catalogue.domain.sourcing import Share, Wish, dealt
from catalogue.selectors import sources_of, stock_facts
from commerce.kernel.clock import business_today
from commerce.ordering.domain.cart import CartLine


@dataclass(frozen=True, slots=True)
class Supply:
    """`shares` by line, none for one that can't be served in full; `orderable` pieces by offering.

    Lines that are no things are in neither.
    """

    shares: Mapping[str, tuple[Share, ...]]
    orderable: Mapping[str, int]


def supply_of(lines: Iterable[CartLine], *, snapshot: Snapshot) -> Supply:
    """As an order of the lines would be served now; one query at most, nothing is kept."""
    wishes = [
        Wish(line.id, line.offering, line.quantity)
        for line in lines
        if snapshot.offering(line.offering).stocked
    ]
    if not wishes:
        return Supply({}, {})
    today = business_today()
    codes = {wish.offering for wish in wishes}
    sources = dict.fromkeys(codes, ()) | dict(sources_of(codes))
    shares = dealt(wishes, sources=sources, today=today).shares
    return Supply(
        {wish.line: shares.get(wish.line, ()) for wish in wishes},
        {
            code: stock_facts(there, today=today).orderable if there else 0
            for code, there in sources.items()
        },
    )


def out_of_stock(lines: Iterable[CartLine], *, snapshot: Snapshot) -> tuple[str, ...]:
    """Offerings of which fewer pieces can be ordered than the lines ask for; one query at most."""
    lines = tuple(lines)
    shares = supply_of(lines, snapshot=snapshot).shares
    return tuple(sorted({line.offering for line in lines if shares.get(line.id) == ()}))
