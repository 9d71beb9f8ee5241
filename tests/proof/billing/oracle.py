"""What a customer should be billed, day by day over the dated facts of a life.

Written from the rules alone: the issue on billing, part 5; engine.md (E) parts 2, 5, 6, 11;
france.md (F) sections 6 and 8; decisions 3, 4 and 28 (D). `owed` prices every day of a life as it
is known on a day; `bills` walks through the life and bills what is owed minus what was billed.

Where the rules leave room, this is how they are read here. Whoever finds the engine elsewhere sees
at once which of the two departs from what.

 1. A charge is priced by stretches: consecutive days of one period, each day at its price / days of
    the period, their sum rounded, half up (E11 "only days used are priced and rounded", coverage
    by date range; style.md "rounded once, where it is charged": a month in which a benefit ends is
    one charge of one period). Two stretches around a suspension are two roundings.
 2. Part of a period that begins off the cycle day: up to the next cycle day, over the days of the
    whole cycle (F8). From the 29th to 31st on an account billed on the 28th: up to the 28th of the
    next month, over the days from the 28th before (D3), for options and added lines too.
 3. A charge of every n months: the first part runs to the next cycle day (D4) and is priced over
    the n months that end there; then whole periods of n months from there. The rules are silent;
    of who starts on the 29th to 31st it is no other than of who joins a cycle (as 2).
 4. Months of a benefit are calendar months from the start of the item, the 31st clamped to the
    last day (D4); begun on the 29th to 31st on an account billed on the 28th they end on 28ths
    (D3). They are dates once and for all: neither a suspension nor another cycle day moves them.
    For an option they count from its own start. A charge of several
    months has the benefits of the day on which its period begins for all of it: its price is due
    that day as a whole (E5 "amount per period, charge and benefit"; as the oracle of quotes).
 5. What a benefit takes off the price of a whole period is an amount that the quote says, "per
    charge and benefit" (E5), and so in cents, half up: 50 % off 19.99 is 10.00 off and leaves
    9.99. Days are shares of that price, rounded once.
 6. Benefits of one charge apply in the order in which they were given; that for several lines
    comes last (E6 has stacking groups, which pick before there is a contract). None makes a price
    higher or negative.
 7. A benefit belongs to a charge of one item and ends with that item: another plan has its own. So
    has a renewal: it is the plan that the customer chose for it, with what was given for that, and
    its months count from its day.
 8. A bill in advance covers the cycle to its end as it is known: a change later in the cycle that
    is already known is in it.
 9. One-off charges are owed at their event (F8), also if the item is replaced the same day; those
    `at_order` are billed alone on the day of the order (E8).
10. Another cycle day holds from the end of the running cycle; the days from there to the first new
    cycle day are a part of a cycle as in 2. A longer period that was begun is kept.
11. Usage is rated per plan and calendar month, as plans name what "a month" includes (D28), with
    the whole allowance, also in a part of a month, beside another plan or while suspended; an
    option adds all of its own to each plan that it ran beside on some day. Of the sum each started
    unit over it counts; priced and rounded once. Billed by the first bill of the account after the
    month, or after the end of the contract if that is sooner; a withdrawal's own documents hold
    none.
12. A record counts once, as it first came, if it came within one year of its local day (F6, L34-2);
    one for a day on which the plan had no such charge costs nothing.
13. The early-termination fee: what would have been due for each month of the commitment that is
    left, to month 12 in full, after it 20 % with a subsidised handset and nothing without (F6);
    25 % for what was concluded before 2023, by order or by renewal. Of a month that has begun it is
    the days that are left ("the unexpired part"): those before the end are billed as used. Due is
    the plan's recurring price after its benefits ("the amount due"), without options. Months
    are calendar months from the activation or the renewal, which starts the commitment anew. The
    shares after month 12 are consumers' (L224-28): a business owes all of it. At the standard
    rate, on the next bill.
14. Withdrawal: one-off charges are given back (goods returned); the days and usage before it are
    owed, at the agreed price, if early execution was asked for, else nothing (F6). No fee.
15. When bills come: at 04:00 of each cycle day, of a business also of the day after an activation
    (D4), as things were known on the eve. These take up all that is owed on the account. A
    consumer's contract has a first bill of its own at its activation (D4), as known that day. An
    order, what is sent back of it and a withdrawal are documents of their own with just their lines
    (E11), on their day, after its 04:00 and before its activations; a withdrawal gives back by one
    what was billed with the order, by another what was billed since. A termination, an option or a
    compensation waits for the next bill.
16. No line, no bill; lines of 0.00 make one. A negative total makes a credit note (E11).
17. A line that corrects has the difference of a whole period of one charge, not of a stretch.
18. Of two facts for one day the later entry counts second, so the later plan stays; facts for days
    after the end of a contract do nothing.
19. The discount for lines is a promotion (E6: it is judged once, with the order): who orders a line
    has its plan for less, for as long as he has that plan, if so many others ran on that day. They
    run from their activation to their end, suspended or not.
20. What we change (F6, "contract change"): the holder is told at least a month before. Another plan
    takes the place of his on the first day from the announced one on that begins a bill of all its
    charges and on which nothing that was given for some months still runs (E5: what was promised is
    kept). Who has another plan by then keeps that. Whoever asks to leave from the day on which he
    was told until four months after the change leaves free of charge, unless he gave the plan up
    himself before, or took on his commitment after he was told.
21. Another holder: the line leaves on the first day of the contract month after his yes, free of
    charge, as the contract goes on. It comes with the benefits' months that are left, counted from
    its first day with the new holder, and with the commitment from the day on which that began.
    Nothing is due once.
22. Shared allowances: the plans of one account that name the same pool are rated together, month by
    month, with all that each of those that ran on some day includes; at the price of the plan that
    was entered first, and on its line. Billed when the month is over, or all of these lines are.
23. Third parties (F4): at most 50 EUR each with tax and 300 EUR in a calendar month, of a consumer
    for all lines together, of a business for each; less if the customer set so; only on a line that
    runs and is open. What is refused is not billed. Amounts are rounded when they are bought; what
    goes back is rounded with what went back before. Billed in arrears, by bills of everything.
24. What is sent back of an order is credited on its day. All credit notes of a bill are taxed
    together, so that they never come to more than it.
25. A business owes 40 EUR for each bill that it pays late, without tax, on the next bill; a
    consumer nothing (F8).

26. What a consumer has free at first goes on for money only with his express yes (F6), which may
    come until it costs. So no bill that is made before that day asks for the part of a cycle in
    which its free months end; the bill after it does.

Readings 1, 3, 4, 5, 11, 13 and 15 were chosen anew when the engine was first laid beside them. The
rules allow either: 3, 4 and 5 are now those of the oracle of quotes (tests/oracle), so that a bill
can be what its quote said; 1 and 15 those of the engine; 11, which took the cycle for the month and
priced parts of units, that of decision 28. In 13 days that were billed as used were
owed a second time by the fee, which no rule asks for. So were 7 and 19, for what is sold: a renewal
gave its benefits to the plan that ran, and the discount for lines came and went with their number.
20 to 25 were written when the product had these acts; where the rules are silent (what is changed
begins with a bill, who carries a pool's line, when bills take purchases up) they say what it does.

Not here: parents who pay, prices paid in parts, interest, what merchants sell in their own name,
advantages given back, and those that come and go with the number of lines.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from tests.proof.billing.cycles import (
    ONE_DAY,
    every_day,
)
from tests.proof.billing.facts import (
    Buyer,
    CycleDayMoved,
    Fact,
    Life,
    Returned,
    Span,
    Withdrawn,
)
from tests.proof.billing.money import Tax, add_up_to, taxed
from tests.proof.billing.owed import NOTHING, Key, Kind, Owed, owed
from tests.proof.billing.seen import Seen, cycles_of, facts_by, first_cycle_day
from tests.proof.billing.thirds import purchases


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

    It takes everything, or only one contract, kind.
    """

    day: date
    known: date
    contract: str | None = None
    kind: Kind | None = None

    def takes(self, key: Key) -> bool:
        """Whether what is owed for this is billed now."""
        return (
            self.contract in (None, key.contract)
            and (self.contract is None or key.kind not in (Kind.USAGE, Kind.THIRD))
            and self.kind in (None, key.kind)
        )

    @property
    def takes_all(self) -> bool:
        """Whether nothing is left for the next one."""
        return (self.contract, self.kind) == (None, None)


