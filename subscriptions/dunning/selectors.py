"""What dunning answers: which bills are overdue, what will happen, how hard a line is treated."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, datetime

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from commerce.kernel.clock import business_today
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money, total
from commerce.markets.pack import market
from commerce.notifications.models import MessageChannel
from commerce.notifications.services import ways_to
from commerce.payments.selectors import payments_of
from subscriptions.collection.selectors import (
    announced_under,
    awaited_of,
    debited_late,
    left_in_peace,
    method_for_bills,
)
from subscriptions.domain.dunning import (
    GRADES,
    Action,
    CaseState,
    Coming,
    EntryKind,
    Policy,
    Standing,
    coming,
    is_hard,
)
from subscriptions.domain.states import InvoiceKind, InvoiceState, SubscriptionStatus
from subscriptions.dunning.interest import InterestView, accrued, asked_of
from subscriptions.dunning.policy import policy
from subscriptions.ledger.selectors import open_amount, owed_by, paid_with_orders, parts_due
from subscriptions.models import BillingAccount, DunningCase, DunningEntry, Invoice, Subscription

LEAST = Money.of("0.50")
"""Less than that is let be: no card can be charged with it."""


@dataclass(frozen=True, slots=True)
class OverdueBill:
    """An issued bill whose due day has passed; `open` is still to pay. It is made out to the party
    that has to pay it, unless it is not its `own`, but another `account_id`'s."""

    id: int
    number: str
    due_on: date
    open: Money
    account_id: int
    own: bool = True


@dataclass(frozen=True, slots=True)
class EntryView:
    """A row of a case's history; `by` is empty where the machine acted."""

    kind: EntryKind
    step: str
    action: str
    on: date
    at: datetime
    by: str
    note: str
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case. `coming` is what happens if nothing is paid; `interest` what its bills bear
    that nobody was asked for yet, `asked` what somebody was."""

    id: int
    account_id: int
    party_id: int
    party_name: str
    opened_on: date
    since: date
    owed: Money
    state: CaseState
    grade: str
    promised_for: date | None
    next_on: date | None
    closed_on: date | None = None
    bills: tuple[OverdueBill, ...] = ()
    coming: tuple[Coming, ...] = ()
    history: tuple[EntryView, ...] = ()
    promises_left: int = 0
    promise_days: int = 0
    interest: Money = field(default_factory=Money.zero)
    asked: tuple[InterestView, ...] = ()


def overdue_bills(account: BillingAccount, *, today: date) -> tuple[OverdueBill, ...]:
    """The oldest first; what is paid with its order is left to the order, and what will be debited
    or is disputed in peace. Nothing if less than `LEAST` is open in all."""
    found = list(_past_due(account, today=today))
    in_peace = left_in_peace(row.number or "" for row in found)
    bills = _late(found, but=in_peace, today=today)
    return bills if total(bill.open for bill in bills) >= LEAST else ()


def _late(rows: Sequence[Invoice], *, but: Set[str], today: date) -> tuple[OverdueBill, ...]:
    """What of the bills is overdue, the oldest first; of those named in `but` nothing that is
    awaited."""
    elsewhere = paid_with_orders(row.key for row in rows)
    late = (
        bill
        for row in rows
        if row.key not in elsewhere
        for bill in _overdue(row, left_alone=row.number in but, today=today)
    )
    # A part is younger than its bill.
    return tuple(sorted(late, key=lambda bill: (bill.due_on, bill.id)))


def _overdue(row: Invoice, *, left_alone: bool, today: date) -> Iterator[OverdueBill]:
    """What of the bill should have been paid by now, since when. Of one that is paid in parts the
    parts count by their own days, and what is open is what fell due last; nothing if that is not
    late yet. What is awaited is left out, if it is `left_alone`."""
    assert row.due_on is not None
    rest = Money(row.owed, row.currency)  # type: ignore[attr-defined]
    late, since = Money.zero(row.currency), today
    awaited = awaited_of(row, owed=rest) if left_alone else Money.zero(row.currency)
    for day, part in (*parts_due(row), (row.due_on, rest)):
        open_part = min(rest, part)
        rest -= open_part
        debited = min(awaited, open_part)
        awaited -= debited
        if open_part > debited and day < today:
            late, since = late + open_part - debited, day
    if late:
        own = row.payer_id is None
        yield OverdueBill(row.pk, row.number or "", since, late, row.account_id, own=own)


def still_overdue_since(numbers: Iterable[str], *, day: date) -> tuple[OverdueBill, ...]:
    """What is still open now of what was overdue of these bills on that day. Of one that is paid in
    parts, nothing of the parts that fell due later."""
    rows = Invoice.objects.filter(number__in=list(numbers)).annotate(owed=open_amount())
    return _late(list(rows.filter(owed__gt=0)), but=frozenset(), today=day)


def owes_overdue(party_id: int, *, today: date) -> bool:
    """Whether a bill of the party's should have been paid by now."""
    accounts = BillingAccount.objects.filter(party=party_id)
    return any(overdue_bills(account, today=today) for account in accounts)


