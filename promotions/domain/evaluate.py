"""Which promotions a unit gets, and why others within reach are not given. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from catalogue.domain.expressions import All, AnyOf, Expression, Facts, Not, Test
from catalogue.domain.model import ChargeKind
from promotions.domain.benefits import Benefit, after, cost_over
from promotions.domain.compiler import CompiledPromotions
from promotions.domain.model import (
    AppliedPromotion,
    Grant,
    Miss,
    MissedPromotion,
    Outcome,
    PricedCharge,
    PricedLine,
    Promotion,
    PromotionBenefit,
    Unit,
)

_ZERO = Decimal(0)
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Hit:
    """A benefit that finds a charge."""

    line: PricedLine
    charge: PricedCharge
    benefit: Benefit


@dataclass(frozen=True, slots=True)
class _Offer:
    """A promotion whose conditions hold, with what it would reduce and save by itself."""

    promotion: Promotion
    hits: tuple[_Hit, ...]
    saving: Decimal


def evaluate(
    promotions: CompiledPromotions,
    *,
    unit: Unit,
    codes: Sequence[str],
    used_up: frozenset[str],
    at: datetime,
) -> Outcome:
    """Judge `unit`: conditions at list prices, then the best of each group, then exclusiveness.

    `used_up` names promotions whose limit leaves none for this customer. The result never depends
    on the order of promotions, lines or codes.
    """
    offers: list[_Offer] = []
    missed: list[MissedPromotion] = []
    for promotion in promotions.candidates(unit.facts, codes=codes).values():
        found = _judge(promotion, unit=unit, codes=codes, used_up=used_up, at=at)
        if isinstance(found, _Offer):
            offers.append(found)
        elif found is not None:
            missed.append(found)
    winners = _best_of_groups(offers, missed=missed)
    return _apply(winners, unit=unit, missed=missed)


def _judge(
    promotion: Promotion,
    *,
    unit: Unit,
    codes: Sequence[str],
    used_up: frozenset[str],
    at: datetime,
) -> _Offer | MissedPromotion | None:
    if promotion.valid_from is not None and at < promotion.valid_from:
        return MissedPromotion(
            promotion, Miss.NOT_YET, {"from": promotion.valid_from.date().isoformat()}
        )
    if promotion.valid_until is not None and at >= promotion.valid_until:
        # A promotion that is over is no news, unless its code was typed in.
        entered = promotion.requires_code is not None
        values = {"until": promotion.valid_until.date().isoformat()}
        return MissedPromotion(promotion, Miss.OVER, values) if entered else None
    if not promotion.when.holds(unit.facts):
        if not promotion.trigger and promotion.requires_code is None:
            return None
        return MissedPromotion(
            promotion, Miss.CONDITION, _why_not(promotion.when, facts=unit.facts)
        )
    if promotion.code in used_up:
        return MissedPromotion(promotion, Miss.USED_UP, {})
    hits = tuple(_hits(promotion.benefits, unit=unit))
    saving = sum((_saving_alone(hit, months=unit.months) for hit in hits), _ZERO)
    if saving <= 0:
        return MissedPromotion(promotion, Miss.NOTHING_TO_REDUCE, {})
    return _Offer(promotion, hits, saving)


def _hits(benefits: tuple[PromotionBenefit, ...], *, unit: Unit) -> Iterator[_Hit]:
    for line in unit.lines:
        for charge in line.charges:
            facts: Facts | None = None
            for benefit in benefits:
                if benefit.charge is not charge.kind:
                    continue
                facts = facts or {**line.facts, "line.charge": charge.code}
                if benefit.target.holds(facts):
                    yield _Hit(line, charge, benefit.benefit)


def _saving_alone(hit: _Hit, *, months: int) -> Decimal:
    return hit.line.quantity * (
        _cost(hit.charge, benefits=(), months=months)
        - _cost(hit.charge, benefits=(hit.benefit,), months=months)
    )


def _cost(charge: PricedCharge, *, benefits: Sequence[Benefit], months: int) -> Decimal:
    if charge.kind is ChargeKind.ONE_OFF:
        return after(charge.amount, benefits=[b for b in benefits if b.covers(1)])
    return cost_over(charge.amount, benefits=benefits, months=months, every=charge.every_months)


def _best_of_groups(offers: list[_Offer], *, missed: list[MissedPromotion]) -> list[_Offer]:
    best: dict[str, _Offer] = {}
    for offer in sorted(offers, key=lambda o: (-o.saving, o.promotion.code)):
        winner = best.setdefault(offer.promotion.group, offer)
        if winner is not offer:
            missed.append(
                MissedPromotion(
                    offer.promotion, Miss.BETTER_ONE, {"promotion": winner.promotion.code}
                )
            )
    return sorted(best.values(), key=lambda o: o.promotion.slug)


def _apply(winners: list[_Offer], *, unit: Unit, missed: list[MissedPromotion]) -> Outcome:
    grants: list[Grant] = []
    applied: list[AppliedPromotion] = []
    on_charge: dict[_Key, list[Benefit]] = {}
    taken_by: dict[_Key, str] = {}
    for offer in winners:
        rival = _rival(offer, on_charge=on_charge, taken_by=taken_by)
        if rival is not None:
            missed.append(MissedPromotion(offer.promotion, Miss.EXCLUSIVE, {"promotion": rival}))
            continue
        saving, held = _saving_on_top(offer, on_charge=on_charge, months=unit.months)
        if not saving:
            missed.append(MissedPromotion(offer.promotion, Miss.NOTHING_TO_REDUCE, {}))
            continue
        on_charge.update(held)
        if offer.promotion.exclusive:
            taken_by.update(dict.fromkeys(held, offer.promotion.code))
        grants.extend(
            Grant(hit.line.id, hit.charge.code, offer.promotion, hit.benefit) for hit in offer.hits
        )
        lines = tuple(dict.fromkeys(hit.line.id for hit in offer.hits))
        applied.append(AppliedPromotion(offer.promotion, saving, lines))
    missed.sort(key=lambda m: m.promotion.code)
    return Outcome(tuple(grants), tuple(applied), tuple(missed))


def _saving_on_top(
    offer: _Offer, *, on_charge: Mapping[_Key, list[Benefit]], months: int
) -> tuple[Decimal, dict[_Key, list[Benefit]]]:
    """What it saves after the benefits that are there already, and the charges' benefits then."""
    saving = _ZERO
    held: dict[_Key, list[Benefit]] = {}
    for hit in offer.hits:
        key = (hit.line.id, hit.charge.code)
        before = held.get(key) or on_charge.get(key, [])
        held[key] = [*before, hit.benefit]
        saved = _cost(hit.charge, benefits=before, months=months) - _cost(
            hit.charge, benefits=held[key], months=months
        )
        saving += saved * hit.line.quantity
    return saving, held


