"""Tax, rounded once per rate: for what is due today and for an invoice alike.

Rates are per cent ("20", "5.5", "2.1"). Consumers' prices include tax and are the master; business
prices don't and are the master there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from commerce.kernel.money import Money


class Basis(StrEnum):
    """What the prices of a contract are stated in; the other side is computed."""

    TTC = "TTC"
    HT = "HT"


@dataclass(frozen=True, slots=True)
class TaxPart:
    """The amounts at one rate; `net + tax == gross`, each to the cent."""

    rate: Decimal
    net: Money
    tax: Money
    gross: Money


def tax_parts(amounts_by_rate: Mapping[Decimal, Money], *, basis: Basis) -> tuple[TaxPart, ...]:
    """One part per rate, the highest rate first, from the sum at that rate in the master basis.

    TTC: net = round(gross / (1 + rate)), tax = gross - net. HT: tax = round(net * rate). Half up.
    Sums are rounded to the cent before they are split; rates that only differ in how they are
    written ("20", "20.0") are one.
    """
    sums: dict[Decimal, Money] = {}
    for rate, amount in amounts_by_rate.items():
        sums[rate] = sums[rate] + amount if rate in sums else amount
    return tuple(
        _part(rate, sums[rate].rounded(), basis=basis) for rate in sorted(sums, reverse=True)
    )


def _part(rate: Decimal, amount: Money, *, basis: Basis) -> TaxPart:
    if basis is Basis.TTC:
        net = (amount * 100 / (100 + rate)).rounded()
        return TaxPart(rate, net, amount - net, amount)
    tax = (amount * rate / 100).rounded()
    return TaxPart(rate, amount, tax, amount + tax)
