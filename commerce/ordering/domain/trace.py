"""Why an amount is what it is: a tree of steps that can be computed again."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from commerce.kernel.money import CENT, Money


class Operation(StrEnum):
    """How a step gets its amount from its inputs or parts."""

    LIST_PRICE = "list_price"  # unit x quantity
    PERCENT_OFF = "percent_off"  # -round(left x value / 100) x quantity
    AMOUNT_OFF = "amount_off"  # -min(value, left) x quantity
    FIXED_PRICE = "fixed_price"  # -(left - value, at least 0) x quantity
    SUM = "sum"  # of the parts
    TIMES = "times"  # amount (that of its parts, if there are any) x times
    TAX_WITHIN = "tax_within"  # gross - round(gross / (1 + rate))
    TAX_ON = "tax_on"  # round(net x rate)


ROUNDING = "half up to 0.01"


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One amount. `rule` and `version` name the price or promotion behind it (of a price: the
    release); `inputs` are what went in, as text; `rounding` is empty where nothing was rounded."""

    code: str
    operation: Operation
    rule: str
    version: int
    inputs: tuple[tuple[str, str], ...]
    rounding: str
    amount: Money
    parts: "tuple[TraceStep, ...]" = ()

    def input(self, name: str) -> Decimal:
        return Decimal(dict(self.inputs)[name])


def replay(step: TraceStep) -> Money:
    """The amount of `step`, computed again from its inputs and the replay of its parts."""
    currency = step.amount.currency
    parts = sum((replay(part).amount for part in step.parts), Decimal(0))
    match step.operation:
        case Operation.SUM:
            return Money(parts, currency)
        case Operation.TIMES if step.parts:
            return Money(parts * step.input("times"), currency)
    return Money(_compute(step), currency)


def _compute(step: TraceStep) -> Decimal:
    match step.operation:
        case Operation.LIST_PRICE:
            return step.input("unit") * step.input("quantity")
        case Operation.PERCENT_OFF:
            saving = _round(step.input("left") * step.input("value") / 100)
        case Operation.AMOUNT_OFF:
            saving = _round(step.input("value"))
        case Operation.FIXED_PRICE:
            saving = _round(step.input("left") - step.input("value"))
        case Operation.TIMES:
            return step.input("amount") * step.input("times")
        case Operation.TAX_WITHIN:
            gross = step.input("gross")
            return gross - _round(gross * 100 / (100 + step.input("rate")))
        case _:
            return _round(step.input("net") * step.input("rate") / 100)
    return -min(max(saving, Decimal(0)), step.input("left")) * step.input("quantity")


def _round(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)
