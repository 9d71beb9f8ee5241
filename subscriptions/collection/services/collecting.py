"""Collecting: consumers' bills are charged to the saved method on the day they are due, debits once
they were announced; or paid by hand on the provider's page. A business pays by transfer, unless it
has chosen a method for its bills."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Any

from django.db import transaction

from commerce.accounts.kinds import Segment
from commerce.accounts.selectors import party, reach
from commerce.events import timers
from commerce.events.queues import AFTER_ORDERS, AT_ONCE, current_turn, in_turn
from commerce.kernel.clock import PARIS, business_today, machine_now
from commerce.kernel.errors import Conflict, NotFound, RuleViolated
from commerce.kernel.money import Money, total
from commerce.payments.ports import LINKED, PayLine
from commerce.payments.selectors import Saved, payment, payments_of, processing
from commerce.payments.services import effects
from commerce.payments.services.charge import request_charge
from commerce.payments.services.checkout import request_payment
from subscriptions.accounts.services.accounts import locked_account
from subscriptions.collection.deposits import open_deposit
from subscriptions.collection.selectors import method_for, only_transferred
from subscriptions.collection.services import announcing, paying_back
from subscriptions.domain.ledger import PAY_OFF, SMALL_DIFFERENCE
from subscriptions.domain.states import InvoiceKind, InvoiceState
from subscriptions.ledger.selectors import (
    bills_under,
    deferred_on,
    is_collected,
    money_on_its_way,
    owed_by,
    owed_by_party,
    owed_on,
    paid_for_just_now,
    parts_due,
    payments_of_bill,
    unapplied_under,
)
from subscriptions.ledger.services import ledger
from subscriptions.models import BillingAccount, DebitNotice, Invoice

logger = logging.getLogger(__name__)

TIMER = "bill-collection"
PURPOSE = "bill"
COLLECT_AT = time(9)
"""In Paris, on the day a bill is due; one that is issued later that day is charged at once."""
MONEY_COMES = timedelta(seconds=20)
"""Of machine time, until the outcome of a payment is looked for again."""
LEAST = SMALL_DIFFERENCE
"""What the provider takes at least; a smaller rest is given up."""


class CollectingFailed(Exception):
    """Some bills of a timer could not be collected; the log names them."""


def looked_at_on(*, kind: str, segment: str, issued_on: date, due_on: date) -> date | None:
    """The day on which an issued bill is looked at: one to be charged when it is due, a business's
    at once, for what credit notes pay of it; not that of its order."""
    if segment == Segment.CONSUMER:
        return due_on
    return None if kind == InvoiceKind.ORDER else issued_on


def arm(due: Iterable[tuple[date, int]]) -> None:
    """Have issued bills (day, id) looked at on their day; one timer for each day among them."""
    found = [
        (day, [pk for _, pk in rows]) for day, rows in groupby(sorted(due), key=lambda row: row[0])
    ]
    timers.schedule_all(
        timers.Due(
            key=f"{TIMER}:{day}:{ids[0]}",
            handler=TIMER,
            due_at=datetime.combine(day, COLLECT_AT, tzinfo=PARIS),
            payload={"ids": ids},
        )
        for day, ids in found
    )


def arm_rests(account: BillingAccount, *, on: date) -> None:
    """A contract has ended, so that no bill may come any more: have what credit notes of a consumer
    have left looked at again on that day, the last on which one could come."""
    if account.segment == Segment.CONSUMER:
        notes = ledger.cycle_notes(account)
        arm((on, note.pk) for note in notes if unapplied_under(account, note.number or ""))


def on_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time; called with no transaction open. A bill at a time, each once, but those
    that are only transferred; one that can't be collected holds up no other, and is tried again.
    What the payers of many are told is bulk work.

    Raises:
        CollectingFailed: some of them can't.
    """
    failed = []
    ids = payload["ids"]
    turn = AFTER_ORDERS if len(ids) > AT_ONCE else current_turn()
    transferred = only_transferred(ids)
    for invoice_id in ids:
        if invoice_id in transferred:
            continue
        try:
            with in_turn(turn):
                collect(invoice_id)
        except Exception:
            logger.exception("bill %s can't be collected", invoice_id)
            failed.append(invoice_id)
    if failed:
        raise CollectingFailed(f"bills {failed}")


