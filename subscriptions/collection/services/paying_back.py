"""What credit notes of a cycle give back: to open bills, to the next one, or to the card."""

from commerce.kernel.money import Money, total
from commerce.payments.selectors import PaymentView, refunds_of, was_taken_back
from commerce.payments.services import effects
from subscriptions.domain.states import InvoiceKind, InvoiceState
from subscriptions.invoicing.services.drafting import BILLED_STATUSES
from subscriptions.ledger.selectors import (
    money_on_its_way,
    open_amount,
    owed_by,
    paid_under,
    payments_of_bill,
    unapplied_under,
)
from subscriptions.ledger.services import ledger
from subscriptions.models import Invoice, Subscription

WITHDRAWN = "last:"
"""Begins the key of the bill of a contract that was withdrawn from (`last_bill`)."""


def settle(note: Invoice) -> bool:
    """Let the credit note pay for the account's open bills; pay the rest back to the cards that
    paid its bills if no bill is to come, or if it is for a withdrawal, which may not wait for one.

    The account is locked. May be repeated; False: it has to be, because an open bill is being paid
    just now. What no card can take stays the customer's.
    """
    recurring = Invoice.objects.filter(
        owed_by(note.owing_id), kind=InvoiceKind.RECURRING, state=InvoiceState.ISSUED
    )
    unpaid = recurring.annotate(open=open_amount()).filter(open__gt=0)
    being_paid = False
    for open_bill in unpaid.select_related("account", "payer").order_by("pk"):
        if money_on_its_way(open_bill):
            being_paid = True
        else:
            ledger.use_credit(open_bill)
    for each in _paid_back_now(note):
        for bill in recurring.select_related("account", "payer").order_by("-pk"):
            _pay_back(bill, note=each)
    return not being_paid or not unapplied_under(note.owing, note.number or "")


def _paid_back_now(note: Invoice) -> tuple[Invoice, ...]:
    """With the last note also what earlier ones, which waited for a next bill, have left."""
    billed = {note.account_id, note.owing_id}
    goes_on = Subscription.objects.filter(account__in=billed, status__in=BILLED_STATUSES)
    if not goes_on.exists():
        return tuple(ledger.cycle_notes(note.owing))
    return (note,) if note.key.startswith(WITHDRAWN) else ()


def _pay_back(bill: Invoice, *, note: Invoice) -> None:
    """As much of the note as the card paid for the bill."""
    for paid in payments_of_bill(bill.number or ""):
        left = unapplied_under(note.owing, note.number or "")
        amount = min(left, _refundable(paid), paid_under(bill, paid.reference))
        if amount.amount <= 0 or money_on_its_way(bill):
            continue
        if ledger.free(bill, note=note, amount=amount, reference=paid.reference):
            sequence = len(refunds_of(paid.key)) + 1
            effects.refund(key=paid.key, amount=amount, sequence=sequence)


def _refundable(paid: PaymentView) -> Money:
    if not paid.is_taken or was_taken_back(paid.key):
        return Money.zero(paid.amount.currency)
    return paid.amount - total(refunds_of(paid.key), currency=paid.amount.currency)
