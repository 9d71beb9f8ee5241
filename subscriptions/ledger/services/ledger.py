"""The ledger is written here alone: one row for each transfer, each entered once."""

from collections.abc import Sequence
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import QuerySet, Sum

from commerce.accounts.kinds import Segment
from commerce.accounts.selectors import party
from commerce.kernel.clock import business_now
from commerce.kernel.money import Money, total
from commerce.payments.selectors import PaymentView, payments_of, refunds_of
from commerce.payments.services import effects
from subscriptions.accounts.services.accounts import locked_account
from subscriptions.domain.carrier import COLLECTED
from subscriptions.domain.ledger import (
    DEPOSIT_REFERENCE,
    PAY_OFF,
    SMALL_DIFFERENCE,
    Book,
    TransferKind,
    allocated,
)
from subscriptions.domain.states import InvoiceKind, InvoiceState
from subscriptions.dunning.services import dunning_clock
from subscriptions.einvoicing.services import einvoicing
from subscriptions.ledger.selectors import (
    BANK_REFERENCE,
    bills_under,
    deferred_on,
    given_up,
    held_under,
    open_bills,
    owed_by,
    owed_on,
    paid_under,
    parts_due,
    unapplied,
    unapplied_under,
)
from subscriptions.models import BillingAccount, Deposit, Invoice, Transfer

# Amounts of both signs: a negative one goes the other way. What was prepaid is taken off again, and
# what is collected for others is no revenue.
_ENTER_ISSUED = """
INSERT INTO subscriptions_transfer
       (at, kind, debit, credit, amount, currency, account_id, invoice_id, reference, key)
SELECT %(at)s, CASE part.book WHEN 'unapplied' THEN 'allocation'
                              ELSE CASE invoice.kind WHEN 'credit_note' THEN 'credit_note'
                                                     ELSE 'invoice' END END,
       CASE WHEN part.amount > 0 THEN owing.book ELSE part.book END,
       CASE WHEN part.amount > 0 THEN part.book ELSE owing.book END,
       abs(part.amount), invoice.currency, coalesce(invoice.payer_id, invoice.account_id),
       invoice.id,
       coalesce(nullif(invoice.order_number, ''), invoice.number),
       invoice.number || '/' || part.book
  FROM subscriptions_invoice AS invoice,
       LATERAL (SELECT CASE invoice.kind WHEN 'credit_note' THEN 'unapplied'
                                         ELSE 'receivable' END) AS owing (book),
       LATERAL (SELECT coalesce(sum(line.amount), 0)
                  FROM subscriptions_invoiceline AS line
                 WHERE line.invoice_id = invoice.id AND line.tax_class = %(collected)s
                   AND line.kind = 'third') AS others (amount),
       LATERAL (VALUES ('revenue', invoice.net - others.amount), ('vat', invoice.tax_total),
                       ('collected', others.amount),
                       ('unapplied', -invoice.prepaid)) AS part (book, amount)
 WHERE invoice.id = ANY(%(ids)s) AND part.amount <> 0
 ORDER BY invoice.id
"""


def enter_issued(invoice_ids: Sequence[int]) -> None:
    """What the bills claim and the credit notes give back, in the transaction of their issue; one
    statement, whatever their number."""
    with connection.cursor() as cursor:
        cursor.execute(
            _ENTER_ISSUED,
            {"ids": list(invoice_ids), "at": business_now(), "collected": COLLECTED},
        )


@transaction.atomic
def enter_payment(*, key: str, party_id: int, reference: str, amount: Money) -> None:
    """Money that the provider took for us: it pays for the bill that `reference` names, at once or
    when that is issued. What a bill does not need any more, as it was paid in another way while a
    debit was on its way, goes back; so does what comes for a deposit after that was settled, less
    what the account owes. May be repeated."""
    account = locked_account(party_id=party_id, segment=party(party_id).segment)
    entered = _enter(
        account,
        kind=TransferKind.PAYMENT,
        moved=(Book.PROVIDER, Book.UNAPPLIED),
        amount=amount,
        reference=reference,
        key=f"payment/{key}",
    )
    if entered:
        late = is_settled_deposit(reference)
        if PAY_OFF in key:
            _pay_off(account, reference=reference, cause=key)
        bills = _bills_for(account, reference)
        _pay_for(account, bills, reference=reference, cause=key)
        _hold(account, reference=reference, cause=key)
        _pay_surplus_back(account, bills, key=key, reference=reference, taken=amount, late=late)


