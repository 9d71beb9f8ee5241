"""What is owed: each charge of a life, day by day, as known on a day (readings: oracle.py)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import ceil

from tests.proof.billing.cycles import (
    ONE_DAY,
    Period,
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
    PaidLate,
    PlanChanged,
    Recurring,
    Renewed,
    Returned,
    Span,
    Terminated,
    TermsAnnounced,
    Usage,
    Withdrawn,
)
from tests.proof.billing.money import cents
from tests.proof.billing.seen import ENDS, MONTHS_TO_LEAVE, Running, Seen, is_same, started
from tests.proof.billing.thirds import Purchase, purchases

CHATEL_ENDED = date(2023, 1, 1)
NOTHING = Decimal("0.00")
RECOVERY_FEE = Decimal("40.00")


class Kind(StrEnum):
    """What a line is for."""

    ORDERED = "ordered"
    ONE_OFF = "one-off"
    RECURRING = "recurring"
    USAGE = "usage"
    FEE = "early termination"
    COMPENSATION = "compensation"
    RECOVERY = "recovery fee"
    THIRD = "third party"


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


def owed(
    life: Life,
    *,
    by: date,
    known: date,
    ending_after: date = date.min,
    bought: Sequence[Purchase] | None = None,
) -> dict[Key, Owed]:
    """What should have been billed in all up to and on the day `by`, as it is `known` on a day.

    Only what is for periods that end after `ending_after`: nothing else can have changed if no
    fact that became known since touches an earlier day. `bought` spares working it out again.
    """
    seen = Seen(life, by=by, known=known)
    found = {
        key: amount
        for contract in seen.contracts
        for part in (orders, one_offs, recurring, fees)
        for key, amount in part(seen, contract, ending_after)
    }
    found |= usage(seen, ending_after)
    found |= adjustments(seen)
    found |= third_parties(seen, purchases(life) if bought is None else bought)
    return {key: amount for key, amount in found.items() if key.period.end > ending_after}


Part = Iterator[tuple[Key, Owed]]


def orders(seen: Seen, contract: Contract, ending_after: date) -> Part:
    """What is owed with the order, unless the customer withdrew from it."""
    if seen.facts(contract, Withdrawn):
        return
    back = {(fact.item, fact.charge) for fact in seen.facts(contract, Returned)}
    for item in (contract.plan, *contract.options):
        running = started(item, contract.ordered, is_plan=item is contract.plan)
        for charge in item.charges:
            if (item.code, charge.code) in back:
                continue
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
        if isinstance(fact, PlanChanged | Renewed):
            yield started(fact.plan, since, is_plan=True)
        elif isinstance(fact, ItemAdded):
            yield started(fact.item, since, is_plan=False)


def once(
    seen: Seen, contract: Contract, running: Running, charge: OneOff, kind: Kind
) -> tuple[Key, Owed]:
    """A one-off charge after its benefits."""
    day = Span(running.since, running.since + ONE_DAY)
    key = Key(contract.code, kind, running.item.code, running.since, charge.code, day)
    return key, Owed(cents(seen.price(running, charge, running.since)), charge.tax)


@dataclass(slots=True)
class Stretch:
    """Consecutive days of one period: the last of them, how many have the present price of a whole
    period, and the sum of what one would cost at each of those before."""

    last: date
    price: Fraction
    days: int = 1
    before: Fraction = Fraction(0)

    def add(self, price: Fraction) -> None:
        """The day after the last one."""
        self.last += ONE_DAY
        if price is not self.price:
            self.before += self.price * self.days
            self.price, self.days = price, 0
        self.days += 1

    @property
    def prices(self) -> Fraction:
        """Of all its days."""
        return self.before + self.price * self.days


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
            last.add(price)
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
    for days, items in seen.alike(contract, days_in_advance(seen, contract, ending_after)):
        for running in items:
            for charge in running.recurring:
                for period, part in periods_of(seen, running, charge, days):
                    start = period.span.start
                    if start >= seen.advance or period.span.end <= ending_after:
                        continue
                    if running.item.asked and waits_for_a_yes(seen, running, charge, period.span):
                        continue
                    mark = (running.item.code, running.since, charge.code, start)
                    if mark not in found:
                        key = Key(contract.code, Kind.RECURRING, *mark[:3], period.span)
                        found[mark] = DaysUsed(key, charge.tax, period.whole)
                    for day in every_day(part):
                        if not seen.is_closed(contract, day):
                            priced = day if charge.every == 1 else start
                            found[mark].add(day, seen.price(running, charge, priced))
    for used in found.values():
        yield used.key, used.owed()


def waits_for_a_yes(seen: Seen, running: Running, charge: Recurring, period: Span) -> bool:
    """Whether the free months end within the period and later than the bill (reading 26)."""
    free = [day for day in every_day(period) if not seen.price(running, charge, day)]
    return bool(free) and free[-1] + ONE_DAY < period.end and seen.by <= free[-1]


def periods_of(
    seen: Seen, running: Running, charge: Recurring, days: Span
) -> Iterator[tuple[Period, Span]]:
    """The periods of a charge in which some of these days lie, each with those days."""
    day = days.start
    while day < days.end:
        period = seen.cycles.period(running.since, charge.every, day)
        part = Span(day, min(period.span.end, days.end))
        yield period, part
        day = part.end


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
    yield from (fact.plan for fact in seen.facts(contract, Renewed))
    yield from (fact.successor for fact in seen.facts(contract, TermsAnnounced))
    yield from (fact.item for fact in seen.facts(contract, ItemAdded))


def longest_period(item: Item) -> int:
    """Of its recurring charges, in months."""
    return max(
        (charge.every for charge in item.charges if isinstance(charge, Recurring)), default=1
    )


Member = tuple[Contract, Running]
"""A plan of a line on some days of a month."""


def usage(seen: Seen, ending_after: date) -> Part:
    """What was used over the allowance, in months that are over (reading 11)."""
    used: dict[tuple[str, str, date, str, Span], Decimal] = {}
    plans: dict[tuple[str, str, date, str, Span], tuple[Contract, Running, Usage]] = {}
    for contract in seen.contracts:
        if seen.given_back(contract):
            continue
        for record in seen.records(contract):
            day = seen.local_day(record)
            month = month_of(day)
            for plan in seen.items(contract, day)[:1] if month.end > ending_after else ():
                for charge in plan.item.charges:
                    if isinstance(charge, Usage) and charge.code == record.charge:
                        mark = (contract.code, plan.item.code, plan.since, charge.code, month)
                        used[mark] = used.get(mark, Decimal(0)) + record.quantity
                        plans[mark] = (contract, plan, charge)
    shared: dict[tuple[str, str, Span], Decimal] = {}
    for mark, (contract, plan, charge) in plans.items():
        if plan.item.pool:
            pool = (plan.item.pool, charge.code, mark[-1])
            shared[pool] = shared.get(pool, Decimal(0)) + used[mark]
        else:
            yield from beyond(seen, [(contract, plan)], charge.code, mark[-1], used[mark])
    for (name, code, month), quantity in shared.items():
        yield from beyond(seen, members_of(seen, name, month), code, month, quantity)


def members_of(seen: Seen, pool: str, month: Span) -> list[Member]:
    """The plans of the pool that ran on some day of the month, those that were entered first
    before the others (reading 22)."""
    found: dict[tuple[date, str, date, str], Member] = {}
    for contract in seen.contracts:
        if not seen.given_back(contract):
            for day in every_day(month):
                for plan in seen.items(contract, day)[:1]:
                    if plan.item.pool == pool:
                        mark = (plan.entered, contract.code, plan.since, plan.item.code)
                        found[mark] = (contract, plan)
    return [found[mark] for mark in sorted(found)]


def beyond(
    seen: Seen, members: Sequence[Member], code: str, month: Span, quantity: Decimal
) -> Part:
    """What these plans together used beyond what they and their options include, if nothing more
    can be used; at the price of the first."""
    if not all(is_over(seen, contract, month) for contract, _ in members):
        return
    included, prices = Decimal(0), []
    for contract, plan in members:
        for charge in plan.item.charges:
            if isinstance(charge, Usage) and charge.code == code:
                included += charge.included + added_by_options(seen, contract, plan, code, month)
                prices.append(charge)
    contract, plan = members[0]
    if quantity > included:
        key = Key(contract.code, Kind.USAGE, plan.item.code, plan.since, code, month)
        units = ceil(quantity - included)
        yield key, Owed(cents(units * Fraction(prices[0].price)), prices[0].tax)


def is_over(seen: Seen, contract: Contract, month: Span) -> bool:
    """Whether nothing more can be used in the month."""
    facts = seen.facts(contract, ContractFact)
    ends = [seen.takes_effect(fact) for fact in facts if isinstance(fact, ENDS)]
    return min([month.end, *ends]) <= seen.by


def added_by_options(
    seen: Seen, contract: Contract, plan: Running, code: str, month: Span
) -> Decimal:
    """What options that ran beside the plan on some day of the month include."""
    beside: dict[tuple[str, date], Item] = {}
    for day in every_day(month):
        running = seen.items(contract, day)
        if running and is_same(running[0], plan):
            beside |= {(option.item.code, option.since): option.item for option in running[1:]}
    charges = [charge for item in beside.values() for charge in item.charges]
    return sum(
        (one.included for one in charges if isinstance(one, Usage) and one.code == code),
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
    if leaves_freely(seen, contract, ended):
        return NOTHING
    start, months, share = commitment(seen, contract, ended.on)
    plan = seen.plan_before(contract, ended.on)
    fee = Fraction(0)
    business = seen.life.account.buyer is Buyer.BUSINESS
    for number in range(months_elapsed(start, ended.on), months):
        month = Span(add_months(start, number), add_months(start, number + 1))
        left = Span(max(month.start, ended.on), month.end)
        due = instalment(seen, plan, max(month.start, plan.since)) * left.days / month.days
        fee += due if number < 12 or business else due * share
    return cents(fee)


def commitment(seen: Seen, contract: Contract, on: date) -> tuple[date, int, Fraction]:
    """Since when the contract is committed, for how many months, and which share is owed of those
    after month 12. Of a line that was taken over the commitment goes on."""
    taken = contract.taken_over
    start, months = taken.since if taken else contract.activated or on, contract.commitment
    share = late_share(taken.since if taken else contract.ordered, contract.subsidised)
    for renewed in seen.facts(contract, Renewed):
        if renewed.on < on:
            start, months = renewed.on, renewed.commitment
            share = late_share(renewed.known, renewed.subsidised)
    return start, months, share


def instalment(seen: Seen, plan: Running, day: date) -> Fraction:
    """What the plan costs in the month that begins on a day."""
    prices = [seen.price(plan, charge, day) / charge.every for charge in plan.recurring]
    return sum(prices, Fraction(0))


def late_share(concluded: date, subsidised: bool) -> Fraction:
    """Of what is due after month 12, by what was concluded on a day."""
    if concluded < CHATEL_ENDED:
        return Fraction(25, 100)
    return Fraction(20, 100) if subsidised else Fraction(0)


def leaves_freely(seen: Seen, contract: Contract, ended: Terminated) -> bool:
    """Whether he asks to leave between being told of a change that we make and four months after
    it, bound by nothing that he took on since, and the change was for him (reading 20)."""
    asked = ended.known
    bound_since, _, _ = commitment(seen, contract, ended.on)
    for told in seen.facts(contract, TermsAnnounced):
        day = seen.takes_effect(told)
        if told.known <= asked <= add_months(day, MONTHS_TO_LEAVE) and bound_since <= told.known:
            then = Seen(seen.life, by=asked, known=min(asked, day))
            changed = asked >= day and then.was_changed_by_us(contract, told)
            if changed or (asked < day and then.still_has(contract, told, ended)):
                return True
    return False


def adjustments(seen: Seen) -> Part:
    """Compensations, and what a business owes for bills that it paid late, on the day on which they
    became known."""
    for given in seen.of(Compensated):
        yield of_account(given, Kind.COMPENSATION, Owed(-given.amount, given.tax))
    if seen.life.account.buyer is Buyer.BUSINESS:
        for late in seen.of(PaidLate):
            yield of_account(late, Kind.RECOVERY, Owed(RECOVERY_FEE, "exempt"))


def of_account(fact: Compensated | PaidLate, kind: Kind, owed: Owed) -> tuple[Key, Owed]:
    """Money that is no contract's."""
    day = Span(fact.known, fact.known + ONE_DAY)
    return Key("", kind, "", fact.known, fact.code, day), owed


def third_parties(seen: Seen, bought: Sequence[Purchase]) -> Part:
    """What third parties sold, and what went back of it, each on its day (reading 23)."""
    business = seen.life.account.buyer is Buyer.BUSINESS
    for one in bought:
        if one.day <= seen.known:
            day = Span(one.day, one.day + ONE_DAY)
            key = Key(one.contract, Kind.THIRD, one.back, one.day, one.code, day)
            yield key, Owed(one.net if business else one.gross, one.tax)