def _rival(
    offer: _Offer, *, on_charge: Mapping[_Key, list[Benefit]], taken_by: Mapping[_Key, str]
) -> str | None:
    """The promotion that forbids this one: an exclusive one before it, or any if this one is."""
    for hit in offer.hits:
        key = (hit.line.id, hit.charge.code)
        if key in taken_by:
            return taken_by[key]
        if offer.promotion.exclusive and any(
            benefit.code != offer.promotion.code for benefit in on_charge.get(key, ())
        ):
            return on_charge[key][0].code
    return None


def _why_not(when: Expression, *, facts: Facts) -> Mapping[str, str]:
    failing = _first_failing(when, facts=facts)
    if failing is None:
        return {}
    fact = facts.get(failing.name)
    return {
        "fact": failing.name,
        "operator": failing.operator.value,
        "wanted": _shown(failing.value),
        "found": _shown(fact),
    }


def _first_failing(when: Expression, *, facts: Facts) -> Test | None:
    match when:
        case Test():
            return None if when.holds(facts) else when
        case All(parts):
            for part in parts:
                if not part.holds(facts):
                    return _first_failing(part, facts=facts)
            return None
        case AnyOf(parts):
            return _first_failing(parts[0], facts=facts) if parts else None
        case Not(part):
            return part if isinstance(part, Test) else None


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    return "" if value is None else str(value)