def _pay_surplus_back(
    account: BillingAccount,
    paid_for: Sequence[Invoice],
    *,
    key: str,
    reference: str,
    taken: Money,
    late: bool,
) -> None:
    """Not of an order, whose bill is still to come; `late`: all that is left of a deposit."""
    bills = [bill for bill in paid_for if bill.order_number != reference]
    paid = next((each for each in payments_of(reference) if each.key == key), None)
    if not (bills or late) or paid is None or not paid.is_taken:
        return
    allocations = account.transfers.filter(key__in=[f"{bill.number}/{key}" for bill in bills])
    used = allocations.aggregate(sum=Sum("amount"))["sum"]
    left = min(
        taken - Money(used or Decimal(0), taken.currency), unapplied_under(account, reference)
    )
    if left.amount > 0:
        effects.refund(key=key, amount=left, sequence=len(refunds_of(key)) + 1)


@transaction.atomic
def enter_refund(*, key: str, sequence: int, party_id: int, reference: str, amount: Money) -> None:
    """Money that the provider paid back for us. May be repeated."""
    account = locked_account(party_id=party_id, segment=party(party_id).segment)
    _enter(
        account,
        kind=TransferKind.REFUND,
        moved=(Book.UNAPPLIED, Book.PROVIDER),
        amount=amount,
        reference=reference,
        key=f"refund/{key}/{sequence}",
    )


def enter_transfer(
    account: BillingAccount,
    *,
    key: str,
    reference: str,
    amount: Money,
    kind: TransferKind = TransferKind.PAYMENT,
) -> None:
    """Money that came to our bank account: it pays for the bill that `reference` names, but for a
    rest too small to be asked for. Once by its key; the caller has locked the account."""
    entered = _enter(
        account,
        kind=kind,
        moved=(Book.BANK, Book.UNAPPLIED),
        amount=amount,
        reference=reference,
        key=key,
    )
    if entered:
        allocate(account, reference=reference, cause=key)
        paid = Invoice.objects.filter(owed_by(account.pk), number=reference).first()
        if paid is not None and owed_on(paid) < SMALL_DIFFERENCE:
            write_off(paid, cause=key)


def enter_transfer_back(
    account: BillingAccount, *, key: str, reference: str, amount: Money, kind: TransferKind
) -> None:
    """Money that left our bank account, or never was this customer's: what it had paid for under
    `reference` is open again, the latest bill first. As above."""
    entered = _enter(
        account,
        kind=kind,
        moved=(Book.UNAPPLIED, Book.BANK),
        amount=amount,
        reference=reference,
        key=key,
    )
    if entered:
        _reopen(account, reference=reference, cause=key)


@transaction.atomic
def enter_dispute(
    *,
    dispute_id: str,
    party_id: int,
    reference: str,
    amount: Money,
    reinstated: bool,
    decided: bool,
) -> None:
    """The payer's bank took a payment back, so that its bill is open again; with `reinstated` it
    has given it to us again since. What stays lost once it is `decided` is asked for. May be
    repeated, and come before the payment."""
    account = locked_account(party_id=party_id, segment=party(party_id).segment)
    cause = f"dispute/{dispute_id}"
    if _enter(
        account,
        kind=TransferKind.DISPUTE,
        moved=(Book.UNAPPLIED, Book.PROVIDER),
        amount=amount,
        reference=reference,
        key=f"{cause}/withdrawn",
    ):
        _reopen(account, reference=reference, cause=cause)
        lacking = max(-unapplied_under(account, reference), Money.zero(amount.currency))
        let_go(account, reference=reference, amount=lacking, cause=cause)
    if reinstated and _enter(
        account,
        kind=TransferKind.DISPUTE,
        moved=(Book.PROVIDER, Book.UNAPPLIED),
        amount=amount,
        reference=reference,
        key=f"{cause}/reinstated",
    ):
        allocate(account, reference=reference, cause=f"{cause}/won")
        _hold(account, reference=reference, cause=f"{cause}/won")
    if decided and not reinstated:
        dunning_clock.look_tomorrow(account)


