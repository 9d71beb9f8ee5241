"""A life as it is known on a day: which items run on which days, and what a day costs."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

from tests.proof.billing.cycles import (
    Cycles,
    add_months,
)
from tests.proof.billing.facts import (
    Benefit,
    Charge,
    Contract,
    ContractFact,
    CycleDayMoved,
    Effect,
    Fact,
    Item,
    ItemAdded,
    ItemRemoved,
    Life,
    LinesDiscounted,
    OneOff,
    PlanChanged,
    PriceChanged,
    Recurring,
    Renewed,
    Suspended,
    Terminated,
    Used,
    Withdrawn,
)
from tests.proof.billing.money import cents

F = TypeVar("F", bound=Fact)


@dataclass(frozen=True, slots=True)
class Running:
    """An item on a day: since when, at which changed prices, with which benefits given when."""

    item: Item
    since: date
    is_plan: bool
    prices: Mapping[str, Decimal]
    benefits: tuple[tuple[Benefit, date], ...]


def started(item: Item, since: date, *, is_plan: bool) -> Running:
    """An item on its first day."""
    return Running(item, since, is_plan, {}, tuple((benefit, since) for benefit in item.benefits))


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


def repriced(running: Running, change: PriceChanged) -> Running:
    """The item at its new price, if the change is for it."""
    if change.item != running.item.code:
        return running
    return replace(running, prices={**running.prices, change.charge: change.price})


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
        self.cycles = cycles_of(first_cycle_day(life), self.of(CycleDayMoved))
        self.contracts = [contract for contract in life.contracts if contract.ordered <= known]
        self._facts = {contract.code: self._facts_of(contract.code) for contract in self.contracts}
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
            case PriceChanged() | Renewed() | Terminated() | Withdrawn() | LinesDiscounted():
                return fact.on
            case _:
                return fact.known

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
        facts = [fact for since, fact in self._facts[contract.code] if since <= day]
        told = (contract.code, len(facts))
        if told not in self._items:
            self._items[told] = self._told(contract, on, facts)
        return self._items[told]

    def _told(
        self, contract: Contract, on: date, facts: Iterable[ContractFact]
    ) -> tuple[Running, ...]:
        plan = started(contract.plan, on, is_plan=True)
        options = {item.code: started(item, on, is_plan=False) for item in contract.options}
        for fact in facts:
            match fact:
                case PlanChanged():
                    plan = started(fact.plan, self.takes_effect(fact), is_plan=True)
                case ItemAdded():
                    options.setdefault(fact.item.code, started(fact.item, fact.on, is_plan=False))
                case ItemRemoved():
                    options.pop(fact.item, None)
                case PriceChanged():
                    plan = repriced(plan, fact)
                    options = {code: repriced(item, fact) for code, item in options.items()}
                case Renewed():
                    given = tuple((benefit, fact.on) for benefit in fact.benefits)
                    plan = replace(plan, benefits=plan.benefits + given)
                case Terminated() | Withdrawn():
                    return ()
        return (plan, *options.values())

    def is_closed(self, contract: Contract, day: date) -> bool:
        """Whether the service is suspended on a day that is not paid for."""
        return any(day in closed for closed in self._closed[contract.code])

    def given_back(self, contract: Contract) -> bool:
        """Whether the customer withdrew without having asked for an early start."""
        return any(not fact.early for fact in self.facts(contract, Withdrawn))

    def price(self, running: Running, charge: Recurring, day: date, *, begun: date) -> Fraction:
        """Of the whole period that has `begun` on a day, as it is on one of its days."""
        price = self.price_before_lines(running, charge, day if charge.every == 1 else begun)
        if running.is_plan and self._lines_discounts:
            price = price * (100 - self._lines_discount(day)) / 100
        return price

    def price_before_lines(self, running: Running, charge: Charge, day: date) -> Fraction:
        """Of the charge after the benefits that hold on a day."""
        holding = [
            benefit
            for benefit, given in running.benefits
            if benefit.charge == charge.code and self._holds(benefit, given, charge, day)
        ]
        return price_after(running.prices.get(charge.code, charge.price), tuple(holding))

    def _holds(self, benefit: Benefit, given: date, charge: Charge, day: date) -> bool:
        if isinstance(charge, OneOff):
            return True
        if day < self.cycles.month_start(given, benefit.first):
            return False
        if benefit.months is None:
            return True
        return day < self.cycles.month_start(given, benefit.first + benefit.months)

    def _lines_discount(self, day: date) -> Fraction:
        percent = Fraction(0)
        for fact in self._lines_discounts:
            if fact.on <= day:
                lines = sum(bool(self.items(contract, day)) for contract in self.contracts)
                percent = Fraction(fact.percent) if lines >= fact.lines else Fraction(0)
        return percent

    @cached_property
    def _lines_discounts(self) -> list[LinesDiscounted]:
        facts = self.of(LinesDiscounted)
        return sorted(facts, key=lambda fact: (fact.on, fact.entry))

    def plan_before(self, contract: Contract, end: date) -> Running:
        """The plan on the eve of the end."""
        on = contract.activated or end
        facts = [fact for since, fact in self._facts[contract.code] if since < end]
        return self._told(contract, on, facts)[0]

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
        return facts_by(self.life, self.known, kind)

    def facts(self, contract: Contract, kind: type[F]) -> list[F]:
        """The known facts of one kind, in the order in which they take effect."""
        return [fact for _, fact in self._facts[contract.code] if isinstance(fact, kind)]

    def _facts_of(self, contract: str) -> list[tuple[date, ContractFact]]:
        facts = [
            (self.takes_effect(fact), fact)
            for fact in self.of(ContractFact)
            if fact.contract == contract and not isinstance(fact, Used)
        ]
        return sorted(facts, key=lambda pair: (pair[0], pair[1].entry))
