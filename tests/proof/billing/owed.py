"""What is owed: each charge of a life, day by day, as known on a day (readings: oracle.py)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import ceil

from tests.proof.billing.cycles import (
    ONE_DAY,
    add_months,
    every_day,
    month_of,
    months_elapsed,
)
from tests.proof.billing.facts import (
    Buyer,
    Compensated,
    Contract,
    ContractFact,
    Item,
    ItemAdded,
    Life,
    OneOff,
    PlanChanged,
    Recurring,
    Refunded,
    Renewed,
    Span,
    Terminated,
    Usage,
    Withdrawn,
)
from tests.proof.billing.money import cents
from tests.proof.billing.seen import Running, Seen, started

CHATEL_ENDED = date(2023, 1, 1)
NOTHING = Decimal("0.00")
ENDS = (Terminated, Withdrawn)


class Kind(StrEnum):
    """What a line is for."""

    ORDERED = "ordered"
    ONE_OFF = "one-off"
    RECURRING = "recurring"
    USAGE = "usage"
    FEE = "early termination"
    REFUND = "refund"
    COMPENSATION = "compensation"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What is billed once: one charge of one item, since when it runs, for one period."""

    contract: str
    kind: Kind
    item: str
    since: date
    charge: str
    period: Span


@dataclass(frozen=True, slots=True)
class Owed:
    """An amount in the master basis, to the cent, and its tax class."""

    amount: Decimal
    tax: str


def owed(life: Life, *, by: date, known: date, ending_after: date = date.min) -> dict[Key, Owed]:
    """What should have been billed in all up to and on the day `by`, as it is `known` on a day.

    Only what is for periods that end after `ending_after`: nothing else can have changed if no
    fact that became known since touches an earlier day.
    """
    seen = Seen(life, by=by, known=known)
    return {
        key: amount
        for contract in seen.contracts
        for part in (orders, one_offs, recurring, usage, fees)
        for key, amount in part(seen, contract, ending_after)
        if key.period.end > ending_after
    } | {key: amount for key, amount in adjustments(seen) if key.period.end > ending_after}


Part = Iterator[tuple[Key, Owed]]


def orders(seen: Seen, contract: Contract, ending_after: date) -> Part:
    """What is owed with the order, unless the customer withdrew from it."""
    if seen.facts(contract, Withdrawn):
        return
    for item in (contract.plan, *contract.options):
        running = started(item, contract.ordered, is_plan=item is contract.plan)
        for charge in item.charges:
            if isinstance(charge, OneOff) and charge.at_order:
                yield once(seen, contract, running, charge, Kind.ORDERED)


def one_offs(seen: Seen, contract: Contract, ending_after: date) -> Part:
    """What is owed because an item started (reading 9)."""
    if seen.facts(contract, Withdrawn):
        return
    for running in starts(seen, contract):
        for charge in running.item.charges:
            if isinstance(charge, OneOff) and not charge.at_order:
                yield once(seen, contract, running, charge, Kind.ONE_OFF)


def starts(seen: Seen, contract: Contract) -> Iterator[Running]:
    """Every item that has started, also if another one took its place the same day."""
    on = seen.activated(contract)
    if on is None:
        return
    yield started(contract.plan, on, is_plan=True)
    for item in contract.options:
        yield started(item, on, is_plan=False)
    for fact in seen.facts(contract, ContractFact):
        since = seen.takes_effect(fact)
        if since > seen.by or not seen.items(contract, since):
            continue
        if isinstance(fact, PlanChanged):
            yield started(fact.plan, since, is_plan=True)
        elif isinstance(fact, ItemAdded):
            yield started(fact.item, since, is_plan=False)


def once(
    seen: Seen, contract: Contract, running: Running, charge: OneOff, kind: Kind
) -> tuple[Key, Owed]:
    """A one-off charge after its benefits."""
    day = Span(running.since, running.since + ONE_DAY)
    key = Key(contract.code, kind, running.item.code, running.since, charge.code, day)
    return key, Owed(cents(seen.price_before_lines(running, charge, running.since)), charge.tax)


