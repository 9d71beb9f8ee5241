"""Exact money: Decimal, one currency, rounding as an explicit act."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in major units (euros, not cents), exact; rounded only where it is charged."""

    amount: Decimal
    currency: str = "EUR"

    @classmethod
    def of(cls, amount: str | int | Decimal, currency: str = "EUR") -> "Money":
        """Money from text or a whole number of euros; floats are refused by their type."""
        if isinstance(amount, float):
            raise TypeError("money is never made from a float")
        return cls(Decimal(amount), currency)

    @classmethod
    def zero(cls, currency: str = "EUR") -> "Money":
        return cls(Decimal(0), currency)

    @classmethod
    def from_cents(cls, cents: int, currency: str = "EUR") -> "Money":
        return cls(Decimal(cents) / 100, currency)

    @property
    def cents(self) -> int:
        """Whole cents, half up."""
        return int((self.amount * 100).quantize(Decimal(1), ROUND_HALF_UP))

    def __add__(self, other: "Money") -> "Money":
        self._same_currency(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same_currency(other)
        return Money(self.amount - other.amount, self.currency)

    def __mul__(self, factor: Decimal | int) -> "Money":
        return Money(self.amount * factor, self.currency)

    def __truediv__(self, divisor: Decimal | int) -> "Money":
        return Money(self.amount / divisor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def __lt__(self, other: "Money") -> bool:
        self._same_currency(other)
        return self.amount < other.amount

    def __le__(self, other: "Money") -> bool:
        self._same_currency(other)
        return self.amount <= other.amount

    def __bool__(self) -> bool:
        return self.amount != 0

    def __str__(self) -> str:
        return f"{self.rounded().amount} {self.currency}"

    def rounded(self) -> "Money":
        """Half up, to the cent (2.675 becomes 2.68; -2.675 becomes -2.68)."""
        return Money(self.amount.quantize(CENT, ROUND_HALF_UP), self.currency)

    def _same_currency(self, other: "Money") -> None:
        if other.currency != self.currency:
            raise ValueError(f"cannot combine {other.currency} with {self.currency}")


def total(amounts: Iterable[Money], *, currency: str = "EUR") -> Money:
    """The sum; zero of `currency` for nothing."""
    result = Money.zero(currency)
    for amount in amounts:
        result = result + amount
    return result


def allocate(amount: Money, *, weights: Sequence[Decimal | int]) -> tuple[Money, ...]:
    """Share `amount` (rounded to the cent) by `weights`; the shares add up to it exactly.

    Largest remainder; ties go to the earlier share. All weights zero: equal shares.

    Raises:
        ValueError: no weights, or a negative one.
    """
    if not weights or any(weight < 0 for weight in weights):
        raise ValueError("weights must be given and not be negative")
    shares = [Decimal(weight) for weight in weights]
    if sum(shares) == 0:
        shares = [Decimal(1)] * len(shares)
    cents, whole = amount.cents, sum(shares)
    sign = -1 if cents < 0 else 1
    exact = [abs(cents) * share / whole for share in shares]
    floors = [int(value) for value in exact]
    missing = abs(cents) - sum(floors)
    by_remainder = sorted(range(len(exact)), key=lambda i: (floors[i] - exact[i], i))
    for index in by_remainder[:missing]:
        floors[index] += 1
    return tuple(Money.from_cents(sign * floor, amount.currency) for floor in floors)