def write_off(invoice: Invoice, *, cause: str) -> None:
    """Give up what is open on the bill: it is our loss. The caller has locked the account."""
    _move_loss(invoice, owed_on(invoice), moved=(Book.LOSS, Book.RECEIVABLE), cause=cause)


def _take_up_again(invoice: Invoice, *, cause: str) -> None:
    """What was given up of the bill is asked for again."""
    moved = (Book.RECEIVABLE, Book.LOSS)
    _move_loss(invoice, given_up(invoice), moved=moved, cause=f"back/{cause}")


def _move_loss(invoice: Invoice, amount: Money, *, moved: tuple[Book, Book], cause: str) -> None:
    if amount.amount > 0:
        _enter(
            invoice.owing,
            kind=TransferKind.WRITE_OFF,
            moved=moved,
            amount=amount,
            reference=invoice.number or "",
            key=f"{invoice.number}/write_off/{cause}",
            invoice=invoice,
        )


def _reopen(account: BillingAccount, *, reference: str, cause: str) -> None:
    paid = Invoice.objects.filter(
        transfers__account=account,
        transfers__reference=reference,
        transfers__kind=TransferKind.ALLOCATION,
    )
    for invoice in paid.distinct().order_by("-pk"):
        lacking = -unapplied_under(account, reference)
        amount = allocated(owed=lacking, unapplied=paid_under(invoice, reference))
        if amount:
            _take_back(account, invoice, amount, reference=reference, cause=cause)
            _take_up_again(invoice, cause=cause)


def allocate(account: BillingAccount, *, reference: str, cause: str) -> None:
    """Let what is unapplied under `reference` pay for its bills, as far as it goes; where that is
    a settled deposit, for all that are open.

    Once for each `cause`, the key of what made it possible. The caller has locked the account.
    """
    _pay_for(account, _bills_for(account, reference), reference=reference, cause=cause)


def _bills_for(account: BillingAccount, reference: str) -> Sequence[Invoice]:
    if is_settled_deposit(reference):
        return open_bills(account)
    return bills_under(account, reference)


def _pay_for(
    account: BillingAccount, bills: Sequence[Invoice], *, reference: str, cause: str
) -> None:
    for invoice in bills:
        amount = allocated(owed=owed_on(invoice), unapplied=unapplied_under(account, reference))
        if amount:
            _pay(account, invoice, amount, reference=reference, cause=cause)


def is_settled_deposit(reference: str) -> bool:
    """Whether it names a deposit that was used or given back: nothing is held under it any more."""
    if not reference.startswith(DEPOSIT_REFERENCE):
        return False
    number = int(reference.removeprefix(DEPOSIT_REFERENCE))
    return Deposit.objects.filter(pk=number, settled_at__isnull=False).exists()


def _hold(account: BillingAccount, *, reference: str, cause: str) -> None:
    """What came for a deposit is held, unless that was settled already."""
    amount = unapplied_under(account, reference)
    held = reference.startswith(DEPOSIT_REFERENCE) and not is_settled_deposit(reference)
    if held and amount.amount > 0:
        _enter(
            account,
            kind=TransferKind.DEPOSIT,
            moved=(Book.UNAPPLIED, Book.DEPOSIT),
            amount=amount,
            reference=reference,
            key=f"{reference}/held/{cause}",
        )


