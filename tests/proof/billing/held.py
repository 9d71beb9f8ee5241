"""Which items a contract has had by what is known on a day, as the engine's rows have them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import lru_cache

from catalogue.domain.model import ChargeKind, Segment
from commerce.kernel.money import Money
from commerce.kernel.periods import add_months, cycle_day_for
from commerce.markets.fr.termination import TERMS
from promotions.domain import benefits
from promotions.domain.benefits import BenefitKind
from promotions.domain.compiler import CompiledPromotions, compile_promotions
from promotions.domain.evaluate import evaluate
from promotions.domain.model import CustomerFacts, PricedCharge, PricedLine, Unit
from subscriptions.domain import charges, taking_over, terms
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.cycles import CycleDay, moved
from subscriptions.domain.invoice import bill_period
from tests.proof.billing.facts import (
    Benefit,
    Buyer,
    Contract,
    CycleDayMoved,
    Effect,
    HandedOver,
    Item,
    ItemAdded,
    ItemRemoved,
    Life,
    LinesDiscounted,
    OneOff,
    PlanChanged,
    Recurring,
    Renewed,
    Suspended,
    Terminated,
    TermsAnnounced,
    Withdrawn,
)

Act = (
    PlanChanged
    | Renewed
    | TermsAnnounced
    | ItemAdded
    | ItemRemoved
    | Terminated
    | Withdrawn
    | HandedOver
)
Acts = Sequence[tuple[date, Act]]


@dataclass(slots=True)
class Held:
    """An item of a contract from `since` to the eve of `until` (None: it has no end yet), with its
    recurring charges as agreed; its row was `entered` on a day."""

    item: Item
    since: date
    is_plan: bool
    entered: date
    agreed: tuple[AgreedCharge, ...]
    until: date | None = None

    def end(self, on: date) -> None:
        """It never lasts less than no day."""
        self.until = max(on, self.since)

    def runs_on(self, day: date) -> bool:
        """Whether that is one of its days."""
        return self.since <= day and (self.until is None or day < self.until)


@dataclass(frozen=True, slots=True)
class Place:
    """Where lines come from: a charge of an item of a contract, since when."""

    contract: str
    since: str
    item: str
    charge: str


def items(life: Life, contract: Contract, *, known: date) -> list[Held]:
    """The items that the contract has had or will have, by what is known at the end of a day."""
    found = _run(life, contract, acts(life, contract, known=known), known=known)
    off = _granted(life, contract) if found else ()
    for held in found[:1]:
        held.agreed = tuple(
            replace(each, benefits=(*each.benefits, *(b for code, b in off if code == each.code)))
            for each in held.agreed
        )
    return found


def acts(life: Life, contract: Contract, *, known: date) -> Acts:
    """What happens to the contract, by the day on which it takes effect, then as entered."""
    found: list[tuple[date, Act]] = []
    for fact in sorted(life.facts, key=lambda fact: fact.entry):
        if isinstance(fact, Act) and fact.contract == contract.code and fact.known <= known:
            found.append((_day_of(life, contract, fact, found), fact))
            found.sort(key=lambda act: (act[0], act[1].entry))
    return found


def is_open(life: Life, contract: Contract, *, day: date) -> bool:
    """Whether the line runs and nothing stops it, as far as is known on the day."""
    stopped = any(
        isinstance(fact, Suspended)
        and fact.contract == contract.code
        and fact.known <= day
        and fact.days.start <= day < fact.days.end
        for fact in life.facts
    )
    return runs(life, contract, day=day) and not stopped


def runs(life: Life, contract: Contract, *, day: date) -> bool:
    """Whether the contract has begun and not ended, as far as is known on the day."""
    found = _run(life, contract, acts(life, contract, known=day), known=day)
    return any(held.is_plan and held.runs_on(day) for held in found)


def changed_by_us(
    life: Life, contract: Contract, told: TermsAnnounced, *, ended: Terminated
) -> bool:
    """Whether the plan that its holder was told of runs when he asks for the end, or ran until it
    was changed."""
    before = [each for each in acts(life, contract, known=told.known) if each[1] is not told]
    day = _day_of(life, contract, told, before)
    plan = _plan_told(life, contract, told, before)
    on = min(ended.known, day)
    mark = (on, told.entry if ended.known >= day else ended.entry)
    present = [
        (since, act)
        for since, act in acts(life, contract, known=on)
        if (since, act.entry) < mark
        and act is not told
        and (ended.known >= day or act.entry < ended.entry)
    ]
    return plan is not None and any(
        _same(held, plan) and held.until is None for held in _run(life, contract, present, known=on)
    )


def effective_on(life: Life, contract: Contract, told: TermsAnnounced) -> date:
    """From when on it holds."""
    return next(day for day, act in acts(life, contract, known=told.known) if act is told)


def _run(life: Life, contract: Contract, told: Acts, *, known: date) -> list[Held]:
    on = contract.activated
    if on is None or on > known:
        return []
    found = _first(life, contract, on)
    for since, fact in told:
        running = [held for held in found if held.until is None]
        plan = next((held for held in running if held.is_plan), None)
        match fact:
            case TermsAnnounced():
                fresh = _held(life, fact.successor, since, is_plan=True)
                if plan and _same(plan, _plan_told(life, contract, fact, told)):
                    plan.end(since)
                else:
                    fresh.end(since)
                found.append(fresh)
            case PlanChanged() | Renewed():
                _end((held for held in running if held.is_plan), since)
                fresh = _held(life, fact.plan, since, is_plan=True, known=fact.known)
                fresh.until = None if running else since
                found.append(fresh)
            case ItemAdded():
                fresh = _held(life, fact.item, since, is_plan=False, known=fact.known)
                fresh.until = None if running else since
                found.append(fresh)
            case ItemRemoved():
                _end([held for held in running if held.item.code == fact.item], since)
            case Terminated() | HandedOver():
                _end(running, since)
            case Withdrawn():
                _end(running, since if fact.early else on)
    return found


def _first(life: Life, contract: Contract, on: date) -> list[Held]:
    """What the contract began with; of one that was taken over with what was left of it."""
    own = (contract.plan, *contract.options)
    found = [_held(life, item, on, is_plan=place == 0) for place, item in enumerate(own)]
    taken = contract.taken_over
    for held in found if taken else ():
        assert taken is not None
        held.agreed = tuple(
            taking_over.remaining(
                each, since=taken.since, on=on, cycle_day=taken.cycle_day, item=each.item
            )
            for each in held.agreed
        )
    return found


def _held(life: Life, item: Item, since: date, *, is_plan: bool, known: date = date.min) -> Held:
    recurring = (each for each in item.charges if isinstance(each, Recurring))
    charged = tuple(agreed(life, item, each) for each in recurring)
    return Held(item, since, is_plan, max(since, known), charged)


def _end(items: Iterable[Held], on: date) -> None:
    for held in items:
        held.end(on)


def _same(one: Held, other: Held | None) -> bool:
    return other is not None and (one.item.code, one.since) == (other.item.code, other.since)


def _plan_told(
    life: Life, contract: Contract, fact: TermsAnnounced | HandedOver, told: Acts
) -> Held | None:
    """The plan on the day on which the fact became known, by what was entered before it."""
    before = [(day, act) for day, act in told if act.entry < fact.entry and day <= fact.known]
    found = _run(life, contract, before, known=fact.known)
    return next((held for held in found if held.is_plan and held.until is None), None)


def _day_of(life: Life, contract: Contract, fact: Act, before: Acts) -> date:
    """The first day that an act changes."""
    match fact:
        case TermsAnnounced():
            plan = _plan_told(life, contract, fact, before)
            if plan is None:
                return fact.known
            return terms.takes_effect(
                plan.agreed,
                since=plan.since,
                cycle_day=cycle_day(life),
                from_on=max(fact.from_on, add_months(fact.known, TERMS.notice_months)),
            )
        case HandedOver():
            plan = _plan_told(life, contract, fact, before)
            if plan is None:
                return fact.known
            since, own = plan.since, cycle_day(life)
            month = charges.contract_month(fact.known, activation=since, cycle_day=own)
            return charges.month_start(month + 1, activation=since, cycle_day=own)
    return fact.on or bill_period(fact.known, cycle_day=cycle_day(life)).end


def cycle_day(life: Life) -> CycleDay:
    """The account's own day, or that of its first activation, and where it was moved to."""
    begun = [one.activated for one in life.contracts if one.activated]
    first = life.account.cycle_day or cycle_day_for(
        min(begun or [one.ordered for one in life.contracts])
    )
    cycle: CycleDay = first
    moves = (fact for fact in life.facts if isinstance(fact, CycleDayMoved))
    for move in sorted(moves, key=lambda fact: fact.entry):
        cycle = moved(cycle, to=move.day, asked_on=move.known)
    return cycle


