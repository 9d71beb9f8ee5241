"""What a customer should be billed, day by day over the dated facts of a life.

Written from the rules alone: the issue on billing, part 5; engine.md (E) parts 2, 5, 6, 11;
france.md (F) sections 6 and 8; decisions 3 and 4 (D). `owed` prices every day of a life as it is
known on a day; `bills` walks through the life and bills what is owed minus what was billed.

Where the rules leave room, this is how they are read here. Whoever finds the engine elsewhere sees
at once which of the two departs from what.

 1. A charge is priced by stretches: consecutive days of one period at one price, price x days /
    days of the period, each rounded on its own, half up (E11 "only days used are priced and
    rounded", coverage by date range). Two stretches around a suspension are two roundings.
 2. Part of a period that begins off the cycle day: up to the next cycle day, over the days of the
    whole cycle (F8). From the 29th to 31st on an account billed on the 28th: up to the 28th of the
    next month, over the days from the 28th before (D3), for options and added lines too.
 3. A charge of every n months: the first part runs to the next cycle day (D4) and is priced over
    the n months that end there; then whole periods of n months from there. The rules are silent.
 4. Months of a benefit are calendar months from the start of the item, the 31st clamped to the
    last day (D4); begun on the 29th to 31st on an account billed on the 28th they end on 28ths
    (D3). They are dates once and for all: neither a suspension nor another cycle day moves them.
    For an option they count from its own start, for a renewal from that.
 5. A benefit changes the price of the day and the stretch is rounded once, after all benefits
    (style.md "rounded once, where it is charged"): 50 % of 19.99 is 10.00. It is no line that is
    rounded by itself, although E5 promises amounts "per charge and benefit".
 6. Benefits of one charge apply in the order in which they were given; then the lines' discount
    (E6 has stacking groups, which pick before there is a contract). None makes a price higher or
    negative.
 7. A benefit belongs to a charge of one item and ends with that item: another plan has its own.
    So does a changed price.
 8. A bill in advance covers the cycle to its end as it is known: a change later in the cycle that
    is already known is in it.
 9. One-off charges are owed at their event (F8), also if the item is replaced the same day; those
    `at_order` are billed alone on the day of the order (E8).
10. Another cycle day holds from the end of the running cycle; the days from there to the first new
    cycle day are a part of a cycle as in 2. A longer period that was begun is kept.
11. Usage is rated per plan and cycle with the whole allowance, also in a part of a cycle or while
    suspended; what is over is summed, priced and rounded once, and billed after the cycle's end.
12. A record counts once, as it first came, if it came within one year of its local day (F6, L34-2);
    one for a day on which the plan had no such charge costs nothing.
13. The early-termination fee: what would have been due for each month not fully elapsed of the
    commitment, to month 12 in full, after it 20 % with a subsidised handset and nothing without
    (F6); 25 % for contracts ordered before 2023. Due is the plan's recurring price after its
    benefits ("the amount due"), without options or the discount for lines. Elapsed months are
    calendar months from the activation or the renewal, which starts the commitment anew. At the
    standard rate, for both kinds of buyer, on the next bill.
14. Withdrawal: one-off charges are given back (goods returned); the days and usage before it are
    owed, at the agreed price, if early execution was asked for, else nothing (F6). No fee.
15. When bills come: at 04:00 of each cycle day, of a business also of the day after an activation
    (D4), as things were known on the eve; a consumer's also at an activation, as known that day.
    These take up all that is owed on the account. An order, a withdrawal and a refund are
    documents of their own with just their lines (E11), on their day, after its 04:00 and before
    its activations. A termination, an option or a compensation waits for the next bill.
16. No line, no bill; lines of 0.00 make one. A negative total makes a credit note (E11).
17. A line that corrects has the difference of a whole period of one charge, not of a stretch.
18. Of two facts for one day the later entry counts second, so the later plan stays; facts for days
    after the end of a contract do nothing.
19. A line counts for the discount for lines from its activation to its end, suspended or not.

Not here: shared allowances, third parties, transfers, parents who pay, advantages given back.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from tests.proof.billing.cycles import (
    ONE_DAY,
    add_months,
    every_day,
    months_elapsed,
)
from tests.proof.billing.facts import (
    Buyer,
    Compensated,
    Contract,
    ContractFact,
    CycleDayMoved,
    Fact,
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
from tests.proof.billing.money import Tax, cents, taxed
from tests.proof.billing.seen import Running, Seen, cycles_of, facts_by, first_cycle_day, started

CHATEL_ENDED = date(2023, 1, 1)
NOTHING = Decimal("0.00")


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


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill; `repairs` if something of the same key was billed before."""

    key: Key
    amount: Decimal
    tax: str
    repairs: bool


