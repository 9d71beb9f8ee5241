"""Which promotions a unit gets, and why others within reach are not given. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from catalogue.domain.expressions import All, AnyOf, Expression, Facts, Not, Test
from commerce.kernel.clock import PARIS
from promotions.domain.benefits import Benefit
from promotions.domain.choosing import Key, Offer, best, cost, saving_alone
from promotions.domain.compiler import CompiledPromotions
from promotions.domain.granting import hits_of
from promotions.domain.model import (
    AppliedPromotion,
    CustomerFacts,
    Grant,
    Miss,
    MissedPromotion,
    Outcome,
    Promotion,
    Unit,
)

_ZERO = Decimal(0)
_INSTANT = timedelta(microseconds=1)
"""A promotion holds until its end, which is not part of it: its last day is the one before."""


def evaluate(
    promotions: CompiledPromotions,
    *,
    unit: Unit,
    codes: Sequence[str],
    customer: CustomerFacts,
    at: datetime,
) -> Outcome:
    """Judge `unit`: conditions at list prices, then the permitted combination that costs least.

    `customer` says what is used up, opened or retained for him. The result never depends on the
    order of promotions, lines or codes.
    """
    offers: list[Offer] = []
    missed: list[MissedPromotion] = []
    named = (*customer.opened, *customer.retained)
    for promotion in promotions.candidates(unit.facts, codes=codes, named=named).values():
        if promotion.on_demand and not _asked_for(promotion, codes=codes, customer=customer):
            continue
        found = _judge(promotion, unit=unit, customer=customer, at=at)
        if isinstance(found, Offer):
            offers.append(found)
        elif found is not None:
            missed.append(found)
    chosen, left_out = best(offers, months=unit.months)
    missed += left_out
    return _apply(chosen, unit=unit, missed=missed)


def _asked_for(promotion: Promotion, *, codes: Sequence[str], customer: CustomerFacts) -> bool:
    """Whether all is there that it waits for: its code, a single-use code, an agent's reason."""
    word = promotion.requires_code
    return (
        (word is None or word in {code.upper() for code in codes})
        and (not promotion.single_use or promotion.code in customer.opened)
        and (not promotion.reasons or promotion.code in customer.retained)
    )


def _judge(
    promotion: Promotion,
    *,
    unit: Unit,
    customer: CustomerFacts,
    at: datetime,
) -> Offer | MissedPromotion | None:
    if promotion.valid_from is not None and at < promotion.valid_from:
        first = promotion.valid_from.astimezone(PARIS).date()
        return MissedPromotion(promotion, Miss.NOT_YET, {"from": first.isoformat()})
    if promotion.valid_until is not None and at >= promotion.valid_until:
        # A promotion that is over is no news, unless its code was typed in.
        entered = promotion.on_demand
        last = (promotion.valid_until - _INSTANT).astimezone(PARIS).date()
        values = {"until": last.isoformat()}
        return MissedPromotion(promotion, Miss.OVER, values) if entered else None
    if not promotion.when.holds(unit.facts):
        if not promotion.trigger and not promotion.on_demand:
            return None
        return MissedPromotion(
            promotion, Miss.CONDITION, _why_not(promotion.when, facts=unit.facts)
        )
    if promotion.code in customer.used_up:
        return MissedPromotion(promotion, Miss.USED_UP, {})
    hits = hits_of(promotion.benefits, unit=unit)
    saving = sum((saving_alone(hit, months=unit.months) for hit in hits), _ZERO)
    if not saving and not any(hit.reduces_after(()) for hit in hits):
        return MissedPromotion(promotion, Miss.NOTHING_TO_REDUCE, {})
    return Offer(promotion, hits, saving)


def _apply(chosen: Sequence[Offer], *, unit: Unit, missed: list[MissedPromotion]) -> Outcome:
    grants: list[Grant] = []
    applied: list[AppliedPromotion] = []
    on_charge: dict[Key, list[Benefit]] = {}
    for offer in chosen:
        saving, held = _saving_on_top(offer, on_charge=on_charge, months=unit.months)
        if not saving and not _reduces_later(offer, on_charge=on_charge):
            missed.append(MissedPromotion(offer.promotion, Miss.NOTHING_TO_REDUCE, {}))
            continue
        on_charge.update(held)
        grants.extend(
            Grant(hit.line.id, hit.charge.code, offer.promotion, hit.benefit) for hit in offer.hits
        )
        lines = tuple(dict.fromkeys(hit.line.id for hit in offer.hits))
        applied.append(AppliedPromotion(offer.promotion, saving, lines))
    missed.sort(key=lambda m: m.promotion.code)
    return Outcome(tuple(grants), tuple(applied), tuple(missed))


def _reduces_later(offer: Offer, *, on_charge: Mapping[Key, list[Benefit]]) -> bool:
    """Whether it takes something off after the months that are counted."""
    return any(hit.reduces_after(on_charge.get(hit.key, ())) for hit in offer.hits)


def _saving_on_top(
    offer: Offer, *, on_charge: Mapping[Key, list[Benefit]], months: int
) -> tuple[Decimal, dict[Key, list[Benefit]]]:
    """What it saves after the benefits that are there already, and the charges' benefits then."""
    saving = _ZERO
    held: dict[Key, list[Benefit]] = {}
    for hit in offer.hits:
        before = held.get(hit.key) or on_charge.get(hit.key, [])
        held[hit.key] = [*before, hit.benefit]
        saving += cost(hit, benefits=before, months=months) - cost(
            hit, benefits=held[hit.key], months=months
        )
    return saving, held


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
