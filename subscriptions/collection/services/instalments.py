"""Prices paid in parts: agreed with the order, dated when it is billed, due with the bills."""

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from commerce.accounts.selectors import reach
from commerce.events import timers
from commerce.kernel.clock import PARIS, business_now, business_today
from commerce.kernel.errors import Conflict, NotFound, RuleViolated
from commerce.kernel.money import Money, total
from commerce.markets.pack import AtEnd, market
from commerce.payments.ports import PayLine
from commerce.payments.selectors import payments_of, refunds_of, was_taken_back
from commerce.payments.services import effects
from commerce.payments.services.checkout import request_payment
from subscriptions.collection.instalments import (
    dated_parts,
    fallen_parts,
    is_needed,
    plans_with,
    printed_beside,
    standing_of,
)
from subscriptions.collection.selectors import method_for_part
from subscriptions.collection.services import announcing
from subscriptions.collection.services.collecting import COLLECT_AT, PURPOSE, collect, locked_bill
from subscriptions.domain.instalments import PartState, PrintedPart, due_days
from subscriptions.domain.ledger import PART, PAY_OFF
from subscriptions.ledger.selectors import (
    deferred_on,
    money_on_its_way,
    owed_on,
    paid_under,
    payments_of_bill,
)
from subscriptions.ledger.services import ledger
from subscriptions.models import BillingAccount, InstalmentPart, InstalmentPlan, Invoice

TIMER = "instalment"
NOTICE_TIMER = "instalment-notice"


@dataclass(frozen=True, slots=True)
class Draft:
    """A bill that is about to be issued; `is_order`: the one of the order `order_number`."""

    id: int
    account_id: int
    order_number: str
    is_order: bool


def agree(
    *,
    order_number: str,
    party_id: int,
    amounts: Sequence[Money],
    lines: Mapping[str, Money],
    longest_days: int | None,
    at_end: AtEnd = AtEnd.GOES_ON,
) -> None:
    """Store what is agreed with an order, in its transaction: the first of `amounts` is due with
    it, the others later; `lines` says how much of each line's price is put off.

    Raises:
        ValueError: the lines do not put off what the later parts come to.
    """
    first, later = amounts[0], tuple(amounts[1:])
    deferred = total(later)
    if total(lines.values()) != deferred:
        raise ValueError(f"{order_number}: the lines put off something else than {deferred}")
    InstalmentPlan.objects.create(
        order_number=order_number,
        party_id=party_id,
        parts=len(amounts),
        first=first.amount,
        deferred=deferred.amount,
        currency=deferred.currency,
        amounts=[str(each.amount) for each in later],
        lines={line: str(amount.amount) for line, amount in lines.items()},
        longest_days=longest_days,
        at_end=at_end,
        agreed_at=business_now(),
    )


def begin(invoice_ids: Collection[int]) -> None:
    """Orders are billed: what is paid later of their bills is put off and gets its days. In the
    transaction of the issue, the accounts are locked; one query where nothing is paid in parts."""
    if not invoice_ids:
        return
    bills = {
        bill.order_number: bill
        for bill in Invoice.objects.filter(pk__in=invoice_ids).select_related("account")
    }
    for plan in InstalmentPlan.objects.filter(order_number__in=bills).order_by("pk"):
        if not plan.dated.exists():
            _begin(plan, bills[plan.order_number])


def printed_on(drafts: Collection[Draft], *, on: date) -> Mapping[int, tuple[PrintedPart, ...]]:
    """What the documents of `drafts`, which are about to be issued on the day `on`, say of parts:
    an order's bill of its own, any other of those that are due with it or come after it."""
    orders = {draft.order_number: draft for draft in drafts if draft.is_order}
    monthly = [draft for draft in drafts if not draft.is_order]
    found: dict[int, tuple[PrintedPart, ...]] = {}
    if orders:
        for plan in InstalmentPlan.objects.filter(order_number__in=orders, dated__isnull=True):
            draft = orders[plan.order_number]
            account = BillingAccount.objects.get(pk=draft.account_id)
            found[draft.id] = tuple(
                PrintedPart("", number, plan.parts, day, Money.of(amount, plan.currency))
                for number, (amount, day) in enumerate(
                    zip(plan.amounts, _days(plan, account, billed_on=on), strict=True), start=2
                )
            )
    if monthly:
        parts = printed_beside({draft.account_id for draft in monthly}, on=on)
        found |= {
            draft.id: tuple(parts[draft.account_id])
            for draft in monthly
            if draft.account_id in parts
        }
    return found


def _days(plan: InstalmentPlan, account: BillingAccount, *, billed_on: date) -> tuple[date, ...]:
    return due_days(
        billed_on,
        count=len(plan.amounts),
        cycle_day=account.cycle_day,
        payment_days=account.payment_days,
        longest_days=plan.longest_days,
    )


def _begin(plan: InstalmentPlan, invoice: Invoice) -> None:
    assert invoice.issued_on is not None
    days = _days(plan, invoice.account, billed_on=invoice.issued_on)
    parts = InstalmentPart.objects.bulk_create(
        InstalmentPart(plan=plan, invoice=invoice, number=number, amount=amount, due_on=day)
        for number, (amount, day) in enumerate(zip(plan.amounts, days, strict=True), start=2)
    )
    ledger.put_off(invoice, amount=Money(plan.deferred, plan.currency))
    rules = market(settings.MARKET)
    longest = rules.debit_rules().notice_days + rules.letter_days()
    timers.schedule_all(
        due
        for part in parts
        for due in (_timer(part, TIMER), _timer(part, NOTICE_TIMER, days_before=longest))
    )