def segment_of(life: Life) -> Segment:
    """To whom it is sold."""
    return Segment.CONSUMER if life.account.buyer is Buyer.CONSUMER else Segment.BUSINESS


# What was agreed


def _granted(life: Life, contract: Contract) -> Sequence[tuple[str, benefits.Benefit]]:
    """What the promotion for several lines gives on each charge of the plan of an order."""
    known = [
        fact
        for fact in life.facts
        if isinstance(fact, LinesDiscounted) and fact.known <= contract.ordered
    ]
    if not known or contract.taken_over:
        return ()
    offer = max(known, key=lambda fact: fact.entry)
    others = (one for one in life.contracts if one is not contract)
    lines = sum(runs(life, one, day=contract.ordered) for one in others)
    customer = CustomerFacts(segment_of(life), known=lines > 0, lines=lines)
    plan = PricedLine(
        "plan",
        {"line.kind": "plan"},
        1,
        tuple(
            PricedCharge(each.code, ChargeKind.RECURRING, each.price, each.every)
            for each in contract.plan.charges
            if isinstance(each, Recurring)
        ),
    )
    outcome = evaluate(
        _promotion(offer.lines, str(offer.percent)),
        unit=Unit(customer.facts(), (plan,), contract.commitment or 12),
        codes=(),
        customer=customer,
        at=datetime.combine(contract.ordered, time(12), UTC),
    )
    return [(grant.charge, grant.benefit) for grant in outcome.grants]


