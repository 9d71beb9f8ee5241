"""Promotions tried on carts before they are on sale: for how many, at what cost. Pure.

What differs is tried on both sides alike: as if it ran at that instant and everybody had its code;
its limits count. The cost is what a cart costs as things are minus what it costs with the change,
all other promotions as they are.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

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


class Side(StrEnum):
    """As it is sold, and as it is tried."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """The promotions that differ, by code: as they are sold, and as they are tried instead."""

    before: Mapping[str, Promotion]
    after: Mapping[str, Promotion]

    @classmethod
    def between(cls, before: Mapping[str, Promotion], after: Mapping[str, Promotion]) -> "Change":
        """What differs between two sets of promotions."""
        return cls(
            {code: each for code, each in before.items() if after.get(code) != each},
            {code: each for code, each in after.items() if before.get(code) != each},
        )

    @classmethod
    def of(cls, promotion: Promotion) -> "Change":
        """One promotion against none of its name."""
        return cls({}, {promotion.code: promotion})

    @property
    def limited(self) -> bool:
        """Whether what a sale gets depends on the sales before it."""
        limits = (each.limits for side in Side for each in self.on(side).values())
        return any(each.total is not None or each.per_party is not None for each in limits)

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(sorted({*self.before, *self.after}))

    def what(self, code: str) -> str:
        """added, removed or changed."""
        if code not in self.before:
            return "added"
        return "changed" if code in self.after else "removed"

    def on(self, side: Side) -> Mapping[str, Promotion]:
        return self.before if side is Side.BEFORE else self.after


@dataclass(frozen=True, slots=True)
class Effect:
    """What the change takes off a sale: today, and over the commitment (12 months if none).

    Both in the basis of the sale: with tax for consumers, without for businesses. A cost below
    zero is possible where it takes a better promotion away. `had` and `gets` are the promotions
    that differ and are given, as things are and with the change.
    """

    name: str
    basis: Basis
    before: Money
    today: Money
    commitment: Money
    had: tuple[str, ...] = field(default=(), compare=False)
    gets: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Totals:
    """Of all sales of one basis for which it applies."""

    sales: int
    today: Money
    commitment: Money


@dataclass(slots=True)
class Tried:
    """What came of it so far: `seen` sales, the totals by basis, the examples that cost most.

    `given` counts for each side and promotion the sales that get it.
    """

    most_examples: int = MOST_EXAMPLES
    seen: int = 0
    totals: dict[Basis, Totals] = field(default_factory=dict)
    examples: list[Effect] = field(default_factory=list)
    given: Counter[tuple[Side, str]] = field(default_factory=Counter)
    _taken: Counter[tuple[Side, str]] = field(default_factory=Counter)
    _had: Counter[tuple[Side, str, int]] = field(default_factory=Counter)

    @property
    def applied(self) -> int:
        return sum(total.sales for total in self.totals.values())

    def following(self) -> "Tried":
        """A count of its own whose limits go on from this one."""
        return Tried(
            most_examples=self.most_examples, _taken=Counter(self._taken), _had=Counter(self._had)
        )

    def add(self, change: Change, sale: Sale) -> Effect | None:
        """Try it on one more sale; they come in the order in which they were made."""
        self.seen += 1
        spent = {side: self._spent(change, side, sale) for side in Side}
        effect = effect_of(change, sale, spent=spent)
        if effect is None:
            return None
        for side, codes in ((Side.BEFORE, effect.had), (Side.AFTER, effect.gets)):
            self.given.update((side, code) for code in codes)
            self._taken.update((side, code) for code in codes)
            if sale.party_id is not None:
                self._had.update((side, code, sale.party_id) for code in codes)
        zero = Money.zero(effect.today.currency)
        total = self.totals.get(effect.basis, Totals(0, zero, zero))
        self.totals[effect.basis] = Totals(
            total.sales + 1, total.today + effect.today, total.commitment + effect.commitment
        )
        self.examples = heapq.nlargest(
            self.most_examples,
            [*self.examples, effect],
            key=lambda each: each.commitment.amount,
        )
        return effect

    def _spent(self, change: Change, side: Side, sale: Sale) -> frozenset[str]:
        """Those whose limits are reached."""
        return frozenset(
            code
            for code, promotion in change.on(side).items()
            if _reached(promotion.limits.total, self._taken[side, code])
            or (
                sale.party_id is not None
                and _reached(promotion.limits.per_party, self._had[side, code, sale.party_id])
            )
        )


def try_on(change: Change, sales: Iterable[Sale]) -> Tried:
    """What it does to all of them."""
    tried = Tried()
    for sale in sales:
        tried.add(change, sale)
    return tried


def effect_of(
    change: Change, sale: Sale, *, spent: Mapping[Side, frozenset[str]] = MappingProxyType({})
) -> Effect | None:
    """What it does to one sale; None where nothing that differs is given on either side.

    `spent` are the promotions that can't be had any more.
    """
    before = _priced(sale, change, Side.BEFORE, spent=spent.get(Side.BEFORE, frozenset()))
    after = _priced(sale, change, Side.AFTER, spent=spent.get(Side.AFTER, frozenset()))
    had, gets = _given(before, change.before), _given(after, change.after)
    if not had and not gets:
        return None
    return Effect(
        sale.name,
        after.basis,
        before.commitment_total,
        before.due_today - after.due_today,
        before.commitment_total - after.commitment_total,
        had,
        gets,
    )


def _reached(limit: int | None, uses: int) -> bool:
    return limit is not None and uses >= limit


def _given(priced: Quote, among: Mapping[str, Promotion]) -> tuple[str, ...]:
    return tuple(sorted({each.code for each in priced.applied} & among.keys()))


def _priced(sale: Sale, change: Change, side: Side, *, spent: frozenset[str]) -> Quote:
    differing = change.on(side).values()
    codes = [each.requires_code for each in differing if each.requires_code]
    retained = {each.code: each.reasons[0] for each in differing if each.reasons}
    opened = {each.code for each in differing if each.single_use}
    known = sale.customer
    return quote(
        replace(sale.cart, codes=(*sale.cart.codes, *codes)),
        catalogue=sale.catalogue,
        promotions=_with(sale.promotions, change, side),
        customer=replace(
            known,
            used_up=(known.used_up - frozenset(change.codes)) | spent,
            opened=known.opened | opened,
            retained={**known.retained, **retained},
        ),
        at=sale.at,
        activation=sale.activation,
    )


_kept: dict[tuple[int, int, Side], tuple[CompiledPromotions, Change, CompiledPromotions]] = {}
_MOST_KEPT = 32


def _with(found: CompiledPromotions, change: Change, side: Side) -> CompiledPromotions:
    """The promotions of the sale with one side of the change; kept, as many sales share them."""
    key = (id(found), id(change), side)
    kept = _kept.get(key)
    if kept is None:
        codes = set(change.codes)
        others = {c: p for c, p in found.promotions.items() if c not in codes}
        for code, promotion in change.on(side).items():
            others[code] = replace(promotion, valid_from=None, valid_until=None)
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()  # in one step: other threads look here too
        kept = _kept[key] = (found, change, index_promotions(others.values()))
    return kept[2]