def occasions(life: Life) -> Iterator[Occasion]:
    """When bills are made, day by day (reading 15)."""
    cycles = cycles_of(first_cycle_day(life), facts_by(life, life.until, CycleDayMoved))
    at_once = life.account.buyer is Buyer.CONSUMER
    activations = {contract.activated for contract in life.contracts if contract.activated}
    alone: dict[date, list[Occasion]] = {}
    for occasion in own_documents(life):
        alone.setdefault(occasion.day, []).append(occasion)
    first = min(contract.ordered for contract in life.contracts)
    for day in every_day(Span(first, life.until + ONE_DAY)):
        eve = day - ONE_DAY
        if cycles.begins(day) or (eve in activations and not at_once):
            yield Occasion(day, eve)
        yield from alone.get(day, ())
        if at_once:
            begun = (one for one in life.contracts if one.activated == day)
            yield from (Occasion(day, day, contract.code) for contract in begun)


def own_documents(life: Life) -> list[Occasion]:
    """Orders, then what was sent back, then withdrawals."""
    return [
        *(Occasion(one.ordered, one.ordered, one.code, Kind.ORDERED) for one in life.contracts),
        *(
            Occasion(one.known, one.known, one.contract, Kind.ORDERED)
            for one in facts_by(life, life.until, Returned)
        ),
        *(
            Occasion(one.on, one.on, one.contract, kind)
            for one in facts_by(life, life.until, Withdrawn)
            for kind in (Kind.ORDERED, None)
        ),
    ]