@lru_cache
def _promotion(lines: int, percent: str) -> CompiledPromotions:
    off = {
        "kind": "percent_off",
        "charge": "recurring",
        "target": {"fact": "line.kind", "is": "plan"},
        "value": percent,
    }
    offer = {
        "code": "lines",
        "version": 1,
        "name": {"fr": "lines", "en": "lines"},
        "when": {"fact": "customer.lines", "at_least": lines},
        "benefits": [off],
    }
    return compile_promotions([offer])


def agreed(life: Life, item: Item, charge: OneOff | Recurring) -> AgreedCharge:
    """The charge with its benefits."""
    return AgreedCharge(
        item=item.code,
        code=charge.code,
        recurring=isinstance(charge, Recurring),
        amount=Money(charge.price, life.account.currency),
        tax_class=charge.tax,
        every_months=charge.every if isinstance(charge, Recurring) else 1,
        benefits=tuple(_benefit(each) for each in item.benefits if each.charge == charge.code),
    )


def _benefit(benefit: Benefit) -> benefits.Benefit:
    kind, value = {
        Effect.AT_PERCENT: (BenefitKind.PERCENT_OFF, 100 - benefit.value),
        Effect.PERCENT_OFF: (BenefitKind.PERCENT_OFF, benefit.value),
        Effect.AMOUNT_OFF: (BenefitKind.AMOUNT_OFF, benefit.value),
        Effect.AT_PRICE: (BenefitKind.FIXED_PRICE, benefit.value),
    }[benefit.effect]
    return benefits.Benefit(benefit.code, kind, value, benefit.first, benefit.months)