def being_debited(account: BillingAccount, *, today: date) -> tuple[str, ...]:
    """The keys of payments of bills past their due day of which a bank has still to say whether it
    pays."""
    found = _debits_under_way(_past_due(account, today=today))
    return tuple(key for keys in found.values() for key in keys)


def _debits_under_way(rows: Iterable[Invoice]) -> Mapping[int, tuple[str, ...]]:
    """By bill."""
    return {
        row.pk: tuple(each.key for each in payments_of(row.number or "") if each.is_processing)
        for row in rows
    }


def asked_by(case_id: int, keys: Iterable[str]) -> bool:
    """Whether a step of the case asked for one of these payments."""
    return any(f"/dunning/{case_id}/" in key for key in keys)


def announced_late(account: BillingAccount, *, today: date) -> bool:
    """Whether bills past their due day are debited, or will be, as was announced after it."""
    return bool(debited_late(row.pk for row in _past_due(account, today=today)))


def _past_due(account: BillingAccount, *, today: date) -> QuerySet[Invoice]:
    """Issued bills of which something is open after their due day, the oldest first."""
    return (
        Invoice.objects.filter(owed_by(account.pk), state=InvoiceState.ISSUED, due_on__lt=today)
        .exclude(kind=InvoiceKind.CREDIT_NOTE)
        .annotate(owed=open_amount())
        .filter(owed__gt=0)
        .order_by("due_on", "pk")
    )


def standing(case: DunningCase, *, bills: tuple[OverdueBill, ...], by: Policy) -> Standing:
    """The case as the core sees it, with what is overdue of its account."""
    done = case.entries.filter(kind=EntryKind.STEP).values_list("step", "on")
    return Standing(
        since=bills[0].due_on,
        owed=total(bill.open for bill in bills),
        segment=case.account.segment,
        done=dict(done),
        promises=case.promises,
        promised_for=case.promised_for,
        paused=case.paused,
        card_refused=_card_refused(case.account, bills, by=by),
        post_days=_post_days(case.account.party_id, by),
    )


def open_case(account_id: int) -> DunningCase | None:
    rows = DunningCase.objects.select_related("account__party")
    return rows.filter(account=account_id, closed_on__isnull=True).first()


def case_of(party_id: int) -> CaseView | None:
    """The party's open case with all that is to be said of it; None if nothing is overdue."""
    rows = DunningCase.objects.select_related("account__party")
    found = rows.filter(account__party=party_id, closed_on__isnull=True).order_by("pk").first()
    return _whole(found) if found is not None else None


def cases_of(party_id: int) -> tuple[CaseView, ...]:
    """The party's cases, those that are closed too, the latest first; without bills, calendar,
    history and interest. One query."""
    rows = DunningCase.objects.select_related("account__party").filter(account__party=party_id)
    return tuple(_view(row) for row in rows.order_by("-pk"))


def case_of_party(party_id: int, case_id: int) -> CaseView:
    """One of them with all that is to be said of it. Raises NotFound `unknown_case`, also for
    another's."""
    rows = DunningCase.objects.select_related("account__party")
    found = rows.filter(account__party=party_id, pk=case_id).first()
    if found is None:
        raise NotFound("There is no such case.", code="unknown_case")
    return _whole(found)