@dataclass(slots=True)
class Stretch:
    """Consecutive days of one period, and the sum of what a period would cost at each."""

    last: date
    prices: Fraction


@dataclass(slots=True)
class DaysUsed:
    """The days used of one charge in one period."""

    key: Key
    tax: str
    whole: int
    stretches: list[Stretch] = field(default_factory=list)

    def add(self, day: date, price: Fraction) -> None:
        """Another day: of the last stretch if it follows, else of a new one."""
        last = self.stretches[-1] if self.stretches else None
        if last and last.last + ONE_DAY == day:
            last.last = day
            last.prices += price
        else:
            self.stretches.append(Stretch(day, price))

    def owed(self) -> Owed:
        """Stretch by stretch (reading 1)."""
        parts = [cents(part.prices / self.whole) for part in self.stretches]
        return Owed(sum(parts, NOTHING), self.tax)


def recurring(seen: Seen, contract: Contract, ending_after: date) -> Part:
    """The days used of every recurring charge, in the periods that have begun."""
    if seen.given_back(contract):
        return
    found: dict[tuple[str, date, str, date], DaysUsed] = {}
    for day in every_day(days_in_advance(seen, contract, ending_after)):
        if seen.is_closed(contract, day):
            continue
        for running in seen.items(contract, day):
            for charge in running.item.charges:
                if not isinstance(charge, Recurring):
                    continue
                period = seen.cycles.period(running.since, charge.every, day)
                start, code = period.span.start, running.item.code
                if start >= seen.advance or period.span.end <= ending_after:
                    continue
                mark = (code, running.since, charge.code, start)
                if mark not in found:
                    key = Key(contract.code, Kind.RECURRING, *mark[:3], period.span)
                    found[mark] = DaysUsed(key, charge.tax, period.whole)
                found[mark].add(day, seen.price(running, charge, day, begun=start))
    for used in found.values():
        yield used.key, used.owed()


def days_in_advance(seen: Seen, contract: Contract, ending_after: date) -> Span:
    """All days of the contract in periods that have begun and end after that day, and some more."""
    on = seen.activated(contract)
    if on is None:
        return Span(seen.by, seen.by)
    longest = max(longest_period(item) for item in all_items(seen, contract))
    start = on
    if ending_after > on:
        cycle = seen.cycles.containing(ending_after)
        start = max(on, add_months(cycle.start, -longest) if longest > 1 else cycle.start)
    return Span(start, add_months(seen.advance, longest - 1))


def all_items(seen: Seen, contract: Contract) -> Iterator[Item]:
    """Every item that the contract has or will have had."""
    yield contract.plan
    yield from contract.options
    yield from (fact.plan for fact in seen.facts(contract, PlanChanged))
    yield from (fact.item for fact in seen.facts(contract, ItemAdded))


def longest_period(item: Item) -> int:
    """Of its recurring charges, in months."""
    return max(
        (charge.every for charge in item.charges if isinstance(charge, Recurring)), default=1
    )


def usage(seen: Seen, contract: Contract, ending_after: date) -> Part:
    """What was used over the allowance, in months that are over (reading 11)."""
    used: dict[Key, tuple[Usage, Decimal]] = {}
    if seen.given_back(contract):
        return
    for record in seen.records(contract):
        day = seen.local_day(record)
        month = month_of(day)
        if month.end <= ending_after or not is_over(seen, contract, month):
            continue
        for plan in seen.items(contract, day)[:1]:
            for charge in plan.item.charges:
                if isinstance(charge, Usage) and charge.code == record.charge:
                    mark = (plan.item.code, plan.since, charge.code, month)
                    key = Key(contract.code, Kind.USAGE, *mark)
                    _, before = used.get(key, (charge, Decimal(0)))
                    used[key] = (charge, before + record.quantity)
    for key, (charge, quantity) in used.items():
        over = quantity - charge.included - added_by_options(seen, contract, key)
        if over > 0:
            yield key, Owed(cents(ceil(over) * Fraction(charge.price)), charge.tax)


