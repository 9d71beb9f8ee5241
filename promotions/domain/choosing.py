"""Which of the promotions that could be given are given together. Pure.

Permitted is one of each group, and an exclusive one alone on its charges. Of all that is permitted
the customer gets what leaves him the least to pay over the commitment. So one more promotion can
never make anything dearer, and nothing depends on the order of rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from catalogue.domain.model import ChargeKind
from promotions.domain.benefits import Benefit, after, cost_over
from promotions.domain.granting import Hit
from promotions.domain.model import Miss, MissedPromotion, Promotion

Key = tuple[str, str]
"""A line's id and the code of one of its charges."""

MOST_LOOKED_AT = 4000
"""Combinations tried for charges that many rival promotions share; the best one found stands."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A promotion whose conditions hold, with what it would reduce and save by itself."""

    promotion: Promotion
    hits: tuple[Hit, ...]
    saving: Decimal

    @property
    def rank(self) -> tuple[Decimal, str]:
        return (-self.saving, self.promotion.code)


def saving_alone(hit: Hit, *, months: int) -> Decimal:
    """What the hit saves by itself over `months`."""
    return cost(hit, benefits=(), months=months) - cost(hit, benefits=(hit.benefit,), months=months)


def cost(hit: Hit, *, benefits: Sequence[Benefit], months: int) -> Decimal:
    """What the hit's charge costs over `months` with `benefits`, for its line's whole quantity."""
    charge, quantity = hit.charge, hit.line.quantity
    if charge.kind is ChargeKind.ONE_OFF:
        today = [benefit for benefit in benefits if benefit.covers(1)]
        return after(charge.amount, benefits=today, quantity=quantity)
    return cost_over(
        charge.amount,
        benefits=benefits,
        months=months,
        every=charge.every_months,
        quantity=quantity,
    )


def best(offers: Sequence[Offer], *, months: int) -> tuple[list[Offer], list[MissedPromotion]]:
    """The offers that are given, in the order in which they apply, and why others are not."""
    if not _rivals(offers):
        return sorted(offers, key=lambda o: o.promotion.slug), []
    chosen: list[Offer] = []
    for entangled in _entangled(offers):
        if _rivals(entangled):
            chosen += _Search(entangled, months=months).best()
        else:
            chosen += entangled
    chosen.sort(key=lambda o: o.promotion.slug)
    given = {offer.promotion.code for offer in chosen}
    missed = [_why(o, chosen) for o in offers if o.promotion.code not in given]
    return chosen, missed


def _rivals(offers: Sequence[Offer]) -> bool:
    """Whether they cannot all be given as they are."""
    groups = {offer.promotion.group for offer in offers}
    return len(groups) < len(offers) or any(offer.promotion.exclusive for offer in offers)


def _entangled(offers: Sequence[Offer]) -> list[list[Offer]]:
    """Offers in sets that share no group and no charge with those of another set."""
    sets: list[tuple[set[object], list[Offer]]] = []
    for offer in sorted(offers, key=lambda o: o.rank):
        bonds: set[object] = {offer.promotion.group, *(hit.key for hit in offer.hits)}
        members = [offer]
        apart = []
        for other in sets:
            if bonds.isdisjoint(other[0]):
                apart.append(other)
            else:
                bonds |= other[0]
                members = [*other[1], *members]
        sets = [*apart, (bonds, members)]
    return [sorted(members, key=lambda o: o.rank) for _, members in sets]


def _why(offer: Offer, chosen: Sequence[Offer]) -> MissedPromotion:
    promotion = offer.promotion
    keys = {hit.key for hit in offer.hits}
    for other in chosen:
        if other.promotion.group == promotion.group:
            values = {"promotion": other.promotion.code}
            return MissedPromotion(promotion, Miss.BETTER_ONE, values)
    for other in chosen:
        if _clash(offer, other, keys):
            values = {"promotion": other.promotion.code}
            return MissedPromotion(promotion, Miss.EXCLUSIVE, values)
    return MissedPromotion(promotion, Miss.NOTHING_TO_REDUCE, {})


def _clash(offer: Offer, other: Offer, keys: set[Key]) -> bool:
    if not offer.promotion.exclusive and not other.promotion.exclusive:
        return False
    return any(hit.key in keys for hit in other.hits)


@dataclass(slots=True)
class _Search:
    """Tries the combinations of entangled offers, group by group, the most promising first.

    What all undecided offers would leave to pay if they could be given together is a bound: no
    advantage ever makes a charge dearer, so a branch that can't beat the best one is left.
    """

    offers: Sequence[Offer]
    months: int
    looked_at: int = 0
    _costs: dict[tuple[Key, tuple[str, ...]], Decimal] = field(default_factory=dict)
    _found: tuple[Decimal, int, tuple[str, ...]] | None = None
    _best: tuple[Offer, ...] = ()

    def best(self) -> tuple[Offer, ...]:
        groups: dict[str, list[Offer]] = {}
        for offer in self.offers:
            groups.setdefault(offer.promotion.group, []).append(offer)
        self._decide(tuple(groups.values()), chosen=())
        return self._best

    def _decide(self, groups: Sequence[Sequence[Offer]], *, chosen: tuple[Offer, ...]) -> None:
        self.looked_at += 1
        if not groups:
            self._keep(chosen)
            return
        undecided = tuple(offer for group in groups for offer in group)
        if self._found is not None and (
            self.looked_at > MOST_LOOKED_AT or self._left((*chosen, *undecided)) > self._found[0]
        ):
            return
        for offer in groups[0]:
            keys = {hit.key for hit in offer.hits}
            if not any(_clash(offer, other, keys) for other in chosen):
                self._decide(groups[1:], chosen=(*chosen, offer))
        self._decide(groups[1:], chosen=chosen)

    def _keep(self, chosen: tuple[Offer, ...]) -> None:
        """Least to pay; then the most promotions; then the first codes."""
        codes = tuple(sorted(offer.promotion.code for offer in chosen))
        found = (self._left(chosen), -len(codes), codes)
        if self._found is None or found < self._found:
            self._found, self._best = found, chosen

    def _left(self, chosen: Sequence[Offer]) -> Decimal:
        """What all charges that are touched cost with `chosen`."""
        by_key: dict[Key, list[tuple[Offer, Hit]]] = {
            hit.key: [] for offer in self.offers for hit in offer.hits
        }
        for offer in sorted(chosen, key=lambda o: o.promotion.slug):
            for hit in offer.hits:
                by_key[hit.key].append((offer, hit))
        return sum((self._cost(key, given) for key, given in by_key.items()), Decimal(0))

    def _cost(self, key: Key, given: Sequence[tuple[Offer, Hit]]) -> Decimal:
        name = (key, tuple(dict.fromkeys(offer.promotion.code for offer, _ in given)))
        known = self._costs.get(name)
        if known is None:
            hit = given[0][1] if given else self._any(key)
            benefits = [hit.benefit for _, hit in given]
            known = self._costs[name] = cost(hit, benefits=benefits, months=self.months)
        return known

    def _any(self, key: Key) -> Hit:
        return next(hit for offer in self.offers for hit in offer.hits if hit.key == key)
