"""What use costs beyond what is included. Pure."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal

from catalogue.domain.model import Charge, ChargeKind
from commerce.kernel.money import Money


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