def let_go(account: BillingAccount, *, reference: str, amount: Money, cause: str) -> None:
    """As much of a deposit is held no more: it may pay for bills, or go back. Once for each
    `cause`; the caller has locked the account."""
    freed = min(amount, held_under(account, reference))
    if freed.amount > 0:
        _enter(
            account,
            kind=TransferKind.DEPOSIT,
            moved=(Book.DEPOSIT, Book.UNAPPLIED),
            amount=freed,
            reference=reference,
            key=f"{reference}/let_go/{cause}",
        )


def set_off(invoice: Invoice) -> None:
    """What our invoice to a merchant claims is taken off what we owe him, what a credit note gives
    back is added to it; his books say the same. Once, in the transaction of its issue; the caller
    has locked the account."""
    moved = (Book.MERCHANTS, Book.UNAPPLIED)
    _enter(
        invoice.account,
        kind=TransferKind.SET_OFF,
        moved=moved if invoice.gross > 0 else moved[::-1],
        amount=Money(abs(invoice.gross), invoice.currency),
        reference=invoice.number or "",
        key=f"set-off/{invoice.number}",
        invoice=invoice,
    )


def put_off(invoice: Invoice, *, amount: Money) -> None:
    """As much of the bill of an order is paid in parts, later; once. The caller has locked the
    account."""
    _enter(
        invoice.account,
        kind=TransferKind.INSTALMENT,
        moved=(Book.DEFERRED, Book.RECEIVABLE),
        amount=amount,
        reference=invoice.order_number,
        key=f"{invoice.number}/deferred",
        invoice=invoice,
    )


def fall_due(invoice: Invoice, *, amount: Money, cause: str) -> Money:
    """As much of what was put off of the bill falls due, as far as it goes: how much that is. Once
    for each `cause`; the caller has locked the account."""
    due = min(amount, deferred_on(invoice))
    if due.amount <= 0:
        return Money.zero(invoice.currency)
    entered = _enter(
        invoice.account,
        kind=TransferKind.INSTALMENT,
        moved=(Book.RECEIVABLE, Book.DEFERRED),
        amount=due,
        reference=invoice.order_number,
        key=f"{invoice.number}/{cause}",
        invoice=invoice,
    )
    return due if entered else Money.zero(invoice.currency)


def _pay_off(account: BillingAccount, *, reference: str, cause: str) -> None:
    """What was paid beyond what is due pays for what was put off."""
    for invoice in bills_under(account, reference):
        surplus = unapplied_under(account, reference) - owed_on(invoice)
        fall_due(invoice, amount=surplus, cause=f"early/{cause}")


def end_parts(invoice: Invoice, *, note: Invoice, amount: Money) -> tuple[Money, Money]:
    """A credit note of what is paid in parts ends `amount` of the later ones: what is open first,
    then what was put off; and what it gives back beside that, of a first part that is open too. How
    much the note pays so, and how much of `amount` was paid already. Once for each note; the caller
    has locked the account."""
    nothing = Money.zero(amount.currency)
    owed = max(owed_on(invoice), nothing)
    later = total((part for _, part in parts_due(invoice)), currency=amount.currency)
    first = max(owed - later, nothing)
    takes = amount + min(first, -Money(note.gross, note.currency) - amount)
    open_part = min(takes, owed)
    came = fall_due(invoice, amount=takes - open_part, cause=f"credited/{note.number}")
    return open_part + came, takes - open_part - came


def pay_less(invoice: Invoice, *, note: Invoice, amount: Money, paid: PaymentView) -> bool:
    """A payment of a part pays `amount` less of its bill, as a credit note does instead: so much is
    the customer's again, to be paid back. Once for each note and payment, else False. The caller
    has locked the account."""
    cause = f"{note.number}/{paid.key}"
    return _take_back(invoice.account, invoice, amount, reference=paid.reference, cause=cause)


def pay_by_note(invoice: Invoice, *, note: Invoice, amount: Money) -> None:
    """A credit note of an order pays `amount` of its bill; once. The caller has locked the
    account."""
    if amount:
        _pay(
            invoice.account,
            invoice,
            amount,
            reference=invoice.order_number,
            cause=note.number or "",
        )


