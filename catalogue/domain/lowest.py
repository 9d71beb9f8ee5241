"""The lowest price of the thirty days before a reduction (code de la consommation, L112-1-1).

Who announces a reduction tells the lowest price asked of all consumers in the thirty days before
it began; where one reduction follows another without a break, before the first of them. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from commerce.kernel.money import Money

DAYS = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Asked:
    """From `since` on this price was asked, until the next one; `reduced` if announced as such.

    `price` is None while it was not on sale.
    """

    since: datetime
    price: Money | None
    reduced: bool = False


def lowest_before(history: Sequence[Asked], *, at: datetime) -> Money | None:
    """The lowest price of the 30 days before the reduction that holds at `at` began.

    `history` is in the order of time, its prices those without conditions. A price that ended
    exactly 30 days before does not count; one that held for an instant within them does. None: no
    reduction holds at `at`, or nothing was asked before it.
    """
    past = [asked for asked in history if asked.since <= at]
    if not past or not past[-1].reduced:
        return None
    start = len(past) - 1
    while start and past[start - 1].reduced:
        start -= 1
    began = past[start].since
    prices = [
        asked.price
        for asked, following in pairwise(past[: start + 1])
        if asked.price is not None and following.since > began - DAYS
    ]
    return min(prices) if prices else None
