"""Collecting: consumers' bills are charged to the saved method on the day they are due, debits once
they were announced; or paid by hand on the provider's page. A business pays by transfer, unless it
has chosen a method for its bills."""

import logging
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Any

from django.db import transaction

from commerce.accounts.kinds import Segment
from commerce.accounts.selectors import reach
from commerce.events import timers
from commerce.kernel.clock import PARIS, business_today, machine_now
from commerce.kernel.errors import Conflict, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.payments.ports import PayLine
from commerce.payments.selectors import Saved, chosen_method, payment, payments_of, processing
from commerce.payments.services import effects
from commerce.payments.services.charge import request_charge
from commerce.payments.services.checkout import request_payment
from subscriptions.collection.selectors import objected_to
from subscriptions.collection.services import announcing, paying_back
from subscriptions.domain.ledger import SMALL_DIFFERENCE
from subscriptions.domain.states import InvoiceKind, InvoiceState
from subscriptions.ledger.selectors import (
    is_collected,
    money_on_its_way,
    owed_on,
    paid_with_orders,
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
    """Timer, business time; called with no transaction open. A bill at a time, each once; one that
    can't be collected holds up no other, and is tried again.

    Raises:
        CollectingFailed: some of them can't.
    """
    failed = []
    for invoice_id in payload["ids"]:
        try:
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

    Once: what is declined stays open; a rest too small to be charged is given up. A debit is
    announced first, and looked at again on its day.
    """
    invoice = _locked(invoice_id)
    if invoice.kind == InvoiceKind.CREDIT_NOTE:
        if not paying_back.settle(invoice):
            _look_again(invoice)
        return
    if money_on_its_way(invoice):
        return
    ledger.use_credit(invoice)
    owed, method = owed_on(invoice), _method_for(invoice)
    if owed < LEAST:
        if is_collected(invoice):
            ledger.write_off(invoice, cause="too-small")
        return
    if method is None:
        return
    notice = announcing.announce(invoice, method, amount=owed) if method.is_debit else None
    day = _day_of(invoice, notice)
    if day > business_today():
        arm([(day, invoice.pk)])
        return
    request_charge(
        key=f"{invoice.number}/charge/1",
        party_id=invoice.account.party_id,
        amount=min(owed, Money(notice.amount, owed.currency)) if notice else owed,
        reference=invoice.number or "",
        purpose=PURPOSE,
        method=method,
    )


def _method_for(invoice: Invoice) -> Saved | None:
    """What pays for it; None where nothing is charged: it is paid with its order or by transfer, or
    its payer has objected."""
    party_id = invoice.account.party_id
    if objected_to([invoice.pk]):
        return None
    if is_collected(invoice):
        return chosen_method(party_id)
    if invoice.kind == InvoiceKind.CREDIT_NOTE or paid_with_orders([invoice.key]):
        return None
    return chosen_method(party_id, for_bills=True)


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
    owed = owed_on(invoice)
    if owed < LEAST:
        raise RuleViolated("There is nothing left to pay on this bill.", code="nothing_to_pay")
    known = payments_of(number)
    if money_on_its_way(invoice) or any(each.is_reserved for each in known):
        raise Conflict("This bill is just being paid.", code="payment_under_way")
    for each in known:
        if each.is_open and each.amount == owed:
            return each.key
    key = f"{number}/pay/{len(known) + 1}"
    whom = reach(party_id)
    request_payment(
        key=key,
        amount=owed,
        party_id=party_id,
        reference=number,
        lines=(PayLine(label, owed),),
        email=whom.email,
        language=whom.language,
        success_url=back,
        cancel_url=back,
        purpose=PURPOSE,
    )
    return key


@transaction.atomic
def take(*, key: str) -> None:
    """The card of one who pays by hand is authorised: take the money, or let it go if the bill was
    paid meanwhile. May be repeated, and come late: nothing is done once it is over."""
    paid = payment(key)
    invoice = Invoice.objects.filter(number=paid.reference).first()
    if paid.purpose != PURPOSE or invoice is None or not paid.is_reserved:
        return
    invoice = _locked(invoice.pk)
    if money_on_its_way(invoice, but=key) or owed_on(invoice) < paid.amount:
        effects.cancel(key=key)
    else:
        effects.capture(key=key)


def _look_again(note: Invoice) -> None:
    """Once it is known what became of the payment that the credit note waits for: a card's is soon,
    banks take days for a debit."""
    numbers = Invoice.objects.filter(account=note.account_id).values_list("number", flat=True)
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
        Invoice.objects.filter(number=number, account__party_id=party_id, state=InvoiceState.ISSUED)
        .select_related("account")
        .first()
    )
    if found is None or not is_collected(found):
        raise NotFound("There is no such bill.", code="unknown_bill")
    return _locked(found.pk)


def _locked(invoice_id: int) -> Invoice:
    """The bill with its account, which stays locked: nothing else pays for it meanwhile."""
    invoice = Invoice.objects.get(pk=invoice_id)
    invoice.account = BillingAccount.objects.select_for_update(no_key=True).get(
        pk=invoice.account_id
    )
    return invoice