def _timer(part: InstalmentPart, handler: str, *, days_before: int = 0) -> timers.Due:
    day = part.due_on - timedelta(days=days_before)
    return timers.Due(
        key=f"{handler}:{part.invoice.number}:{part.number}",
        handler=handler,
        due_at=datetime.combine(day, COLLECT_AT, tzinfo=PARIS),
        payload={"part": part.pk},
    )


@transaction.atomic
def on_notice_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time: whose account is debited for a part that falls due is told so long
    before as of a bill. May be repeated. Under a mandate that is given later he is told on the
    part's day."""
    part = InstalmentPart.objects.get(pk=payload["part"])
    invoice = locked_bill(part.invoice_id)
    method, left = method_for_part(invoice), _left_of(part, invoice)
    days = announcing.notice_days(invoice.owing.party_id)
    if method is None or not method.is_debit or days is None or left.amount <= 0:
        return
    if business_today() < part.due_on - timedelta(days=days):
        timers.schedule_all([_timer(part, NOTICE_TIMER, days_before=days)])
        return
    announcing.announce([announcing.ToDebit(invoice, left, part)], method)


def _left_of(part: InstalmentPart, invoice: Invoice) -> Money:
    """What will fall due of it: what was paid early, or credited, is left off the last parts."""
    currency = invoice.currency
    before = [
        each.amount
        for each in dated_parts(part.plan)
        if each.number < part.number and each.number not in fallen_parts(invoice)
    ]
    rest = deferred_on(invoice) - total(before, currency=currency)
    fell = part.number in fallen_parts(invoice)
    return Money.zero(currency) if fell else min(Money(part.amount, currency), rest)


@transaction.atomic
def on_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time: a part falls due, as far as nothing paid it before, and is collected
    like a bill. May be repeated."""
    part = InstalmentPart.objects.get(pk=payload["part"])
    invoice = locked_bill(part.invoice_id)
    amount = Money.of(part.amount, invoice.currency)
    if ledger.fall_due(invoice, amount=amount, cause=f"{PART[1:]}{part.number}"):
        collect(invoice.pk)


@transaction.atomic
def on_end(subscription_id: int) -> None:
    """A contract has ended: where that was agreed, all that is left of the devices that came with
    it falls due, and is collected like a bill; not while another contract of the same order runs.
    May be repeated."""
    for plan in plans_with(subscription_id):
        part = plan.dated.first()
        if part is None or plan.at_end != AtEnd.FALLS_DUE or is_needed(plan):
            continue
        invoice = locked_bill(part.invoice_id)
        fell = [
            ledger.fall_due(invoice, amount=each.left, cause=f"{PART[1:]}{each.part.number}")
            for each in standing_of(plan)
            if each.state is PartState.COMING
        ]
        if any(fell):
            collect(invoice.pk)


@transaction.atomic
def pay_off(*, party_id: int, number: str, label: str, back: str) -> str:
    """The key of a payment of all that is left of a bill that is paid in parts, due or not, to be
    opened on the provider's page. `back` is the address to come back to.

    Nothing falls due by asking: who does not pay goes on as agreed.

    Raises:
        NotFound: `unknown_bill`: also for one that is not paid in parts.
        RuleViolated: `nothing_to_pay`. Conflict: `payment_under_way`.
    """
    found = InstalmentPart.objects.filter(
        invoice__number=number, invoice__account__party=party_id
    ).first()
    if found is None:
        raise NotFound("There is no such bill.", code="unknown_bill")
    invoice = locked_bill(found.invoice_id)
    deferred = deferred_on(invoice)
    if not deferred:
        raise RuleViolated("There is nothing left to pay on this bill.", code="nothing_to_pay")
    known = payments_of(number)
    if money_on_its_way(invoice) or any(each.is_reserved for each in known):
        raise Conflict("This bill is just being paid.", code="payment_under_way")
    amount = owed_on(invoice) + deferred
    for each in known:
        if each.is_open and each.amount == amount and PAY_OFF in each.key:
            return each.key
    key = f"{number}{PAY_OFF}{len(known) + 1}"
    whom = reach(party_id)
    request_payment(
        key=key,
        amount=amount,
        party_id=party_id,
        reference=number,
        lines=(PayLine(label, amount),),
        email=whom.email,
        language=whom.language,
        success_url=back,
        cancel_url=back,
        purpose=PURPOSE,
    )
    return key


def credit(note: Invoice, *, items: Set[str]) -> bool:
    """A credit note of lines that are paid in parts ends what is left of those parts; what was paid
    of them goes back to the cards that paid. False: nothing of it is paid in parts. In the
    transaction of the note, the account is locked."""
    plan = InstalmentPlan.objects.filter(order_number=note.order_number).first()
    bill = Invoice.objects.filter(instalments__plan=plan).first() if plan is not None else None
    if plan is None or bill is None or not items & plan.lines.keys():
        return False
    bill.account = note.account
    amounts = (Money.of(plan.lines[item], plan.currency) for item in items & plan.lines.keys())
    pays, paid = ledger.end_parts(bill, note=note, amount=total(amounts))
    pays += _give_back(bill, note=note, amount=paid)
    ledger.pay_by_note(bill, note=note, amount=pays)
    return True


def _give_back(bill: Invoice, *, note: Invoice, amount: Money) -> Money:
    """As much of it as cards paid; how much that is."""
    wanted = amount
    for paid in reversed(payments_of_bill(bill.number or "")):
        if not paid.is_taken or was_taken_back(paid.key):
            continue
        given = refunds_of(paid.key)
        left = paid.amount - total(given, currency=amount.currency)
        back = min(amount, left, paid_under(bill, paid.reference))
        if back.amount > 0 and ledger.pay_less(bill, note=note, amount=back, paid=paid):
            effects.refund(key=paid.key, amount=back, sequence=len(given) + 1)
            amount -= back
    return wanted - amount
