"""The value of an advantage on one charge; the quote and the bill run share it."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from commerce.kernel.money import Money


class BenefitKind(StrEnum):
    PERCENT_OFF = "percent_off"
    AMOUNT_OFF = "amount_off"
    FIXED_PRICE = "fixed_price"


@dataclass(frozen=True, slots=True)
class Benefit:
    """An advantage on one charge: from period `first` for `periods` periods (None: for good).

    `value` is per cent (0-100) for PERCENT_OFF, else an amount in the charge's basis. For a one-off
    charge only period 1 counts.
    """

    code: str
    kind: BenefitKind
    value: Decimal
    first: int = 1
    periods: int | None = None

    def covers(self, period: int) -> bool:
        return period >= self.first and (self.periods is None or period < self.first + self.periods)

    def saving_on(self, amount: Money) -> Money:
        """What it takes off `amount`; never more than all of it, never less than nothing."""
        match self.kind:
            case BenefitKind.PERCENT_OFF:
                saving = amount * self.value / 100
            case BenefitKind.AMOUNT_OFF:
                saving = Money(self.value, amount.currency)
            case BenefitKind.FIXED_PRICE:
                saving = amount - Money(self.value, amount.currency)
        zero = Money.zero(amount.currency)
        return min(max(saving, zero), amount).rounded()
