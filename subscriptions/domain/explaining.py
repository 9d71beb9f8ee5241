"""Why a bill differs from the month before: reasons that add up to the difference. Pure.

Lines are compared strand by strand: one charge of one item of a contract. What no rule knows (kinds
of lines that come and go by themselves, like usage) is compared by its name.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from itertools import groupby

from commerce.kernel.money import Money, total
from commerce.kernel.periods import Period
from subscriptions.domain.states import LineKind
from subscriptions.domain.views import BillLineView, Names

Contract = tuple[str, str]
"""Order and group of what brought a line: a contract, or a change of one."""
Strand = tuple[str, str, str, str]
"""Order, group, item and charge."""
RUNNING = (LineKind.RECURRING, LineKind.PRORATED)
KNOWN = (*RUNNING, LineKind.BENEFIT, LineKind.ONE_OFF, LineKind.REPAIR)
"""Lines of other kinds come and go by themselves."""


BILL_DAY = "bill_day"
"""The act that moved the day on which bills are made."""


class Why(StrEnum):
    """`*_OVER`: it was on the bill before, once, and is not on this one."""

    STARTED = "started"
    ENDED = "ended"
    REPLACED = "replaced"
    PRICE = "price"
    QUANTITY = "quantity"
    MONTHS = "months"
    WHOLE_MONTH = "whole_month"
    PART_MONTH = "part_month"
    NOT_DUE = "not_due"
    PRORATED = "prorated"
    PRORATED_OVER = "prorated_over"
    BENEFIT_BEGAN = "benefit_began"
    BENEFIT_ENDED = "benefit_ended"
    BENEFIT_CHANGED = "benefit_changed"
    ONE_OFF = "one_off"
    ONE_OFF_OVER = "one_off_over"
    CREDIT = "credit"
    CREDIT_OVER = "credit_over"
    REPAIR = "repair"
    REPAIR_OVER = "repair_over"
    VARIES = "varies"


@dataclass(frozen=True, slots=True)
class Act:
    """A change of a contract: its kind and the day from which it holds."""

    kind: str
    on: date


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """What is known of an item: its line's number, what ended it, and until when advantages hold.

    `benefits`: the first day without it, by charge and benefit.
    """

    msisdn: str = ""
    ended_by: Contract | None = None
    benefits: Mapping[tuple[str, str], date | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """`items` by order, group and item; `acts` by order and group; `moves` are the bill days from
    which another cycle day holds."""

    items: Mapping[tuple[str, str, str], ItemFacts] = field(default_factory=dict)
    acts: Mapping[Contract, Act] = field(default_factory=dict)
    moves: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """One part of the difference: `amount` more (or less) than before, in the basis of the bill.

    `label` names what it is about and `other` what took its place, or what the advantage is on;
    `now` and `before` are what stood on either bill. `act` is what the customer did, `on` the day
    from which it holds, `days` those that the line speaks of. Reasons that are alike are one:
    `lines` are the numbers concerned and `count` how many there are.
    """

    why: Why
    amount: Money
    label: Names
    other: Names = field(default_factory=dict)
    kind: str = ""
    now: Money | None = None
    before: Money | None = None
    act: str = ""
    on: date | None = None
    days: Period | None = None
    quantity: int = 1
    lines: tuple[str, ...] = ()
    count: int = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """A line that the promise does not name, or names otherwise (`promised`)."""

    label: Names
    kind: str
    days: Period | None
    billed: Money
    promised: Money | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Reasons whose amounts add up to `now - before`, the largest first.

    `before` is None where there is nothing to compare with. Of the lines that were promised,
    `promised` and `billed` are the sums; `beside` are those that the promise does not name, or
    names otherwise.
    """

    now: Money
    before: Money | None
    reasons: tuple[Reason, ...]
    promised: Money
    billed: Money
    beside: tuple[Kept, ...]

    @property
    def difference(self) -> Money:
        return self.now - self.before if self.before is not None else self.now


@dataclass(frozen=True, slots=True)
class _Unit:
    """A charge for one span, with the advantages of that span by code."""

    line: BillLineView
    benefits: Mapping[str, BillLineView]

    @property
    def net(self) -> Money:
        return total(
            (self.line.amount, *(each.amount for each in self.benefits.values())),
            currency=self.line.amount.currency,
        )