def bills(life: Life, on: Iterable[Occasion] | None = None) -> list[Bill]:
    """The bills of a life up to its end, made on these occasions or on those of the rules."""
    billed: dict[Key, Owed] = {}
    credited: dict[str, list[Line]] = {}
    made = []
    bought = purchases(life)
    last = Occasion(date.min, date.min)
    for occasion in occasions(life) if on is None else on:
        after = min(last.day, touched(life, since=last.known, by=occasion.known))
        should = owed(
            life, by=occasion.day, known=occasion.known, ending_after=after, bought=bought
        )
        lines = [line for line in difference(should, billed, after) if occasion.takes(line.key)]
        for line in lines:
            before = billed.get(line.key, Owed(NOTHING, line.tax))
            billed[line.key] = Owed(before.amount + line.amount, line.tax)
        if lines and occasion.kind is Kind.ORDERED and all(line.repairs for line in lines):
            back = credited.setdefault(lines[0].key.contract, [])
            made.append(bill(life, occasion.day, lines, after=back))
            back += lines
        elif lines:
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
            if isinstance(fact, Withdrawn | Returned):
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


def net_of_lines(life: Life, made: Bill) -> dict[Key, Decimal]:
    """The lines without tax: to the cent, and per rate they add up to that of the bill (E2)."""
    nets: dict[Key, Decimal] = {}
    for tax in made.taxes:
        lines = [line for line in made.lines if life.account.rate(line.tax) == tax.rate]
        share = 1 + Fraction(tax.rate) / 100 if life.account.buyer is Buyer.CONSUMER else 1
        exact = [Fraction(line.amount) / share for line in lines]
        keys = [line.key for line in lines]
        nets |= dict(zip(keys, add_up_to(tax.net, exact), strict=True))
    return nets


def bill(life: Life, issued: date, lines: Iterable[Line], *, after: Iterable[Line] = ()) -> Bill:
    """The document of these lines. The credit notes of one bill are taxed together: each has what
    all of them have by then, less what those `after` which it comes had (reading 24)."""
    lines = tuple(lines)
    before, rates = by_rate(life, after), by_rate(life, lines)
    taxes = tuple(
        taxed_after(before.get(rate, NOTHING), master, rate=rate, buyer=life.account.buyer)
        for rate, master in sorted(rates.items())
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


def by_rate(life: Life, lines: Iterable[Line]) -> dict[Decimal, Decimal]:
    """What lines come to at each rate."""
    rates: dict[Decimal, Decimal] = {}
    for line in lines:
        rate = life.account.rate(line.tax)
        rates[rate] = rates.get(rate, NOTHING) + line.amount
    return rates


def taxed_after(before: Decimal, master: Decimal, *, rate: Decimal, buyer: Buyer) -> Tax:
    """What an amount adds to the tax on what came before it."""
    both = taxed(before + master, rate=rate, buyer=buyer)
    had = taxed(before, rate=rate, buyer=buyer)
    return Tax(rate, both.net - had.net, both.tax - had.tax, both.gross - had.gross)