def pay_from(reference: str, invoice: Invoice) -> None:
    """What is unapplied under `reference` pays for the bill, as far as it goes; once. The caller
    has locked the account."""
    account = invoice.owing
    amount = allocated(owed=owed_on(invoice), unapplied=unapplied_under(account, reference))
    if amount:
        _pay(account, invoice, amount, reference=reference, cause=reference)


def use_credit(invoice: Invoice) -> None:
    """Let the account's credit notes of earlier cycles pay for the bill, the oldest first, then
    what is left of its transfers.

    What stands under an order is left alone: it goes back to the card that paid. The caller has
    locked the account.
    """
    account = invoice.owing
    credit = dict(unapplied(account.pk))
    if not credit:
        return
    notes = cycle_notes(account).filter(number__in=credit).values_list("number", flat=True)
    moneys = [reference for reference in credit if reference.startswith(BANK_REFERENCE)]
    for reference in (*filter(None, notes), *moneys):
        amount = allocated(owed=owed_on(invoice), unapplied=credit[reference])
        if amount:
            _pay(account, invoice, amount, reference=reference, cause=reference)


def cycle_notes(account: BillingAccount) -> QuerySet[Invoice]:
    """The credit notes of cycles that are the account's, the oldest first."""
    return Invoice.objects.filter(
        owed_by(account.pk),
        kind=InvoiceKind.CREDIT_NOTE,
        state=InvoiceState.ISSUED,
        order_number="",
    ).order_by("pk")


def free(invoice: Invoice, *, note: Invoice, amount: Money, reference: str) -> bool:
    """Let the credit note pay for the bill instead of the money that did, under `reference`: as
    much of that is the customer's again, to be paid back. Once for each note and bill, else False.
    The caller has locked the account."""
    account, note_number = invoice.owing, note.number or ""
    freed = _take_back(account, invoice, amount, reference=reference, cause=note_number)
    if freed:
        _pay(account, invoice, amount, reference=note_number, cause=note_number)
    return freed


def _pay(
    account: BillingAccount, invoice: Invoice, amount: Money, *, reference: str, cause: str
) -> None:
    """What is unapplied under `reference` pays for the bill; once for each `cause`."""
    _enter(
        account,
        kind=TransferKind.ALLOCATION,
        moved=(Book.UNAPPLIED, Book.RECEIVABLE),
        amount=amount,
        reference=reference,
        key=f"{invoice.number}/{cause}",
        invoice=invoice,
    )


def _take_back(
    account: BillingAccount, invoice: Invoice, amount: Money, *, reference: str, cause: str
) -> bool:
    """It pays for the bill no longer."""
    return _enter(
        account,
        kind=TransferKind.ALLOCATION,
        moved=(Book.RECEIVABLE, Book.UNAPPLIED),
        amount=amount,
        reference=reference,
        key=f"{invoice.number}/back/{cause}",
        invoice=invoice,
    )


def _enter(
    account: BillingAccount,
    *,
    kind: TransferKind,
    moved: tuple[Book, Book],
    amount: Money,
    reference: str,
    key: str,
    invoice: Invoice | None = None,
) -> bool:
    """`moved`: debited, credited. False if it was entered before; the account is locked."""
    if Transfer.objects.filter(key=key).exists():
        return False
    debit, credit = moved
    Transfer.objects.create(
        at=business_now(),
        kind=kind,
        debit=debit,
        credit=credit,
        amount=amount.amount,
        currency=amount.currency,
        account=account,
        invoice=invoice,
        reference=reference,
        key=key,
    )
    if credit is Book.RECEIVABLE:
        dunning_clock.look_soon(account)
    elif debit is Book.RECEIVABLE:
        dunning_clock.look_tomorrow(account)
    pays = kind is TransferKind.ALLOCATION and credit is Book.RECEIVABLE
    if invoice is not None and pays and account.segment == Segment.BUSINESS:
        einvoicing.note_money(invoice)
    return True
