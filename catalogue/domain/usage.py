"""What is used of a plan: what a month includes, and what use beyond it costs. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum

from catalogue.domain.model import Charge, ChargeKind, Kind, Offering, Segment
from commerce.kernel.money import Money


class Dimension(StrEnum):
    """What is used, by the characteristic or unit that limits it."""

    DATA = "data_gb"
    CALLS = "minutes"
    MESSAGES = "messages"
    ABROAD = "europe_gb"


UNITS: Mapping[str, Dimension] = {
    "GB": Dimension.DATA,
    "minute": Dimension.CALLS,
    "message": Dimension.MESSAGES,
}
"""What the units of charges of use count."""


POOL = "shared_allowance"
"""The characteristic of plans whose lines on one bill share what they include: the pool's name."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What a month includes of something (None: there is no end to it), and what each started unit
    beyond costs (None: there is nothing beyond)."""

    included: Decimal | None
    charge: Charge | None


def rates_of(
    offerings: Iterable[Offering], *, segment: Segment, term: int, at: datetime
) -> Mapping[Dimension, Rate]:
    """What use of each kind includes and costs; the price beyond is the plan's, if it has one."""
    of_lines = sorted(offerings, key=lambda each: each.kind is not Kind.PLAN)
    included = allowances_of(of_lines, segment=segment, term=term, at=at)
    prices: dict[Dimension, Charge] = {}
    for offering in of_lines:
        for charge in offering.charges_for(segment=segment, term=term, bundle=None, at=at):
            if charge.kind is ChargeKind.USAGE and charge.unit in UNITS:
                prices.setdefault(UNITS[charge.unit], charge)
    return {each: Rate(included.get(each), prices.get(each)) for each in Dimension}


def allowances_of(
    offerings: Iterable[Offering], *, segment: Segment, term: int, at: datetime
) -> Mapping[Dimension, Decimal]:
    """What a month of a line includes: what its plan names, and what its options add to that.

    What the plan does not name has no end.
    """
    found: dict[Dimension, Decimal] = {}
    of_lines = [each for each in offerings if each.kind in (Kind.PLAN, Kind.OPTION)]
    for offering in sorted(of_lines, key=lambda each: each.kind is not Kind.PLAN):
        own = _included(offering, segment=segment, term=term, at=at)
        for dimension, amount in own.items():
            if offering.kind is Kind.PLAN or dimension in found:
                found[dimension] = found.get(dimension, Decimal(0)) + amount
    return found


def _included(
    offering: Offering, *, segment: Segment, term: int, at: datetime
) -> Mapping[Dimension, Decimal]:
    found: dict[Dimension, Decimal] = {}
    for dimension in (Dimension.DATA, Dimension.ABROAD):
        amount = offering.characteristics.get(dimension.value)
        if isinstance(amount, (int, Decimal)):
            found[dimension] = Decimal(amount)
    for charge in offering.charges_for(segment=segment, term=term, bundle=None, at=at):
        if charge.kind is ChargeKind.USAGE and charge.unit in UNITS:
            found[UNITS[charge.unit]] = charge.included or Decimal(0)
    return found


def cost_of_use(charges: Iterable[Charge], *, used: Mapping[str, Decimal]) -> Money:
    """What one month's use costs; `used` is by unit. Charges of other kinds cost nothing here.

    Each started unit beyond what is included is paid. What no charge names has no end.
    """
    result = Money.zero()
    for charge in charges:
        if charge.kind is ChargeKind.USAGE:
            beyond = used.get(charge.unit, Decimal(0)) - (charge.included or Decimal(0))
            started = max(beyond, Decimal(0)).to_integral_value(ROUND_CEILING)
            result = result + charge.amount * started
    return result
