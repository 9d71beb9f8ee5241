"""A life as it is known on a day: which items run on which days, and what a day costs."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TypeVar
from zoneinfo import ZoneInfo

from tests.proof.billing.cycles import (
    ONE_DAY,
    Cycles,
    add_months,
)
from tests.proof.billing.facts import (
    Benefit,
    Bought,
    Charge,
    Contract,
    ContractFact,
    CycleDayMoved,
    Effect,
    Fact,
    GivenBack,
    HandedOver,
    Item,
    ItemAdded,
    ItemRemoved,
    Life,
    LimitSet,
    LinesDiscounted,
    OneOff,
    PlanChanged,
    Recurring,
    Renewed,
    Span,
    Suspended,
    TakenOver,
    Terminated,
    TermsAnnounced,
    Used,
    Withdrawn,
)
from tests.proof.billing.money import cents

F = TypeVar("F", bound=Fact)
ENDS = (Terminated, Withdrawn, HandedOver)
BESIDE = (Used, Bought, GivenBack, LimitSet)
"""Facts of a contract that change nothing of what it holds."""
MONTH_OF_NOTICE, MONTHS_TO_LEAVE = 1, 4


@dataclass(frozen=True, slots=True)
class Running:
    """An item on a day: since when, on which day that was known, with which benefits given when."""

    item: Item
    since: date
    is_plan: bool
    entered: date
    recurring: tuple[Recurring, ...]
    benefits: tuple[tuple[Benefit, date], ...]


def started(item: Item, since: date, *, is_plan: bool, known: date = date.min) -> Running:
    """An item on its first day; it is entered then, or when it is known, if that is later."""
    recurring = tuple(charge for charge in item.charges if isinstance(charge, Recurring))
    given = tuple((benefit, since) for benefit in item.benefits)
    return Running(item, since, is_plan, max(since, known), recurring, given)


@lru_cache(maxsize=4096)
def price_after(price: Decimal, benefits: tuple[Benefit, ...]) -> Fraction:
    """A price after benefits, one after the other."""
    left = Fraction(price)
    for benefit in benefits:
        left = lowered(left, benefit)
    return left


def lowered(price: Fraction, benefit: Benefit) -> Fraction:
    """A price after one benefit, which takes off whole cents (reading 5)."""
    value = Fraction(benefit.value)
    match benefit.effect:
        case Effect.AT_PERCENT:
            return price - Fraction(cents(price * (100 - value) / 100))
        case Effect.AT_PRICE:
            return min(price, value)
        case Effect.PERCENT_OFF:
            return price - Fraction(cents(price * value / 100))
        case Effect.AMOUNT_OFF:
            return max(price - value, Fraction(0))


def is_same(one: Running, other: Running | None) -> bool:
    """Whether both are the same item since the same day."""
    return other is not None and (one.item.code, one.since) == (other.item.code, other.since)


def left_of(item: Item, taken: TakenOver, on: date) -> Item:
    """An item as another holder takes it over: its benefits have the months that are left of them,
    counted anew from his first day (reading 21)."""
    cycles, passed = Cycles(taken.cycle_day), 0
    while cycles.month_start(taken.since, passed + 2) <= on:
        passed += 1
    benefits = []
    for benefit in item.benefits:
        first = max(benefit.first - passed, 1)
        last = None if benefit.months is None else benefit.first + benefit.months - 1 - passed
        if last is None or last >= first:
            months = None if last is None else last - first + 1
            benefits.append(replace(benefit, first=first, months=months))
    return replace(item, benefits=tuple(benefits))


@lru_cache(maxsize=256)
def terms_day(cycles: Cycles, since: date, every: tuple[int, ...], not_before: date) -> date:
    """The first day that begins a period of each charge of an item that runs since a day."""
    day = not_before
    while any(cycles.period(since, months, day).span.start != day for months in every):
        day += ONE_DAY
    return day


def facts_by(life: Life, day: date, kind: type[F]) -> tuple[F, ...]:
    """The facts of one kind that are known at the end of a day, as they were entered."""
    facts = [fact for fact in life.facts if isinstance(fact, kind) and fact.known <= day]
    return tuple(sorted(facts, key=lambda fact: fact.entry))


def first_cycle_day(life: Life) -> int:
    """The account's own, or that of its first activation; the 29th to 31st become the 28th (D3)."""
    if life.account.cycle_day is not None:
        return life.account.cycle_day
    activated = [contract.activated for contract in life.contracts if contract.activated]
    days = activated or [contract.ordered for contract in life.contracts]
    return min(min(days).day, 28)


