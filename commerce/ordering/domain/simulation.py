"""What each plan would cost on a stated usage: the quote, plus use beyond what is included. Pure.

A month of use is a usual one at home; days abroad come in a row, 30 to a month, and use as much a
day as those at home. Use beyond an allowance is priced where the plan has a price for it; where it
has none (data stops at its allowance), the plan is too small, and says by how much.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from catalogue.domain.model import ChargeKind, Offering, Segment
from catalogue.domain.usage import UNITS, Dimension
from commerce.kernel.money import Money
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.schedule import cost_of

YEAR = 12
COMPARED = 24
"""Months over which plans are compared, whatever their commitment."""
DAYS = 30


@dataclass(frozen=True, slots=True)
class Usage:
    """A usual month: GB, minutes of calls, messages; and days in Europe a year."""

    data_gb: int = 0
    minutes: int = 0
    messages: int = 0
    days_abroad: int = 0

    def __bool__(self) -> bool:
        return any((self.data_gb, self.minutes, self.messages, self.days_abroad))

    def months(self) -> Iterator[Mapping[Dimension, Decimal]]:
        """The twelve months of a year, the journeys first."""
        left = self.days_abroad
        for _ in range(YEAR):
            away = min(left, DAYS)
            left -= away
            yield {
                Dimension.DATA: Decimal(self.data_gb),
                Dimension.CALLS: Decimal(self.minutes),
                Dimension.MESSAGES: Decimal(self.messages),
                Dimension.ABROAD: Decimal(self.data_gb) * away / DAYS,
            }


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a month includes of something, and the price of each started unit beyond.

    Without a price there is nothing beyond.
    """

    included: Decimal
    price: Money | None = None

    def cost(self, used: Decimal) -> Money:
        """Of what goes beyond; zero where nothing does or nothing can."""
        if self.price is None:
            return Money.zero()
        return self.price * self.beyond(used).to_integral_value(ROUND_CEILING)

    def beyond(self, used: Decimal) -> Decimal:
        return max(used - self.included, Decimal(0))


@dataclass(frozen=True, slots=True)
class Beyond:
    """What the busiest month needs above what is included; `year` what that costs in a year."""

    dimension: Dimension
    used: Decimal
    included: Decimal
    year: Money


@dataclass(frozen=True, slots=True)
class Cost:
    """A plan at a commitment on a usage. `fixed` is what the quote says over 24 months; `year` and
    `commitment` (24 months) add the use beyond. `short`: what can't be had with this plan."""

    plan: Offering
    term: int
    quote: Quote
    fixed: Money
    year: Money
    commitment: Money
    beyond: tuple[Beyond, ...]
    short: tuple[Beyond, ...]


def cost_on(
    usage: Usage, *, plan: Offering, term: int, quote: Quote, segment: Segment, at: datetime
) -> Cost:
    """`quote` is of the plan with what it needs, at `term`; `at` decides the prices of use."""
    used = list(usage.months())
    found = [
        _beyond(dimension, tariff, used=[month[dimension] for month in used])
        for dimension, tariff in tariffs_of(plan, segment=segment, term=term, at=at).items()
    ]
    over = [each for each in found if each is not None]
    paid = tuple(each for each in over if each.year)
    year = sum((each.year for each in paid), Money.zero())
    fixed = over_months(quote, months=COMPARED)
    return Cost(
        plan=plan,
        term=term,
        quote=quote,
        fixed=fixed,
        year=over_months(quote, months=YEAR) + year,
        commitment=fixed + year * (COMPARED // YEAR),
        beyond=paid,
        short=tuple(each for each in over if not each.year),
    )


def ranked(costs: Iterable[Cost]) -> tuple[Cost, ...]:
    """One per plan, at the commitment at which it is cheapest; those that suffice first."""
    best: dict[str, Cost] = {}
    for cost in costs:
        known = best.get(cost.plan.code)
        if known is None or _place(cost) < _place(known):
            best[cost.plan.code] = cost
    return tuple(sorted(best.values(), key=_place))


def tariffs_of(
    plan: Offering, *, segment: Segment, term: int, at: datetime
) -> Mapping[Dimension, Tariff]:
    """What the plan includes by its characteristics, and by its charges of use with their price.

    What neither names has no end.
    """
    facts = plan.characteristics
    found: dict[Dimension, Tariff] = {}
    for dimension in (Dimension.DATA, Dimension.ABROAD):
        amount = facts.get(dimension.value)
        if isinstance(amount, (int, Decimal)):
            found[dimension] = Tariff(Decimal(amount))
    for charge in plan.charges_for(segment=segment, term=term, bundle=None, at=at):
        if charge.kind is ChargeKind.USAGE and charge.unit in UNITS:
            found[UNITS[charge.unit]] = Tariff(charge.included or Decimal(0), charge.amount)
    return found


def over_months(quote: Quote, *, months: int) -> Money:
    """Today's money and everything that recurs, over so many contract months."""
    recurring = (cost_of(charge, months=months) for charge in quote.agreed_charges())
    return quote.due_today + sum(recurring, Money.zero())


def _beyond(dimension: Dimension, tariff: Tariff, *, used: list[Decimal]) -> Beyond | None:
    most = max(used, default=Decimal(0))
    if not tariff.beyond(most):
        return None
    year = sum((tariff.cost(month) for month in used), Money.zero())
    return Beyond(dimension, most, tariff.included, year)


def _place(cost: Cost) -> tuple[object, ...]:
    return (
        bool(cost.short),
        cost.commitment.amount,
        cost.term,
        cost.plan.rank,
        cost.plan.code,
    )