class Document(StrEnum):
    """A bill below zero is a credit note."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit note"


@dataclass(frozen=True, slots=True)
class Bill:
    """What is issued on a day; amounts of a credit note are negative."""

    issued: date
    document: Document
    lines: tuple[Line, ...]
    taxes: tuple[Tax, ...]
    net: Decimal
    tax: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class Occasion:
    """A day on which a bill is made of what is known at the end of another or the same one.

    It takes everything, or only one contract, kind, charge.
    """

    day: date
    known: date
    contract: str | None = None
    kind: Kind | None = None
    charge: str | None = None

    def takes(self, key: Key) -> bool:
        """Whether what is owed for this is billed now."""
        return (
            self.contract in (None, key.contract)
            and self.kind in (None, key.kind)
            and self.charge in (None, key.charge)
        )

    @property
    def takes_all(self) -> bool:
        """Whether nothing is left for the next one."""
        return (self.contract, self.kind, self.charge) == (None, None, None)


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
    """Consecutive days of one period at one price."""

    last: date
    price: Fraction
    days: int = 1


@dataclass(slots=True)
class DaysUsed:
    """The days used of one charge in one period."""

    key: Key
    tax: str
    whole: int
    stretches: list[Stretch] = field(default_factory=list)

    def add(self, day: date, price: Fraction) -> None:
        """Another day: of the last stretch if it follows at the same price, else of a new one."""
        last = self.stretches[-1] if self.stretches else None
        if last and last.price == price and last.last + ONE_DAY == day:
            last.last = day
            last.days += 1
        else:
            self.stretches.append(Stretch(day, price))

    def owed(self) -> Owed:
        """Stretch by stretch (reading 1)."""
        parts = [cents(part.price * part.days / self.whole) for part in self.stretches]
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
                found[mark].add(day, seen.price(running, charge, day))
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
    """What was used over the allowance, in cycles that are over (reading 11)."""
    used: dict[Key, tuple[Usage, Decimal]] = {}
    if seen.given_back(contract):
        return
    for record in seen.records(contract):
        day = seen.local_day(record)
        cycle = seen.cycles.containing(day)
        if not ending_after < cycle.end <= seen.by:
            continue
        for running in seen.items(contract, day)[:1]:
            for charge in running.item.charges:
                if isinstance(charge, Usage) and charge.code == record.charge:
                    key = Key(
                        contract.code,
                        Kind.USAGE,
                        running.item.code,
                        running.since,
                        charge.code,
                        cycle,
                    )
                    _, before = used.get(key, (charge, Decimal(0)))
                    used[key] = (charge, before + record.quantity)
    for key, (charge, quantity) in used.items():
        over = quantity - charge.included
        if over > 0:
            yield key, Owed(cents(Fraction(over) * Fraction(charge.price)), charge.tax)


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
    for number in range(months_elapsed(start, ended.on), months):
        due = instalment(seen, plan, add_months(start, number))
        fee += due if number < 12 else due * late_share(contract)
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


def occasions(life: Life) -> Iterator[Occasion]:
    """When bills are made, day by day (reading 15)."""
    cycles = cycles_of(first_cycle_day(life), facts_by(life, life.until, CycleDayMoved))
    at_once = life.account.buyer is Buyer.CONSUMER
    activations = {contract.activated for contract in life.contracts if contract.activated}
    alone = own_documents(life)
    first = min(contract.ordered for contract in life.contracts)
    for day in every_day(Span(first, life.until + ONE_DAY)):
        eve = day - ONE_DAY
        if cycles.begins(day) or (eve in activations and not at_once):
            yield Occasion(day, eve)
        yield from (occasion for occasion in alone if occasion.day == day)
        if day in activations and at_once:
            yield Occasion(day, day)


def own_documents(life: Life) -> list[Occasion]:
    """Orders, then withdrawals, then refunds."""
    return [
        *(Occasion(one.ordered, one.ordered, one.code, Kind.ORDERED) for one in life.contracts),
        *(Occasion(one.on, one.on, one.contract) for one in facts_by(life, life.until, Withdrawn)),
        *(
            Occasion(one.known, one.known, "", Kind.REFUND, one.code)
            for one in facts_by(life, life.until, Refunded)
        ),
    ]


def bills(life: Life, on: Iterable[Occasion] | None = None) -> list[Bill]:
    """The bills of a life up to its end, made on these occasions or on those of the rules."""
    billed: dict[Key, Owed] = {}
    made = []
    last = Occasion(date.min, date.min)
    for occasion in occasions(life) if on is None else on:
        after = min(last.day, touched(life, since=last.known, by=occasion.known))
        should = owed(life, by=occasion.day, known=occasion.known, ending_after=after)
        lines = [line for line in difference(should, billed, after) if occasion.takes(line.key)]
        for line in lines:
            before = billed.get(line.key, Owed(NOTHING, line.tax))
            billed[line.key] = Owed(before.amount + line.amount, line.tax)
        if lines:
            made.append(bill(life, occasion.day, lines))
        if occasion.takes_all:
            last = occasion
    return made


def touched(life: Life, *, since: date, by: date) -> date:
    """The earliest day changed by what became known after `since`."""
    seen = Seen(life, by=by, known=by)
    days = [by]
    for fact in seen.of(Fact):
        if fact.known > since:
            days.append(seen.takes_effect(fact))
            if isinstance(fact, Withdrawn):
                days += [c.ordered for c in seen.contracts if c.code == fact.contract]
    return min(days)


def difference(
    should: Mapping[Key, Owed], billed: Mapping[Key, Owed], after: date
) -> Iterator[Line]:
    """What should have been billed minus what was, of the periods that end after a day."""
    for key in sorted({*should, *(key for key in billed if key.period.end > after)}):
        before = billed.get(key)
        wanted = should.get(key) or Owed(NOTHING, before.tax if before else "")
        amount = wanted.amount - (before.amount if before else NOTHING)
        if before is None or amount:
            yield Line(key, amount, wanted.tax, repairs=before is not None)


def bill(life: Life, issued: date, lines: Iterable[Line]) -> Bill:
    """The document of these lines."""
    lines = tuple(lines)
    rates: dict[Decimal, Decimal] = {}
    for line in lines:
        rate = life.account.rate(line.tax)
        rates[rate] = rates.get(rate, NOTHING) + line.amount
    taxes = tuple(
        taxed(master, rate=rate, buyer=life.account.buyer) for rate, master in sorted(rates.items())
    )
    total = sum((tax.gross for tax in taxes), NOTHING)
    return Bill(
        issued=issued,
        document=Document.CREDIT_NOTE if total < 0 else Document.INVOICE,
        lines=lines,
        taxes=taxes,
        net=sum((tax.net for tax in taxes), NOTHING),
        tax=sum((tax.tax for tax in taxes), NOTHING),
        total=total,
    )
