"""The life of a contract in sentences: what happened and what is to come, each with its reason and
with who brought it about. Pure.

Sentences keep their values (names by language, amounts, days) apart: they are said at the edge, in
the reader's language.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum

from commerce.kernel.clock import PARIS
from commerce.kernel.money import Money
from commerce.kernel.sentences import Sentence
from subscriptions.domain.charges import AgreedCharge, contract_month, days_of, net_in_period
from subscriptions.domain.cycles import CycleDay
from subscriptions.domain.states import BlockKind, ChangeKind

Names = Mapping[str, str]
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


class Topic(StrEnum):
    """What an entry is about."""

    CONTRACT = "contract"
    ORDER = "order"
    CHANGE = "change"
    BLOCK = "block"
    NUMBER = "number"
    SIM = "sim"
    PROMOTION = "promotion"
    COMMITMENT = "commitment"
    BILL = "bill"
    DEBIT = "debit"
    DUNNING = "dunning"
    CONSENT = "consent"
    TERMS = "terms"
    AMENDS = "amends"


@dataclass(frozen=True, slots=True)
class Act:
    """An order for the contract: who placed it, where and when. `by` is empty for the machine.

    `kind` is empty of the order that began the contract. One that still `waits` takes effect on the
    day `on` (None: as soon as it is carried out). `unanswered`: we placed it, as nobody agreed to
    pay for what it takes off; `unpaid`: as bills were not paid; `announced`: as its holder was
    told.
    """

    number: str
    at: datetime
    by: str = ""
    channel: str = ""
    kind: str = ""
    on: date | None = None
    waits: bool = False
    unanswered: bool = False
    unpaid: bool = False
    announced: bool = False
    names: Sequence[Names] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """An item of the contract with its recurring charges, each with the names of its benefits.

    `ended_by` is the change that took it off, also where the contract's end came before its day.
    """

    id: int
    order: str
    names: Names
    since: date
    until: date | None
    begun_by: int | None
    ended_by: int | None
    charges: Sequence[AgreedCharge] = ()
    benefit_names: Mapping[str, Names] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Changed:
    """A change that took effect on the day `on`; `facts` as it learnt them."""

    id: int
    kind: ChangeKind
    order: str
    on: date
    at: datetime
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Billed:
    """What an issued bill asks for this contract, in the account's basis; `promised_part` of it is
    of the kinds that promises speak of, for which they name `promised`."""

    number: str
    on: date
    amount: Money
    promised_part: Money
    promised: Money


@dataclass(frozen=True, slots=True)
class Debited:
    bill: str
    on: date
    amount: Money
    last4: str
    told_on: date


@dataclass(frozen=True, slots=True)
class Dunned:
    """A step of the account's dunning: `kind` and `action` as its history has them."""

    kind: str
    action: str
    on: date
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A free item that is asked about before it costs `amount`."""

    item: int
    names: Names
    costs_on: date
    amount: Money
    asked_at: datetime | None
    agreed: bool | None
    answered_at: datetime | None
    runs: bool


@dataclass(frozen=True, slots=True)
class Amends:
    """What the contract gets back for a fault (`amount` above zero), or owes for one of its own."""

    names: Names
    amount: Money
    at: datetime


@dataclass(frozen=True, slots=True)
class Announced:
    """A change of the contract of which its holder was told, and until when he leaves freely."""

    names: Names
    on: date
    told_at: datetime
    leave_until: date


@dataclass(frozen=True, slots=True)
class Moved:
    """Another cycle day of the account from the bill day `on` on; `reason` as it was written."""

    on: date
    former: int
    day: int
    reason: str
    by: str
    channel: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Life:
    """Everything that is known of one contract."""

    order: str
    began_on: date
    ended_on: date | None
    cycle_day: CycleDay
    commitment_months: int
    commitment_ends_on: date | None
    acts: Sequence[Act] = ()
    items: Sequence[Held] = ()
    changes: Sequence[Changed] = ()
    bills: Sequence[Billed] = ()
    coming_bills: Sequence[tuple[date, Money]] = ()
    debits: Sequence[Debited] = ()
    dunning: Sequence[Dunned] = ()
    answers: Sequence[Answered] = ()
    amends: Sequence[Amends] = ()
    announced: Sequence[Announced] = ()
    moves: Sequence[Moved] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """`by` is empty where nobody but the machine did it; `reference` is an order's or a bill's
    number. `at` is None of what has only a day."""

    on: date
    topic: Topic
    title: Sentence
    why: Sentence | None = None
    by: str = ""
    channel: str = ""
    reference: str = ""
    at: datetime | None = None
    coming: bool = False


def timeline(life: Life, *, today: date) -> tuple[Entry, ...]:
    """All entries by their days, the earliest first; those after `today` are `coming`.

    Nothing is said to come after the end of the contract.
    """
    found = [
        *_begun(life),
        *_orders(life),
        *_changes(life),
        *_promotions(life),
        *_commitment(life),
        *_bills(life),
        *_dunning(life),
        *_answers(life),
        *_amends(life),
        *_announced(life),
        *_moves(life),
    ]
    kept = [_dated(each, today=today) for each in found]
    if life.ended_on is not None:
        kept = [each for each in kept if not each.coming or each.topic in (Topic.BILL, Topic.DEBIT)]
    return tuple(sorted(kept, key=_place))


def _dated(entry: Entry, *, today: date) -> Entry:
    coming = entry.coming or entry.on > today
    return entry if coming == entry.coming else replace(entry, coming=coming)


def _place(entry: Entry) -> tuple[date, datetime]:
    """By day; within a day by the moment, and what has only a day first."""
    return entry.on, entry.at or _BEFORE_ALL


def _begun(life: Life) -> Iterator[Entry]:
    act = _act(life, life.order)
    names = [item.names for item in life.items if item.begun_by is None and item.names]
    said = (
        Sentence("The contract began: %(names)s.", names=names)
        if names
        else Sentence("The contract began.")
    )
    yield _of(act, Entry(life.began_on, Topic.CONTRACT, said, _ordered(act), reference=life.order))


def _orders(life: Life) -> Iterator[Entry]:
    """What is ordered and has not taken effect yet."""
    for act in life.acts:
        if not act.waits:
            continue
        said = _WAITS.get(act.kind, Sentence("A change of this line is under way."))
        names = [each for each in act.names if each]
        if names and act.kind in _WAITS_NAMED:
            said = Sentence(_WAITS_NAMED[act.kind].pattern, names=names)
        on = act.on or _day(act.at)
        entry = Entry(on, Topic.ORDER, said, _ordered(act), reference=act.number, coming=True)
        yield _of(act, entry)


_WAITS: Mapping[str, Sentence] = {
    ChangeKind.ADD: Sentence("Something is to be added."),
    ChangeKind.REMOVE: Sentence("Something is to be taken off."),
    ChangeKind.PLAN: Sentence("The plan is to change."),
    ChangeKind.RENEW: Sentence("The line is to be renewed."),
    ChangeKind.SUSPEND: Sentence("The line is to stand still."),
    ChangeKind.RESUME: Sentence("The line is to go on."),
    ChangeKind.SIM: Sentence("The SIM is to be replaced."),
    ChangeKind.NUMBER: Sentence("The number is to change."),
    ChangeKind.ADVANTAGES: Sentence("Advantages are to change with the number of lines."),
    ChangeKind.TERMINATE: Sentence("The contract is to end."),
    ChangeKind.WITHDRAW: Sentence("The contract is being withdrawn from."),
}
_WAITS_NAMED: Mapping[str, Sentence] = {
    ChangeKind.ADD: Sentence("To be added: %(names)s.", names=""),
    ChangeKind.REMOVE: Sentence("To be taken off: %(names)s.", names=""),
    ChangeKind.PLAN: Sentence("The plan is to change to %(names)s.", names=""),
}


def _changes(life: Life) -> Iterator[Entry]:
    for change in life.changes:
        act = _act(life, change.order)
        entry = Entry(
            change.on,
            _TOPICS.get(change.kind, Topic.CHANGE),
            _what(change, life),
            _reason(change, act),
            # An order of the new holder is nobody else's.
            reference=change.order if change.kind is not ChangeKind.HOLDER else "",
            at=change.at if _day(change.at) == change.on else None,
        )
        yield _of(act, entry)


_TOPICS: Mapping[ChangeKind, Topic] = {
    ChangeKind.SUSPEND: Topic.BLOCK,
    ChangeKind.RESUME: Topic.BLOCK,
    ChangeKind.SIM: Topic.SIM,
    ChangeKind.NUMBER: Topic.NUMBER,
    ChangeKind.RENEW: Topic.COMMITMENT,
    ChangeKind.TERMINATE: Topic.CONTRACT,
    ChangeKind.HOLDER: Topic.CONTRACT,
    ChangeKind.WITHDRAW: Topic.CONTRACT,
}


def _what(change: Changed, life: Life) -> Sentence:
    begun = [item.names for item in life.items if item.begun_by == change.id and item.names]
    ended = [item.names for item in life.items if item.ended_by == change.id and item.names]
    match change.kind:
        case ChangeKind.ADD:
            return Sentence("Added: %(names)s.", names=begun)
        case ChangeKind.REMOVE:
            return Sentence("Taken off: %(names)s.", names=ended)
        case ChangeKind.PLAN:
            return Sentence(
                "The plan changed: %(now)s instead of %(before)s.", now=begun, before=ended
            )
        case ChangeKind.RENEW:
            return Sentence("The line was renewed: %(names)s.", names=begun)
        case ChangeKind.SUSPEND if change.facts.get("grade") == "outgoing":
            return Sentence("The line can only be called.")
        case ChangeKind.SUSPEND:
            return Sentence("The line stands still.")
        case ChangeKind.RESUME:
            return Sentence("The line goes on.")
        case ChangeKind.SIM:
            return Sentence("The SIM was replaced.")
        case ChangeKind.NUMBER:
            now, before = change.facts.get("msisdn", ""), change.facts.get("msisdn_before", "")
            return Sentence("The number is %(now)s instead of %(before)s.", now=now, before=before)
        case ChangeKind.ADVANTAGES:
            return _moved(change, life)
        case ChangeKind.TERMINATE:
            return Sentence("The contract ended.")
        case ChangeKind.HOLDER:
            return Sentence("The line went to another holder.")
        case _:
            return Sentence("The contract was withdrawn from.")


def _moved(change: Changed, life: Life) -> Sentence:
    """Which advantages the items that began by the change have no more, or have got."""
    before = [item for item in life.items if item.ended_by == change.id]
    after = [item for item in life.items if item.begun_by == change.id]
    gone, come = _given(before) - _given(after), _given(after) - _given(before)
    known = {code: names for item in life.items for code, names in item.benefit_names.items()}
    if gone:
        names = [known.get(code, {}) or {"en": code} for code in sorted(gone)]
        return Sentence("No longer: %(names)s.", names=names)
    names = [known.get(code, {}) or {"en": code} for code in sorted(come)]
    return Sentence("From now on: %(names)s.", names=names)


def _given(items: Sequence[Held]) -> set[str]:
    return {benefit.code for item in items for each in item.charges for benefit in each.benefits}


_BLOCKS: Mapping[str, Sentence] = {
    BlockKind.UNPAID: Sentence("Bills were not paid in time."),
    BlockKind.LOST_SIM: Sentence("The SIM was lost or stolen."),
    BlockKind.WISH: Sentence("The customer asked for it."),
    BlockKind.FRAUD: Sentence("Against misuse."),
}
_LIFTED: Mapping[str, Sentence] = {
    BlockKind.UNPAID: Sentence("What was overdue is settled."),
    BlockKind.LOST_SIM: Sentence("The SIM was found or replaced."),
    BlockKind.WISH: Sentence("The customer asked for it."),
    BlockKind.FRAUD: Sentence("The suspicion of misuse is over."),
}


def _reason(change: Changed, act: Act | None) -> Sentence | None:
    block = change.facts.get("block", "")
    if change.kind is ChangeKind.SUSPEND and block in _BLOCKS:
        return _BLOCKS[block]
    if change.kind is ChangeKind.RESUME and block in _LIFTED:
        return _LIFTED[block]
    return _ordered(act)


def _ordered(act: Act | None) -> Sentence | None:
    if act is None:
        return None
    if act.kind == ChangeKind.ADVANTAGES:
        return Sentence("They follow the number of lines.")
    if act.unanswered:
        return Sentence("Its free months are over, and nobody agreed to pay for it.")
    if act.announced:
        return Sentence("As was announced.")
    if act.unpaid:
        return Sentence("Bills were not paid in time.")
    return Sentence("By order %(number)s, placed on %(day)s.", number=act.number, day=_day(act.at))


def _act(life: Life, number: str) -> Act | None:
    return next((act for act in life.acts if act.number == number), None)


def _of(act: Act | None, entry: Entry) -> Entry:
    return replace(entry, by=act.by, channel=act.channel) if act is not None else entry


def _promotions(life: Life) -> Iterator[Entry]:
    """Where a price changes because an advantage begins later than its charge, or is over."""
    not_agreed = {each.item: each.costs_on for each in life.answers if not each.agreed}
    for item in life.items:
        for charge in item.charges:
            days = {
                benefit.code: days_of(benefit, activation=item.since, cycle_day=life.cycle_day)
                for benefit in charge.benefits
            }
            for code, (begins, ends) in days.items():
                if begins > item.since and _runs(item, begins):
                    yield _step(life, item, charge, code=code, on=begins, begins=True)
                # Without a yes it ends instead, which is told for itself.
                if ends is not None and _runs(item, ends) and ends != not_agreed.get(item.id):
                    yield _step(life, item, charge, code=code, on=ends, begins=False)


def _runs(item: Held, on: date) -> bool:
    return item.until is None or on < item.until


def _step(
    life: Life, item: Held, charge: AgreedCharge, *, code: str, on: date, begins: bool
) -> Entry:
    month = contract_month(on, activation=item.since, cycle_day=life.cycle_day)
    due = [_due(charge, month=each) for each in (month - 1, month)]
    values = {
        "name": item.names,
        "advantage": item.benefit_names.get(code) or code,
        "before": due[0],
        "now": due[1],
    }
    said = (
        Sentence("%(advantage)s begins: %(name)s costs %(now)s instead of %(before)s.", **values)
        if begins
        else Sentence(
            "%(advantage)s is over: %(name)s costs %(now)s instead of %(before)s.", **values
        )
    )
    why = Sentence("As was agreed with order %(number)s.", number=item.order)
    return Entry(on, Topic.PROMOTION, said, why, reference=item.order)


def _due(charge: AgreedCharge, *, month: int) -> Money:
    """What falls due for a contract month, or for the one before it in which something does."""
    return net_in_period(charge, period=month - (month - 1) % charge.every_months)


def _commitment(life: Life) -> Iterator[Entry]:
    if life.commitment_ends_on is None or _ended_by(life, life.commitment_ends_on):
        return
    yield Entry(
        life.commitment_ends_on,
        Topic.COMMITMENT,
        Sentence("The commitment ends."),
        Sentence(
            "It was taken on for %(months)s months; the contract goes on without one.",
            months=life.commitment_months,
        ),
    )


def _ended_by(life: Life, day: date) -> bool:
    return life.ended_on is not None and life.ended_on <= day


def _bills(life: Life) -> Iterator[Entry]:
    for bill in life.bills:
        yield Entry(
            bill.on,
            Topic.BILL,
            Sentence("Bill %(number)s: %(amount)s.", number=bill.number, amount=bill.amount),
            Sentence("As promised.")
            if bill.promised_part == bill.promised
            else Sentence("%(amount)s was promised.", amount=bill.promised),
            reference=bill.number,
        )
    for day, amount in life.coming_bills:
        said = Sentence("A bill of %(amount)s.", amount=amount)
        why = Sentence("As promised; what is used beyond the plan is added.")
        yield Entry(day, Topic.BILL, said, why, coming=True)
    for debit in life.debits:
        yield Entry(
            debit.on,
            Topic.DEBIT,
            Sentence(
                "%(amount)s is debited from the account ending in %(last4)s.",
                amount=debit.amount,
                last4=debit.last4,
            ),
            Sentence(
                "For bill %(number)s; it was announced on %(day)s.",
                number=debit.bill,
                day=debit.told_on,
            ),
            reference=debit.bill,
        )


_DUNNING: Mapping[str, Sentence] = {
    "opened": Sentence("A bill is overdue."),
    "promised": Sentence("Payment was promised."),
    "kept": Sentence("The promise to pay was kept."),
    "broken": Sentence("The promise to pay was not kept."),
    "undone": Sentence("The promise to pay was taken back."),
    "fee": Sentence("Recovery costs are asked for."),
    "interest": Sentence("Interest on late payment is asked for."),
    "waived": Sentence("Interest on late payment was waived."),
    "returned": Sentence("What was asked too much for late payment goes back."),
    "lost": Sentence("What was overdue was written off."),
    "paused": Sentence("Reminders are paused."),
    "resumed": Sentence("Reminders go on."),
    "closed": Sentence("Nothing is overdue any more."),
}
_STEPS: Mapping[str, Sentence] = {
    "retry": Sentence("The saved means of payment is charged again."),
    "message": Sentence("A reminder was sent."),
    "restrict": Sentence("The line is to be restricted."),
    "suspend": Sentence("The line is to be stopped."),
    "terminate": Sentence("The contract is to be ended."),
}


def _dunning(life: Life) -> Iterator[Entry]:
    for step in life.dunning:
        said = _DUNNING.get(step.kind) or _STEPS.get(step.action)
        if said is None:
            continue
        why = Sentence("Bills of the account are overdue.") if step.kind == "step" else None
        yield Entry(step.on, Topic.DUNNING, said, why, by=step.by, at=step.at)


def _answers(life: Life) -> Iterator[Entry]:
    for each in life.answers:
        values = {"name": each.names, "amount": each.amount, "day": each.costs_on}
        if each.asked_at is not None:
            said = Sentence("Asked whether %(name)s is to go on for %(amount)s.", **values)
            why = Sentence(
                "It is free until %(day)s; paying for it needs an express yes.", **values
            )
            yield Entry(_day(each.asked_at), Topic.CONSENT, said, why, at=each.asked_at)
        if each.answered_at is not None:
            said = (
                Sentence("%(name)s goes on for %(amount)s: agreed to.", **values)
                if each.agreed
                else Sentence("%(name)s is to end with its free months.", **values)
            )
            why = Sentence("The answer to what was asked.")
            yield Entry(_day(each.answered_at), Topic.CONSENT, said, why, at=each.answered_at)
        if each.runs and not each.agreed:
            said = Sentence("%(name)s ends, unless it is agreed to before.", **values)
            why = Sentence("Its free months are over then; it costs nothing.")
            yield Entry(each.costs_on, Topic.CONSENT, said, why)


def _amends(life: Life) -> Iterator[Entry]:
    for each in life.amends:
        said = (
            Sentence("%(amount)s is given back.", amount=each.amount)
            if each.amount.amount > 0
            else Sentence("%(amount)s is asked for.", amount=-each.amount)
        )
        why = Sentence("%(what)s.", what=each.names)
        yield Entry(_day(each.at), Topic.AMENDS, said, why, at=each.at)


def _announced(life: Life) -> Iterator[Entry]:
    for each in life.announced:
        said = Sentence("A change was announced: %(what)s", what=each.names)
        why = Sentence("It is told at least a month before it takes effect.")
        yield Entry(_day(each.told_at), Topic.TERMS, said, why, at=each.told_at)
        said = Sentence("What was announced takes effect.")
        why = Sentence("%(what)s", what=each.names)
        yield Entry(each.on, Topic.TERMS, said, why)
        said = Sentence("The last day to leave free of charge for it.")
        why = Sentence("We changed the contract; who does not want that may leave.")
        yield Entry(each.leave_until, Topic.TERMS, said, why)


def _moves(life: Life) -> Iterator[Entry]:
    for each in life.moves:
        said = Sentence(
            "Bills are made on day %(day)s of the month instead of day %(former)s.",
            day=each.day,
            former=each.former,
        )
        why = (
            Sentence("Asked for on %(day)s: %(reason)s", day=_day(each.at), reason=each.reason)
            if each.reason
            else Sentence("Asked for on %(day)s.", day=_day(each.at))
        )
        yield Entry(each.on, Topic.BILL, said, why, by=each.by, channel=each.channel)


def _day(moment: datetime) -> date:
    """Where the customer is."""
    return moment.astimezone(PARIS).date()
