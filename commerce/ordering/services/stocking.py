"""Which lines of a cart can't be had now."""

from collections import Counter
from collections.abc import Iterable

from catalogue.domain.model import Snapshot
from catalogue.selectors import stock_of
from commerce.ordering.domain.cart import CartLine


def out_of_stock(lines: Iterable[CartLine], *, snapshot: Snapshot) -> tuple[str, ...]:
    """Offerings of which fewer pieces are free than the lines ask for; one query at most."""
    wanted: Counter[str] = Counter()
    for line in lines:
        if snapshot.offering(line.offering).stocked:
            wanted[line.offering] += line.quantity
    if not wanted:
        return ()
    there = stock_of(wanted)
    return tuple(
        sorted(
            code
            for code, count in wanted.items()
            if code not in there or there[code].available < count
        )
    )