def explain(
    lines: Sequence[BillLineView],
    *,
    before: Sequence[BillLineView] | None,
    facts: Facts,
    currency: str = "EUR",
) -> Explanation:
    """The bill of `lines` beside the one(s) of the month before."""
    then = before or ()
    reasons = tuple(_alike(_reasons(lines, then, facts), currency=currency))
    named = [line for line in lines if line.promised is not None]
    return Explanation(
        now=_sum(lines, currency),
        before=None if before is None else _sum(then, currency),
        reasons=reasons,
        promised=total((line.promised for line in named if line.promised), currency=currency),
        billed=_sum(named, currency),
        beside=tuple(
            Kept(line.label, line.kind, line.days, line.amount, line.promised)
            for line in lines
            if line.promised != line.amount
        ),
    )


def _sum(lines: Iterable[BillLineView], currency: str) -> Money:
    return total((line.amount for line in lines), currency=currency)


def _reasons(
    now: Sequence[BillLineView], before: Sequence[BillLineView], facts: Facts
) -> Iterator[Reason]:
    here, alone = _strands(now)
    there, alone_before = _strands(before)
    replaced = dict(_replaced(here, there, facts))
    taken = set(replaced.values())
    for strand, units in here.items():
        old = replaced.get(strand)
        yield from _of_strand(strand, units, there.get(old or strand, ()), facts, act_of=old)
    for strand, units in there.items():
        if strand not in here and strand not in taken:
            yield from _of_strand(strand, (), units, facts)
    for why, lines, sign in ((False, now, 1), (True, before, -1)):
        yield from (
            _once(line, over=why, sign=sign, facts=facts) for line in lines if _is_once(line)
        )
    yield from _varying(
        [line for line in now if line in alone or line.kind not in KNOWN],
        [line for line in before if line in alone_before or line.kind not in KNOWN],
    )


def _strands(
    lines: Iterable[BillLineView],
) -> tuple[dict[Strand, tuple[_Unit, ...]], list[BillLineView]]:
    """Charges that run, each span with its advantages; and advantages without a charge."""
    charges: dict[tuple[Strand, int], BillLineView] = {}
    benefits: dict[tuple[Strand, int], dict[str, BillLineView]] = {}
    for line in lines:
        place = ((line.order_number, line.group, line.item, line.charge), line.period)
        if line.kind in RUNNING:
            charges[place] = line
        elif line.kind == LineKind.BENEFIT and line.period:
            benefits.setdefault(place, {})[line.benefit] = line
    found: dict[Strand, list[_Unit]] = {}
    for place, line in charges.items():
        found.setdefault(place[0], []).append(_Unit(line, benefits.get(place, {})))
    alone = [
        line for place, given in benefits.items() if place not in charges for line in given.values()
    ]
    return {strand: tuple(units) for strand, units in found.items()}, alone


def _is_once(line: BillLineView) -> bool:
    at_once = line.kind == LineKind.BENEFIT and not line.period
    return at_once or line.kind in (LineKind.ONE_OFF, LineKind.REPAIR)


def _replaced(
    here: Mapping[Strand, object], there: Mapping[Strand, object], facts: Facts
) -> Iterator[tuple[Strand, Strand]]:
    """Which charge took the place of which: by one change, the same charge of another item."""
    free: dict[tuple[Contract, str], deque[Strand]] = defaultdict(deque)
    for strand in here:
        if strand not in there:
            free[strand[:2], strand[3]].append(strand)
    for old in there:
        ended_by = facts.items.get(old[:3], ItemFacts()).ended_by
        if old not in here and ended_by is not None and free[ended_by, old[3]]:
            yield free[ended_by, old[3]].popleft(), old


def _of_strand(
    strand: Strand,
    now: Sequence[_Unit],
    before: Sequence[_Unit],
    facts: Facts,
    *,
    act_of: Strand | None = None,
) -> Iterator[Reason]:
    """`act_of`: the strand whose place this one took."""
    item = facts.items.get(strand[:3], ItemFacts())
    whole, whole_before = _of(now, LineKind.RECURRING), _of(before, LineKind.RECURRING)
    part, part_before = _of(now, LineKind.PRORATED), _of(before, LineKind.PRORATED)
    lines = (item.msisdn,) if item.msisdn else ()
    if whole and whole_before:
        found = _both(strand, whole, whole_before, facts, replaced=act_of is not None)
    elif now and before:
        why = Why.MONTHS if whole else Why.PART_MONTH
        if not (part or whole_before):
            why = Why.WHOLE_MONTH
        found = _lengths(why, now, before, strand, facts)
        part, part_before = (), ()
    elif whole:
        found = _started(strand, whole, facts)
    elif whole_before:
        found = _gone(strand, whole_before, facts)
    else:
        found = iter(())
    for reason in found:
        yield replace(reason, lines=lines)
    for unit in part:
        yield replace(_by_days(Why.PRORATED, unit, strand, facts), lines=lines)
    for unit in part_before:
        over = _by_days(Why.PRORATED_OVER, unit, strand, facts)
        yield replace(over, amount=-over.amount, lines=lines)