def case_view(case_id: int) -> CaseView:
    """For staff. Raises NotFound `unknown_case`: there is none, or it is closed."""
    rows = DunningCase.objects.select_related("account__party")
    found = rows.filter(pk=case_id, closed_on__isnull=True).first()
    if found is None:
        raise NotFound("There is no such case.", code="unknown_case")
    return _whole(found)


@dataclass(frozen=True, slots=True)
class Counted:
    """How many cases are open, by grade (empty: none reached yet) and by state."""

    grades: Mapping[str, int]
    states: Mapping[str, int]


def counted() -> Counted:
    """Two queries; for the operators' board."""
    rows = DunningCase.objects.filter(closed_on__isnull=True)
    grades = rows.values_list("grade").annotate(n=Count("pk")).order_by("grade")
    states = {
        CaseState.PAUSED.value: rows.filter(paused=True).count(),
        CaseState.PROMISED.value: rows.filter(paused=False, promised_for__isnull=False).count(),
    }
    return Counted(dict(grades), states)


def open_cases(
    *, grade: str | None = None, state: str = "", limit: int = 100
) -> tuple[CaseView, ...]:
    """Those whose next step comes first; without bills, calendar and history. One query."""
    rows = DunningCase.objects.select_related("account__party").filter(closed_on__isnull=True)
    if grade is not None:
        rows = rows.filter(grade=grade)
    if state == CaseState.PAUSED:
        rows = rows.filter(paused=True)
    elif state == CaseState.PROMISED:
        rows = rows.filter(paused=False, promised_for__isnull=False)
    return tuple(_view(row) for row in rows.order_by("next_on", "pk")[:limit])


def wanted_grade(subscription_id: int) -> Action | None:
    """How hard the contract is to be treated now because its account's bills are not paid, by it
    or by who has to; None: not. It stays so until the caller's transaction ends."""
    contract = Subscription.objects.filter(pk=subscription_id)
    account_id = contract.values_list("account_id", flat=True).first()
    payers = Invoice.objects.filter(account=account_id, payer__isnull=False)
    cases = (
        DunningCase.objects.select_for_update(of=("self",), no_key=True)
        .filter(
            Q(account=account_id) | Q(account__in=payers.values("payer")), closed_on__isnull=True
        )
        .exclude(grade="")
        .order_by("account")
    )
    grades = [treatment(case) for case in cases if account_id in debtors(case)]
    return max((each for each in grades if each), key=GRADES.index, default=None)


def debtors(case: DunningCase) -> frozenset[int]:
    """The accounts whose lines are treated as the case wants: its own, or, where it pays for
    others, those whose bills are overdue in it, or are debited because they were."""
    if not _pays_for_others(case.account_id):
        return frozenset({case.account_id})
    today = business_today()
    found = list(_past_due(case.account, today=today))
    in_peace = left_in_peace(row.number or "" for row in found)
    in_peace -= _stands_meanwhile(case, [row for row in found if row.number in in_peace])
    return frozenset(bill.account_id for bill in _late(found, but=in_peace, today=today))


def _stands_meanwhile(case: DunningCase, rows: Sequence[Invoice]) -> frozenset[str]:
    """The bills that the case waits for as it stands: whose debit a step of it asked for, or was
    announced when they were overdue."""
    debits = _debits_under_way(rows)
    late = debited_late(row.pk for row in rows)
    return frozenset(
        row.number or "" for row in rows if row.pk in late or asked_by(case.pk, debits[row.pk])
    )


def _pays_for_others(account_id: int) -> bool:
    return Invoice.objects.filter(payer=account_id).exists()


def treatment(case: DunningCase) -> Action | None:
    """How hard the case wants its account's lines to be treated now; None: not. No contract ends
    while payment is promised, or the case is paused."""
    if case.closed_on is not None or not case.grade:
        return None
    grade, waits = Action(case.grade), case.paused or case.promised_for is not None
    return Action.SUSPEND if waits and grade is Action.TERMINATE else grade


