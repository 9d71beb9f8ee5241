"""A promotion tried on carts before it is on sale: for how many it would apply, at what cost. Pure.

It is tried as if it ran at that instant and everybody had its code; its limits count. The cost is
what a cart costs without it minus what it costs with it, all other promotions as they were.
"""

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from catalogue.domain.model import Snapshot
from commerce.kernel.money import Money
from commerce.kernel.tax import Basis
from commerce.ordering.domain.cart import CartValue
from commerce.ordering.domain.quote import Quote, quote
from promotions.domain.compiler import CompiledPromotions, index_promotions
from promotions.domain.model import CustomerFacts, Promotion

MOST_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Sale:
    """A cart that was or might be bought. `name` is an order's number, or what a sample is."""

    name: str
    cart: CartValue
    catalogue: Snapshot
    promotions: CompiledPromotions
    at: datetime
    activation: date
    customer: CustomerFacts
    party_id: int | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """What the promotion takes off a sale: today, and over the commitment (12 months if none).

    Both in the basis of the sale: with tax for consumers, without for businesses. A cost below
    zero is possible where it drives a better promotion out.
    """

    name: str
    basis: Basis
    before: Money
    today: Money
    commitment: Money


@dataclass(frozen=True, slots=True)
class Totals:
    """Of all sales of one basis for which it applies."""

    sales: int
    today: Money
    commitment: Money


@dataclass(slots=True)
class Tried:
    """What came of it so far: `seen` sales, the totals by basis, the examples that cost most."""

    seen: int = 0
    totals: dict[Basis, Totals] = field(default_factory=dict)
    examples: list[Effect] = field(default_factory=list)
    _had: Counter[int] = field(default_factory=Counter)

    @property
    def applied(self) -> int:
        return sum(total.sales for total in self.totals.values())

    def add(self, promotion: Promotion, sale: Sale) -> None:
        """Try it on one more sale; they come in the order in which they were made."""
        self.seen += 1
        if self._used_up(promotion, sale):
            return
        effect = effect_of(promotion, sale)
        if effect is None:
            return
        if sale.party_id is not None:
            self._had[sale.party_id] += 1
        zero = Money.zero(effect.today.currency)
        total = self.totals.get(effect.basis, Totals(0, zero, zero))
        self.totals[effect.basis] = Totals(
            total.sales + 1, total.today + effect.today, total.commitment + effect.commitment
        )
        self.examples = heapq.nlargest(
            MOST_EXAMPLES, [*self.examples, effect], key=lambda each: each.commitment.amount
        )

    def _used_up(self, promotion: Promotion, sale: Sale) -> bool:
        total, per_party = promotion.limits.total, promotion.limits.per_party
        if total is not None and self.applied >= total:
            return True
        return (
            per_party is not None
            and sale.party_id is not None
            and self._had[sale.party_id] >= per_party
        )


def try_on(promotion: Promotion, sales: Iterable[Sale]) -> Tried:
    """What it does to all of them."""
    tried = Tried()
    for sale in sales:
        tried.add(promotion, sale)
    return tried


def effect_of(promotion: Promotion, sale: Sale) -> Effect | None:
    """What it does to one sale; None where it doesn't apply."""
    with_it = _priced(sale, promotion, tried=True)
    if promotion.code not in {each.code for each in with_it.applied}:
        return None
    without = _priced(sale, promotion, tried=False)
    return Effect(
        sale.name,
        with_it.basis,
        without.commitment_total,
        without.due_today - with_it.due_today,
        without.commitment_total - with_it.commitment_total,
    )


def _priced(sale: Sale, promotion: Promotion, *, tried: bool) -> Quote:
    cart, customer = sale.cart, sale.customer
    customer = replace(customer, used_up=customer.used_up - {promotion.code})
    if tried and promotion.requires_code:
        cart = replace(cart, codes=(*cart.codes, promotion.requires_code))
    if tried and promotion.single_use:
        customer = replace(customer, opened=customer.opened | {promotion.code})
    if tried and promotion.reasons:
        retained = {**customer.retained, promotion.code: promotion.reasons[0]}
        customer = replace(customer, retained=retained)
    return quote(
        cart,
        catalogue=sale.catalogue,
        promotions=_with(sale.promotions, promotion, tried=tried),
        customer=customer,
        at=sale.at,
        activation=sale.activation,
    )


_kept: dict[tuple[int, int, bool], tuple[CompiledPromotions, Promotion, CompiledPromotions]] = {}
_MOST_KEPT = 32


def _with(found: CompiledPromotions, promotion: Promotion, *, tried: bool) -> CompiledPromotions:
    """The promotions of the sale with or without it; kept, as many sales share them."""
    key = (id(found), id(promotion), tried)
    kept = _kept.get(key)
    if kept is None:
        others = {c: p for c, p in found.promotions.items() if c != promotion.code}
        if tried:
            others[promotion.code] = replace(promotion, valid_from=None, valid_until=None)
        while len(_kept) >= _MOST_KEPT:
            _kept.pop(next(iter(_kept)))
        kept = _kept[key] = (found, promotion, index_promotions(others.values()))
    return kept[2]