def _of(units: Iterable[_Unit], kind: LineKind) -> tuple[_Unit, ...]:
    return tuple(unit for unit in units if unit.line.kind == kind)


def _both(
    strand: Strand,
    now: Sequence[_Unit],
    before: Sequence[_Unit],
    facts: Facts,
    *,
    replaced: bool,
) -> Iterator[Reason]:
    """On both bills: another price, quantity or number of months, and what advantages do to it."""
    act = facts.acts.get(strand[:2]) if replaced else None
    last, first = now[-1].line, before[-1].line
    if len(now) != len(before) and not replaced:
        yield from _lengths(Why.MONTHS, now, before, strand, facts)
        return
    new = total((unit.line.amount for unit in now), currency=last.amount.currency)
    old = total((unit.line.amount for unit in before), currency=last.amount.currency)
    why = Why.QUANTITY if last.quantity != first.quantity else Why.PRICE
    yield Reason(
        why=Why.REPLACED if replaced else why,
        amount=new - old,
        label=first.label,
        other=last.label if replaced else {},
        now=new,
        before=old,
        act=act.kind if act else "",
        on=act.on if act else (last.days.start if last.days else None),
        quantity=last.quantity,
    )
    for reason in _advantages(now, before, strand, facts):
        yield replace(reason, act=act.kind) if act else reason


def _advantages(
    now: Sequence[_Unit], before: Sequence[_Unit], strand: Strand, facts: Facts
) -> Iterator[Reason]:
    given, given_before = _given(now), _given(before)
    item = facts.items.get(strand[:3], ItemFacts())
    line = now[-1].line
    for code in {**given, **given_before}:
        new, old = given.get(code), given_before.get(code)
        shown = new or old
        assert shown is not None
        until = item.benefits.get((strand[3], code))
        why = Why.BENEFIT_CHANGED
        if old is None:
            why = Why.BENEFIT_BEGAN
        elif new is None:
            why, until = Why.BENEFIT_ENDED, until or (line.days.start if line.days else None)
        zero = Money.zero(line.amount.currency)
        was, then = (new[1] if new else zero), (old[1] if old else zero)
        yield Reason(
            why=why,
            amount=was - then,
            label=shown[0],
            other=line.label,
            now=was,
            before=then,
            on=until,
        )


def _given(units: Iterable[_Unit]) -> dict[str, tuple[Names, Money]]:
    """What each advantage takes off, with its name."""
    found: dict[str, tuple[Names, Money]] = {}
    for unit in units:
        for code, line in unit.benefits.items():
            before = found.get(code, (line.label, Money.zero(line.amount.currency)))
            found[code] = (line.label, before[1] + line.amount)
    return found


def _lengths(
    why: Why, now: Sequence[_Unit], before: Sequence[_Unit], strand: Strand, facts: Facts
) -> Iterator[Reason]:
    """As many months or days as before are not on the bill: what it comes to after advantages."""
    line = now[-1].line
    new, old = _net(now), _net(before)
    ended_by = facts.items.get(strand[:3], ItemFacts()).ended_by
    act = facts.acts.get(ended_by) if ended_by and why is Why.PART_MONTH else None
    act = act or _move(now if why is Why.PART_MONTH else before, facts)
    days = before[-1].line.days if why is Why.WHOLE_MONTH else line.days
    yield Reason(
        why=why,
        amount=new - old,
        label=line.label,
        now=new,
        before=old,
        act=act.kind if act else "",
        on=act.on if act else None,
        days=days,
        quantity=len(now),
    )


def _move(units: Sequence[_Unit], facts: Facts) -> Act | None:
    """The move of the bill day that has made a part of a cycle of these."""
    part = _of(units, LineKind.PRORATED)
    start = part[-1].line.days.start if part and part[-1].line.days else None
    return Act(BILL_DAY, start) if start in facts.moves and start else None


def _net(units: Iterable[_Unit]) -> Money:
    nets = [unit.net for unit in units]
    return total(nets, currency=nets[0].currency)