def running_contracts(account_id: int) -> tuple[int, ...]:
    """The ids of the contracts that have not ended of the account, and of those for which it has
    bills to pay."""
    paid = Invoice.objects.filter(payer=account_id)
    rows = _running().filter(Q(account=account_id) | Q(account__in=paid.values("account")))
    rows = rows.order_by("pk")
    return tuple(rows.values_list("pk", flat=True))


def holders(subscription_ids: Iterable[int]) -> Mapping[int, tuple[int, ...]]:
    """Of contracts, by the party that holds them."""
    found: defaultdict[int, tuple[int, ...]] = defaultdict(tuple)
    rows = Subscription.objects.filter(pk__in=list(subscription_ids)).order_by("pk")
    for pk, party_id in rows.values_list("pk", "party_id"):
        found[party_id] += (pk,)
    return found


def _running() -> QuerySet[Subscription]:
    return Subscription.objects.exclude(status=SubscriptionStatus.ENDED)


def _card_refused(account: BillingAccount, bills: tuple[OverdueBill, ...], *, by: Policy) -> bool:
    """Whether there is no use in charging: there is no card, or the chosen one was refused for
    good, or no debit under the chosen mandate was announced."""
    card = method_for_bills(account)
    if card is None:
        return True
    if card.is_debit:
        told = (announced_under(bill.number, card) for bill in bills)
        if not any(told):
            return True
    tried = [each for bill in bills for each in payments_of(bill.number) if each.off_session]
    return any(
        each.is_declined and each.method_id == card.method_id and is_hard(each.last_error, by)
        for each in tried
    )


def _whole(row: DunningCase) -> CaseView:
    rules, today = policy(), business_today()
    is_open = row.closed_on is None
    bills = overdue_bills(row.account, today=today) if is_open else ()
    view = _view(row)
    history = tuple(_entry(each) for each in row.entries.order_by("pk"))
    calendar: tuple[Coming, ...] = ()
    bears = is_open and rules.interest_in(row.account.segment) is not None
    borne = accrued(row, today=today) if bears else ()
    if bills:
        calendar = coming(standing(row, bills=bills, by=rules), rules, today=today)
    return CaseView(
        id=view.id,
        account_id=view.account_id,
        party_id=view.party_id,
        party_name=view.party_name,
        opened_on=view.opened_on,
        since=bills[0].due_on if bills else view.since,
        owed=total(bill.open for bill in bills),
        state=view.state,
        grade=view.grade,
        promised_for=view.promised_for,
        next_on=view.next_on,
        closed_on=view.closed_on,
        bills=bills,
        coming=calendar,
        history=history,
        promises_left=max(0, rules.promise.times - row.promises),
        promise_days=rules.promise.days,
        interest=total((each.amount for each in borne), currency=row.account.currency),
        asked=asked_of(row),
    )


def _view(row: DunningCase) -> CaseView:
    state = CaseState.PROMISED if row.promised_for is not None else CaseState.RUNNING
    if row.closed_on is not None:
        state = CaseState.CLOSED
    return CaseView(
        id=row.pk,
        account_id=row.account_id,
        party_id=row.account.party_id,
        party_name=row.account.party.display_name,
        opened_on=row.opened_on,
        since=row.since,
        owed=Money(row.owed, row.account.currency),
        state=CaseState.PAUSED if row.paused else state,
        grade=row.grade,
        promised_for=row.promised_for,
        next_on=row.next_on,
        closed_on=row.closed_on,
    )


def _entry(row: DunningEntry) -> EntryView:
    return EntryView(
        kind=EntryKind(row.kind),
        step=row.step,
        action=row.action,
        on=row.on,
        at=row.at,
        by=row.by,
        note=row.note,
        facts=row.facts,
    )


def _post_days(party_id: int, by: Policy) -> Mapping[str, int]:
    """The days that are given to those messages of the policy that only the post brings there."""
    ways = ways_to(party_id, {step.message for step in by.steps if step.message})
    days = market(settings.MARKET).letter_days()
    return {code: days for code, way in ways.items() if way is MessageChannel.POST}