@lru_cache(maxsize=16)
def cycles_of(first_day: int, moves: tuple[CycleDayMoved, ...]) -> Cycles:
    """The same calendar for the same moves."""
    return Cycles(first_day, moves)


class Seen:
    """What falls due up to the day `by`, in a life as it is known at the end of a day."""

    def __init__(self, life: Life, *, by: date, known: date) -> None:
        self.life = life
        self.by = by
        self.known = known
        self._known = facts_by(life, known, Fact)
        self.cycles = cycles_of(first_cycle_day(life), self.of(CycleDayMoved))
        self.contracts = [contract for contract in life.contracts if contract.ordered <= known]
        self._effects: dict[int, date] = {}
        self._announced: dict[int, Running | None] = {}
        self._begun = {contract.code: self._first(contract) for contract in self.contracts}
        self._facts = {contract.code: self._facts_of(contract) for contract in self.contracts}
        self._days = {code: [on for on, _ in facts] for code, facts in self._facts.items()}
        self._begun = {contract.code: self._for_less(contract) for contract in self.contracts}
        self._closed = {
            contract.code: [
                fact.days for fact in self.facts(contract, Suspended) if not fact.billed
            ]
            for contract in self.contracts
        }
        self._items: dict[tuple[str, int], tuple[Running, ...]] = {}

    # When

    def takes_effect(self, fact: Fact) -> date:
        """The first day that a fact changes."""
        match fact:
            case TermsAnnounced() | HandedOver():
                return self._effects[id(fact)]
            case PlanChanged(on=None):
                return self.cycles.containing(fact.known).end
            case CycleDayMoved():
                return self.cycles.containing(fact.known).end
            case Suspended():
                return fact.days.start
            case Used():
                return self.local_day(fact)
            case PlanChanged(on=date() as on) | ItemAdded(on=on) | ItemRemoved(on=on):
                return on
            case Renewed() | Terminated() | Withdrawn():
                return fact.on
            case _:
                return fact.known

    def _terms_change(self, plan: Running, fact: TermsAnnounced) -> date:
        """A month after he was told at the earliest, at the beginning of a bill of the plan, when
        nothing that was given for some months still runs (reading 20)."""
        day = max(fact.from_on, add_months(fact.known, MONTH_OF_NOTICE))
        for benefit, given in plan.benefits:
            if benefit.months is not None and benefit.charge in {
                one.code for one in plan.recurring
            }:
                last = benefit.first + benefit.months
                day = max(day, self.cycles.month_start(given, last))
        every = tuple(charge.every for charge in plan.recurring)
        return terms_day(self.cycles, plan.since, every, day)

    def _next_month(self, plan: Running, day: date) -> date:
        """The first day of the contract month after that of a day."""
        number = 2
        while self.cycles.month_start(plan.since, number) <= day:
            number += 1
        return self.cycles.month_start(plan.since, number)

    def local_day(self, record: Used) -> date:
        """The day of a record where the account is."""
        return record.at.astimezone(ZoneInfo(self.life.account.zone)).date()

    def activated(self, contract: Contract) -> date | None:
        """The day of the activation, once it has come."""
        on = contract.activated
        return on if on is not None and on <= self.known else None

    # What runs

    def items(self, contract: Contract, day: date) -> tuple[Running, ...]:
        """The plan, then the options, that run on a day: the facts up to that day, told again."""
        on = self.activated(contract)
        if on is None or day < on:
            return ()
        count = bisect_right(self._days[contract.code], day)
        told = (contract.code, count)
        if told not in self._items:
            facts = [fact for _, fact in self._facts[contract.code][:count]]
            self._items[told] = self._told(contract, on, facts)
        return self._items[told]

    def alike(self, contract: Contract, days: Span) -> Iterator[tuple[Span, tuple[Running, ...]]]:
        """These days, cut where some fact takes effect, with what runs on them."""
        edges = {on for on in self._days[contract.code] if days.start < on < days.end}
        for start, end in pairwise(sorted({days.start, days.end, *edges})):
            yield Span(start, end), self.items(contract, start)

    def _told(
        self, contract: Contract, on: date, facts: Iterable[ContractFact]
    ) -> tuple[Running, ...]:
        plan, *own = self._begun[contract.code]
        options = {each.item.code: each for each in own}
        for fact in facts:
            match fact:
                case PlanChanged() | Renewed():
                    since = self.takes_effect(fact)
                    plan = started(fact.plan, since, is_plan=True, known=fact.known)
                case TermsAnnounced() if is_same(plan, self._announced[id(fact)]):
                    plan = started(fact.successor, self.takes_effect(fact), is_plan=True)
                case ItemAdded():
                    options.setdefault(fact.item.code, started(fact.item, fact.on, is_plan=False))
                case ItemRemoved():
                    options.pop(fact.item, None)
                case Terminated() | Withdrawn() | HandedOver():
                    return ()
        return (plan, *options.values())

    def _first(self, contract: Contract) -> tuple[Running, ...]:
        """What a contract begins with: the plan, then the options."""
        on, taken = contract.activated or contract.ordered, contract.taken_over
        items = (contract.plan, *contract.options)
        if taken is not None:
            items = tuple(left_of(item, taken, on) for item in items)
        return tuple(started(item, on, is_plan=place == 0) for place, item in enumerate(items))

    def _for_less(self, contract: Contract) -> tuple[Running, ...]:
        """With what was off for who had so many lines already when it was ordered (reading 19)."""
        plan, *options = self._begun[contract.code]
        offers = [each for each in self.of(LinesDiscounted) if each.known <= contract.ordered]
        others = [other for other in self.contracts if other is not contract]
        lines = sum(self._ran(other, contract.ordered) for other in others)
        if contract.taken_over or not offers or lines < offers[-1].lines:
            return (plan, *options)
        off = tuple(
            (Benefit("lines", each.code, Effect.PERCENT_OFF, offers[-1].percent), plan.since)
            for each in plan.recurring
        )
        return (replace(plan, benefits=(*plan.benefits, *off)), *options)

    def _ran(self, contract: Contract, day: date) -> bool:
        """Whether a contract ran on a day, as far as was known then."""
        ended = any(
            isinstance(fact, ENDS) and fact.known <= day and since <= day
            for since, fact in self._facts[contract.code]
        )
        return contract.activated is not None and contract.activated <= day and not ended

    def is_closed(self, contract: Contract, day: date) -> bool:
        """Whether the service is suspended on a day that is not paid for."""
        closed = self._closed[contract.code]
        return bool(closed) and any(day in days for days in closed)

    def given_back(self, contract: Contract) -> bool:
        """Whether the customer withdrew without having asked for an early start."""
        return any(not fact.early for fact in self.facts(contract, Withdrawn))

    def price(self, running: Running, charge: Charge, day: date) -> Fraction:
        """Of the charge, for a whole period, after the benefits that hold on a day."""
        holding = [
            benefit
            for benefit, given in running.benefits
            if benefit.charge == charge.code and self._holds(benefit, given, charge, day)
        ]
        return price_after(charge.price, tuple(holding))

    def _holds(self, benefit: Benefit, given: date, charge: Charge, day: date) -> bool:
        if isinstance(charge, OneOff):
            return True
        if day < self.cycles.month_start(given, benefit.first):
            return False
        if benefit.months is None:
            return True
        return day < self.cycles.month_start(given, benefit.first + benefit.months)

    def plan_before(self, contract: Contract, end: date) -> Running:
        """The plan on the eve of the end."""
        on = contract.activated or end
        facts = [fact for since, fact in self._facts[contract.code] if since < end]
        return self._told(contract, on, facts)[0]

    def is_stopped(self, contract: Contract, day: date) -> bool:
        """Whether the service is closed on a day, paid for or not."""
        return any(day in fact.days for fact in self.facts(contract, Suspended))

    def was_changed_by_us(self, contract: Contract, told: TermsAnnounced) -> bool:
        """Whether the plan that a holder was told of ran until its successor took its place."""
        mark = (self.takes_effect(told), told.entry)
        facts = [fact for on, fact in self._facts[contract.code] if (on, fact.entry) < mark]
        running = self._told(contract, contract.activated or mark[0], facts)
        return bool(running) and is_same(running[0], self._announced[id(told)])

    def still_has(self, contract: Contract, told: TermsAnnounced, ended: Terminated) -> bool:
        """Whether the plan that a holder was told of runs when he asks for the end."""
        facts = [
            fact
            for on, fact in self._facts[contract.code]
            if on <= ended.known and fact.entry < ended.entry
        ]
        running = self._told(contract, contract.activated or ended.known, facts)
        return bool(running) and is_same(running[0], self._announced[id(told)])

    # What is known

    @cached_property
    def advance(self) -> date:
        """Until when recurring charges that begin are billed: the end of the running cycle."""
        return self.cycles.containing(self.by).end

    def records(self, contract: Contract) -> Iterator[Used]:
        """The usage records that count (reading 12)."""
        came: set[str] = set()
        for record in self.of(Used):
            if record.contract == contract.code and record.record not in came:
                came.add(record.record)
                if record.known <= add_months(self.local_day(record), 12):
                    yield record

    def of(self, kind: type[F]) -> tuple[F, ...]:
        """The known facts of one kind, as they were entered."""
        return tuple(fact for fact in self._known if isinstance(fact, kind))

    def facts(self, contract: Contract, kind: type[F]) -> list[F]:
        """The known facts of one kind, in the order in which they take effect."""
        return [fact for _, fact in self._facts[contract.code] if isinstance(fact, kind)]

    def _facts_of(self, contract: Contract) -> list[tuple[date, ContractFact]]:
        """By the day on which they take effect, then as entered; told one after the other, as what
        some change depends on the plan that ran when they became known."""
        facts: list[tuple[date, ContractFact]] = []
        for fact in self.of(ContractFact):
            if fact.contract == contract.code and not isinstance(fact, BESIDE):
                if isinstance(fact, TermsAnnounced | HandedOver):
                    self._effects[id(fact)] = self._day_of(contract, fact, facts)
                facts.append((self.takes_effect(fact), fact))
                facts.sort(key=lambda pair: (pair[0], pair[1].entry))
        return facts

    def _day_of(
        self,
        contract: Contract,
        fact: TermsAnnounced | HandedOver,
        before: Sequence[tuple[date, ContractFact]],
    ) -> date:
        on = self.activated(contract)
        facts = [other for since, other in before if since <= fact.known]
        running = self._told(contract, on, facts) if on is not None and on <= fact.known else ()
        if isinstance(fact, TermsAnnounced):
            self._announced[id(fact)] = running[0] if running else None
        if not running:
            return fact.known
        if isinstance(fact, HandedOver):
            return self._next_month(running[0], fact.known)
        return self._terms_change(running[0], fact)
