"""What a line used, month by month, against what its plan includes. Pure.

Months are calendar months, named by their first day; amounts are in the unit of their dimension.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_CEILING, Decimal

from catalogue.domain.usage import Dimension
from commerce.kernel.periods import add_months
from promotions.domain.next_offers import MOST_MONTHS

USUAL = 3
"""Full months of which a usual one is made."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a system of the operator counted on a line in a month, up to the instant `counted_at`.

    Said again it changes nothing; one that was counted later replaces it, an older one does not.
    """

    line: str
    month: date
    dimension: Dimension
    used: Decimal
    counted_at: datetime


@dataclass(frozen=True, slots=True)
class Consumption:
    """A month of a line; `included` None: there is no end to it."""

    subscription_id: int
    month: date
    dimension: Dimension
    used: Decimal
    included: Decimal | None
    counted_at: datetime

    @property
    def used_up(self) -> bool:
        return self.included is not None and self.used >= self.included

    @property
    def left(self) -> Decimal | None:
        """None: there is no end to it."""
        return None if self.included is None else max(self.included - self.used, Decimal(0))


def month_of_day(day: date) -> date:
    return day.replace(day=1)


def in_month(records: Iterable[Consumption], month: date) -> tuple[Consumption, ...]:
    """What was used in it, in the order of the dimensions."""
    order = list(Dimension)
    found = (each for each in records if each.month == month)
    return tuple(sorted(found, key=lambda each: order.index(each.dimension)))


def used_up(records: Iterable[Consumption], *, on: date) -> Mapping[Dimension, tuple[bool, ...]]:
    """Whether each allowance was used up in each of the last full months, the latest first.

    A month of which nothing is known was not used up.
    """
    known = {(each.dimension, each.month) for each in records if each.used_up}
    months = [add_months(month_of_day(on), -back) for back in range(1, MOST_MONTHS + 1)]
    return {each: tuple((each, month) in known for month in months) for each in Dimension}


def in_whole_units(amounts: Mapping[Dimension, Decimal]) -> Mapping[str, int]:
    """A month as somebody would state it: what is begun counts as a whole one. What was used abroad
    is part of the data."""
    stated = (Dimension.DATA, Dimension.CALLS, Dimension.MESSAGES)
    return {
        each.value: int(amounts.get(each, Decimal(0)).to_integral_value(ROUND_CEILING))
        for each in stated
    }


def usual(records: Iterable[Consumption], *, on: date) -> Mapping[Dimension, Decimal]:
    """The mean of the last full months, three at most, of which something is known."""
    this_month = month_of_day(on)
    full = [each for each in records if each.month < this_month]
    found = {}
    for dimension in Dimension:
        own = sorted((e for e in full if e.dimension is dimension), key=lambda each: each.month)
        latest = own[-USUAL:]
        if latest:
            found[dimension] = sum((e.used for e in latest), Decimal(0)) / len(latest)
    return found