def _started(strand: Strand, units: Sequence[_Unit], facts: Facts) -> Iterator[Reason]:
    act = facts.acts.get(strand[:2])
    line = units[-1].line
    new = total((unit.line.amount for unit in units), currency=line.amount.currency)
    yield Reason(
        why=Why.STARTED,
        amount=new,
        label=line.label,
        now=new,
        act=act.kind if act else "",
        on=act.on if act else None,
        days=line.days,
        quantity=line.quantity,
    )
    for code, (label, amount) in _given(units).items():
        until = facts.items.get(strand[:3], ItemFacts()).benefits.get((strand[3], code))
        yield Reason(Why.BENEFIT_BEGAN, amount, label, other=line.label, now=amount, on=until)


def _gone(strand: Strand, units: Sequence[_Unit], facts: Facts) -> Iterator[Reason]:
    ended_by = facts.items.get(strand[:3], ItemFacts()).ended_by
    act = facts.acts.get(ended_by) if ended_by else None
    line, old = units[-1].line, _net(units)
    yield Reason(
        why=Why.ENDED if act else Why.NOT_DUE,
        amount=-old,
        label=line.label,
        before=old,
        act=act.kind if act else "",
        on=act.on if act else None,
        days=line.days,
    )


def _by_days(why: Why, unit: _Unit, strand: Strand, facts: Facts) -> Reason:
    act = facts.acts.get(strand[:2]) or _move((unit,), facts)
    return Reason(
        why=why,
        amount=unit.net,
        label=unit.line.label,
        act=act.kind if act else "",
        on=act.on if act else None,
        days=unit.line.days,
    )


def _once(line: BillLineView, *, over: bool, sign: int, facts: Facts) -> Reason:
    if line.kind == LineKind.REPAIR:
        why = Why.REPAIR_OVER if over else Why.REPAIR
    elif line.amount.amount < 0:
        why = Why.CREDIT_OVER if over else Why.CREDIT
    else:
        why = Why.ONE_OFF_OVER if over else Why.ONE_OFF
    act = facts.acts.get((line.order_number, line.group))
    return Reason(
        why=why,
        amount=line.amount * sign,
        label=line.label,
        act=act.kind if act else "",
        on=act.on if act else None,
        days=line.days,
        quantity=line.quantity,
    )


def _varying(now: Sequence[BillLineView], before: Sequence[BillLineView]) -> Iterator[Reason]:
    """By kind and name."""
    here, there = _by_name(now), _by_name(before)
    for name in {**here, **there}:
        some = (here.get(name) or there[name])[0]
        currency = some.amount.currency
        new, old = _sum(here.get(name, ()), currency), _sum(there.get(name, ()), currency)
        yield Reason(
            why=Why.VARIES,
            amount=new - old,
            label=some.label,
            kind=some.kind,
            now=new,
            before=old,
            days=some.days if name in here else None,
        )


def _by_name(lines: Iterable[BillLineView]) -> dict[object, list[BillLineView]]:
    found: dict[object, list[BillLineView]] = {}
    for line in lines:
        found.setdefault((line.kind, *sorted(line.label.items())), []).append(line)
    return found


def _alike(reasons: Iterable[Reason], *, currency: str) -> list[Reason]:
    """Those that say the same as one, the largest first; what changes nothing is left out."""

    def sameness(reason: Reason) -> tuple[str, ...]:
        names = (sorted(reason.label.items()), sorted(reason.other.items()))
        return (reason.why, *map(str, (names, reason.kind, reason.act, reason.on, reason.days)))

    ordered = sorted((each for each in reasons if each.amount), key=sameness)
    merged = [_merged(list(alike), currency) for _, alike in groupby(ordered, key=sameness)]
    return sorted(
        (each for each in merged if each.amount),
        key=lambda each: (-abs(each.amount.amount), -each.amount.amount),
    )


def _merged(alike: Sequence[Reason], currency: str) -> Reason:
    first = alike[0]
    if len(alike) == 1:
        return first

    def together(amounts: Iterable[Money | None]) -> Money:
        return total((amount for amount in amounts if amount is not None), currency=currency)

    return replace(
        first,
        amount=together(each.amount for each in alike),
        now=together(each.now for each in alike),
        before=together(each.before for each in alike),
        lines=tuple(number for each in alike for number in each.lines),
        quantity=sum(each.quantity for each in alike),
        count=len(alike),
    )