def is_over(seen: Seen, contract: Contract, month: Span) -> bool:
    """Whether nothing more can be used in the month."""
    ends = [fact.on for fact in seen.facts(contract, ContractFact) if isinstance(fact, ENDS)]
    return min([month.end, *ends]) <= seen.by


def added_by_options(seen: Seen, contract: Contract, plan: Key) -> Decimal:
    """What options that ran beside the plan on some day of the month include."""
    beside: dict[tuple[str, date], Item] = {}
    for day in every_day(plan.period):
        running = seen.items(contract, day)
        if running and (running[0].item.code, running[0].since) == (plan.item, plan.since):
            beside |= {(option.item.code, option.since): option.item for option in running[1:]}
    charges = [charge for item in beside.values() for charge in item.charges]
    return sum(
        (one.included for one in charges if isinstance(one, Usage) and one.code == plan.charge),
        Decimal(0),
    )


def fees(seen: Seen, contract: Contract, ending_after: date) -> Part:
    """The early-termination fee on the day of the end."""
    for ended in seen.facts(contract, Terminated)[:1]:
        if not ended.fee or ended.on > seen.by or seen.activated(contract) is None:
            continue
        fee = early_fee(seen, contract, ended)
        if fee:
            day = Span(ended.on, ended.on + ONE_DAY)
            key = Key(contract.code, Kind.FEE, contract.plan.code, ended.on, "fee", day)
            yield key, Owed(fee, "standard")


def early_fee(seen: Seen, contract: Contract, ended: Terminated) -> Decimal:
    """What is due for leaving before the end of the commitment (reading 13)."""
    start, months = commitment(seen, contract, ended.on)
    plan = seen.plan_before(contract, ended.on)
    fee = Fraction(0)
    business = seen.life.account.buyer is Buyer.BUSINESS
    for number in range(months_elapsed(start, ended.on), months):
        month = Span(add_months(start, number), add_months(start, number + 1))
        left = Span(max(month.start, ended.on), month.end)
        due = instalment(seen, plan, max(month.start, plan.since)) * left.days / month.days
        fee += due if number < 12 or business else due * late_share(contract)
    return cents(fee)


def commitment(seen: Seen, contract: Contract, on: date) -> tuple[date, int]:
    """Since when the contract is committed, and for how many months."""
    start, months = contract.activated or on, contract.commitment
    for renewed in seen.facts(contract, Renewed):
        if renewed.on < on:
            start, months = renewed.on, renewed.commitment
    return start, months


def instalment(seen: Seen, plan: Running, day: date) -> Fraction:
    """What the plan costs in the month that begins on a day."""
    charges = [charge for charge in plan.item.charges if isinstance(charge, Recurring)]
    prices = [seen.price_before_lines(plan, charge, day) / charge.every for charge in charges]
    return sum(prices, Fraction(0))


def late_share(contract: Contract) -> Fraction:
    """Of what is due after month 12."""
    if contract.ordered < CHATEL_ENDED:
        return Fraction(25, 100)
    return Fraction(20, 100) if contract.subsidised else Fraction(0)


def adjustments(seen: Seen) -> Part:
    """Refunds and compensations, on the day on which they became known."""
    for refunded in seen.of(Refunded):
        yield given(refunded, Kind.REFUND)
    for compensated in seen.of(Compensated):
        yield given(compensated, Kind.COMPENSATION)


def given(fact: Refunded | Compensated, kind: Kind) -> tuple[Key, Owed]:
    """Money for the customer."""
    day = Span(fact.known, fact.known + ONE_DAY)
    return Key("", kind, "", fact.known, fact.code, day), Owed(-fact.amount, fact.tax)