@transaction.atomic
def collect(invoice_id: int) -> None:
    """Have what is open on the bill charged to the chosen method, less what is the customer's; give
    back what a credit note gives back.

    Once with each method: what is declined stays open; a rest too small to be charged is given up.
    A debit is announced first, and looked at again on its day.
    """
    invoice = locked_bill(invoice_id)
    if invoice.kind == InvoiceKind.CREDIT_NOTE:
        if not paying_back.settle(invoice):
            _look_again(invoice)
        return
    if money_on_its_way(invoice):
        if parts_due(invoice) and processing([invoice.number or ""]):
            arm([(business_today() + timedelta(days=1), invoice.pk)])
        return
    ledger.use_credit(invoice)
    owed, method = owed_on(invoice), method_for(invoice)
    if owed < LEAST:
        if is_collected(invoice):
            ledger.write_off(invoice, cause="too-small")
        return
    if method is None:
        return
    notice = _announced(invoice, method, owed=owed) if method.is_debit else None
    if method.is_debit and notice is None:
        return
    day = _day_of(invoice, notice)
    if day > business_today():
        arm([(day, invoice.pk)])
        return
    request_charge(
        key=_charge_key(invoice, method),
        party_id=invoice.owing.party_id,
        amount=min(owed, Money(notice.amount, owed.currency)) if notice else owed,
        reference=invoice.number or "",
        purpose=PURPOSE,
        method=method,
    )


def _announced(invoice: Invoice, method: Saved, *, owed: Money) -> DebitNotice | None:
    """What the payer was told of its debit. He is told now if he was not, at once of what he has to
    pay for others of the same days."""
    asked = announcing.ToDebit(invoice, owed)
    known = announcing.notice_of(asked, method)
    if known is None:
        others = _of_the_same_days(invoice)
        announcing.announce([asked, *(each for each in others if _is_debited(each))], method)
        known = announcing.notice_of(asked, method)
    return known


def _of_the_same_days(invoice: Invoice) -> Iterator[announcing.ToDebit]:
    """What its payer has to pay of the bills of other accounts that were made and are due with it;
    credit has paid for them what it can."""
    rows = Invoice.objects.filter(
        owed_by(invoice.owing_id),
        state=InvoiceState.ISSUED,
        kind=InvoiceKind.RECURRING,
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
    ).exclude(account=invoice.account_id)
    for other in rows.order_by("pk"):
        other.hold(invoice.owing)
        if not money_on_its_way(other):
            ledger.use_credit(other)
            yield announcing.ToDebit(other, owed_on(other))


def _is_debited(asked: announcing.ToDebit) -> bool:
    method = method_for(asked.invoice) if asked.amount >= LEAST else None
    return method is not None and method.is_debit


def announce_late(bills: Iterable[Invoice]) -> bool:
    """Whoever gave a mandate only when bills were overdue is told of their debits, which come then;
    whether he was told of any just now. The caller has locked their account."""
    late = [announcing.ToDebit(invoice, owed_on(invoice)) for invoice in bills]
    asked = [each for each in late if _is_debited(each)]
    method = method_for(asked[0].invoice) if asked else None
    new = [each for each in asked if method and announcing.notice_of(each, method) is None]
    if method is None or not new:
        return False
    announcing.announce(new, method)
    told = [(announcing.notice_of(each, method), each.invoice.pk) for each in new]
    days = [(notice.debit_on, pk) for notice, pk in told if notice is not None]
    arm(days)
    return bool(days)


def _charge_key(invoice: Invoice, method: Saved) -> str:
    """Each method is tried once, for each part of a bill that is paid in parts; dunning has keys of
    its own."""
    number, part = invoice.number or "", len(parts_due(invoice))
    begins = f"{number}/part-{part + 1}/charge/" if part else f"{number}/charge/"
    tried = [each for each in payments_of(number) if each.key.startswith(begins)]
    others = [each for each in tried if each.method_id != method.method_id]
    return f"{begins}{len(others) + 1}"


def _day_of(invoice: Invoice, notice: DebitNotice | None) -> date:
    """A consumer's card is charged on the day on which the bill is looked at, that of its date."""
    if notice is not None:
        return notice.debit_on
    business = invoice.account.segment == Segment.BUSINESS
    return invoice.due_on if business and invoice.due_on else business_today()


