"""Cents, shares and tax, as engine.md part 2 and france.md 8 say it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor

from tests.proof.billing.facts import Buyer


def cents(amount: Fraction) -> Decimal:
    """To the cent, half up on the magnitude: 0.125 is 0.13, -0.125 is -0.13."""
    count = floor(abs(amount) * 100 + Fraction(1, 2))
    return Decimal(count if amount >= 0 else -count) / 100


def add_up_to(total: Decimal, shares: Sequence[Fraction]) -> list[Decimal]:
    """The shares in cents that add up to the total: largest remainders first, then in order."""
    counts = [floor(share * 100) for share in shares]
    remainders = [share * 100 - count for share, count in zip(shares, counts, strict=True)]
    left = int(total * 100) - sum(counts)
    for place in sorted(range(len(shares)), key=lambda place: -remainders[place])[:left]:
        counts[place] += 1
    return [Decimal(count) / 100 for count in counts]


def allocate(total: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """A total in cents, split by weights."""
    whole = sum(map(Fraction, weights))
    return add_up_to(total, [Fraction(total) * Fraction(weight) / whole for weight in weights])


@dataclass(frozen=True, slots=True)
class Tax:
    """One rate on one bill: net + tax = gross, each to the cent."""

    rate: Decimal
    net: Decimal
    tax: Decimal
    gross: Decimal


def taxed(master: Decimal, *, rate: Decimal, buyer: Buyer) -> Tax:
    """The tax on all that a bill charges at one rate: rounded once."""
    share = Fraction(rate) / 100
    if buyer is Buyer.CONSUMER:
        net = cents(Fraction(master) / (1 + share))
        return Tax(rate, net, master - net, master)
    tax = cents(Fraction(master) * share)
    return Tax(rate, master, tax, master + tax)