@transaction.atomic
def pay_by_hand(*, party_id: int, number: str, label: str, back: str) -> str:
    """The key of a payment of what is open on the bill, to be opened on the provider's page
    (`payments.services.checkout.open_session`). `back` is the address to come back to.

    Raises:
        NotFound: `unknown_bill`, also for one that is not collected from a card.
        RuleViolated: `nothing_to_pay`.
        Conflict: `payment_under_way`: the card is being charged, or another page is being paid on.
    """
    invoice = _own_bill(party_id, number)
    return ask_for_bills([(label, invoice)], reference=number, back=back)


def ask_for_bills(
    bills: Sequence[tuple[str, Invoice]], *, reference: str, back: str, purpose: str = PURPOSE
) -> str:
    """The key of one payment of what is open on the bills, each with its label, under `reference`.

    The same as long as the same is open. The caller has locked their account.

    Raises:
        RuleViolated: `nothing_to_pay`. Conflict: `payment_under_way`.
    """
    parts = [(label, owed_on(bill)) for label, bill in bills]
    if total(part for _, part in parts) < LEAST:
        raise RuleViolated("There is nothing left to pay on this bill.", code="nothing_to_pay")
    if any(_is_being_paid(bill) for _, bill in bills):
        raise Conflict("This bill is just being paid.", code="payment_under_way")
    party_id = bills[0][1].owing.party_id
    return ask(parts, party_id=party_id, reference=reference, back=back, purpose=purpose)


def ask(
    parts: Sequence[tuple[str, Money]], *, party_id: int, reference: str, back: str, purpose: str
) -> str:
    """The key of a payment of these sums, each with its label, to be opened on the provider's page;
    the same as long as it is open there."""
    owed, known = total(part for _, part in parts), payments_of(reference)
    for each in known:
        if each.is_open and each.amount == owed:
            return each.key
    key = f"{reference}/pay/{len(known) + 1}"
    whom = reach(party_id)
    request_payment(
        key=key,
        amount=owed,
        party_id=party_id,
        reference=reference,
        lines=tuple(PayLine(label, part) for label, part in parts if part.amount > 0),
        email=whom.email,
        language=whom.language,
        success_url=back,
        cancel_url=back,
        purpose=purpose,
    )
    return key


def _is_being_paid(bill: Invoice) -> bool:
    known = payments_of_bill(bill.number or "")
    return money_on_its_way(bill) or any(each.is_reserved for each in known)


@transaction.atomic
def take(*, key: str) -> None:
    """The card of one who pays by hand is authorised: take the money, or let it go if a bill was
    paid meanwhile. May be repeated, and come late: nothing is done once it is over."""
    paid = payment(key)
    if paid.purpose not in (PURPOSE, LINKED) or paid.party_id is None or not paid.is_reserved:
        return
    account = locked_account(party_id=paid.party_id, segment=party(paid.party_id).segment)
    bills = bills_under(account, paid.reference)
    owed = total(owed_on(bill) for bill in bills) + open_deposit(account, paid.reference)
    if PAY_OFF in key:
        owed += total(deferred_on(bill) for bill in bills)
    under_way = paid_for_just_now(paid.reference, but=key)
    if under_way or owed < paid.amount or any(money_on_its_way(bill, but=key) for bill in bills):
        effects.cancel(key=key)
    else:
        effects.capture(key=key)


def _look_again(note: Invoice) -> None:
    """Once it is known what became of the payment that the credit note waits for: a card's is soon,
    banks take days for a debit."""
    numbers = Invoice.objects.filter(owed_by(note.owing_id)).values_list("number", flat=True)
    if processing(number for number in numbers if number):
        arm([(business_today() + timedelta(days=1), note.pk)])
        return
    timers.schedule(
        key=f"{TIMER}:{note.number}",
        handler=TIMER,
        due_at=machine_now() + MONEY_COMES,
        payload={"ids": [note.pk]},
        clock="machine",
    )


def _own_bill(party_id: int, number: str) -> Invoice:
    """Locked with its account."""
    found = (
        Invoice.objects.filter(owed_by_party(party_id), number=number, state=InvoiceState.ISSUED)
        .select_related("account")
        .first()
    )
    if found is None or not is_collected(found):
        raise NotFound("There is no such bill.", code="unknown_bill")
    return locked_bill(found.pk)


def locked_bill(invoice_id: int) -> Invoice:
    """The bill with the account that pays it, which stays locked: nothing else pays for it
    meanwhile."""
    invoice = Invoice.objects.get(pk=invoice_id)
    rows = BillingAccount.objects.select_for_update(no_key=True)
    invoice.hold(rows.get(pk=invoice.owing_id))
    return invoice
