"""What the ledger answers: open amounts, balances, and its rows for operators."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import (
    Case,
    DecimalField,
    F,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Concat

from commerce.accounts.kinds import Segment
from commerce.kernel.clock import PARIS
from commerce.kernel.money import Money
from commerce.payments.selectors import (
    PaymentView,
    asked_for,
    coming_in,
    payments_of,
    taken_back,
)
from subscriptions.domain.ledger import (
    LINK_REFERENCE,
    PART,
    Balance,
    Book,
    TransferKind,
    TransferView,
)
from subscriptions.domain.states import InvoiceKind, InvoiceState
from subscriptions.models import BillingAccount, Invoice, PayLink, Transfer

NOTHING = Decimal(0)
BANK_REFERENCE = "bank/"
"""How the references of transfers begin that are for the next bill (`BankShare.key`)."""
ORDER_KEY = "order:"
"""How the keys of bills begin that are made of an order, before its number."""
COMMISSION_KEY = "commission:"
"""How the keys of our invoices to merchants begin, before his code and the month."""


def owed_by(account_id: int) -> Q:
    """The bills and credit notes that are the account's to pay, or to use: whoever they are made
    out to."""
    return Q(payer=account_id) | Q(payer__isnull=True, account=account_id)


def owed_by_party(party_id: int, *, of: str = "") -> Q:
    """As above, of all that the party has to pay; `of` leads to the bills, as `invoice__`."""
    return Q(**{f"{of}payer__party": party_id}) | Q(
        **{f"{of}payer__isnull": True, f"{of}account__party": party_id}
    )


def owing_accounts(bills: QuerySet[Invoice]) -> QuerySet[Invoice, int]:
    """Which accounts have to pay the bills, by id."""
    payers = bills.annotate(payer_or_own=Coalesce("payer_id", "account_id"))
    return payers.values_list("payer_or_own", flat=True)


def debited(book: Book) -> Coalesce:
    """What was debited to the book less what was credited; an aggregate over transfers."""
    return Coalesce(
        Sum(Case(When(debit=book, then=F("amount")), When(credit=book, then=-F("amount")))),
        NOTHING,
        output_field=DecimalField(max_digits=14, decimal_places=2),
    )


def open_amount() -> Coalesce:
    """Annotates invoices with what is still to pay on them."""
    return _of_invoice(Book.RECEIVABLE)


def deferred_amount() -> Coalesce:
    """Annotates invoices with what of them is paid in parts and not due yet."""
    return _of_invoice(Book.DEFERRED)


def _of_invoice(book: Book) -> Coalesce:
    of_invoice = Transfer.objects.filter(invoice=OuterRef("pk")).order_by()
    summed = of_invoice.values("invoice").annotate(owed=debited(book)).values("owed")
    return Coalesce(
        Subquery(summed),
        NOTHING,
        output_field=DecimalField(max_digits=14, decimal_places=2),
    )


def owed_on(invoice: Invoice) -> Money:
    """What is still to pay on one bill; never below zero but for one that claims less than that."""
    return _sum(invoice.transfers.all(), Book.RECEIVABLE, currency=invoice.currency)


def paid_in_money(invoice: Invoice) -> Money:
    """What money paid of one bill: credit notes, and what was written off, left out.

    What a note pays is named by both numbers; its reference may be that of an order.
    """
    notes = Invoice.objects.filter(
        owed_by(invoice.owing_id), kind=InvoiceKind.CREDIT_NOTE, number__isnull=False
    )
    by_notes = notes.annotate(pays=Concat(Value(f"{invoice.number}/"), F("number")))
    paid = invoice.transfers.filter(kind=TransferKind.ALLOCATION).exclude(
        key__in=by_notes.values("pays")
    )
    return -_sum(paid, Book.RECEIVABLE, currency=invoice.currency)


def links_naming(numbers: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """The references of the links that name bills, by these bills' numbers; one query."""
    rows = PayLink.objects.filter(bills__number__in=list(numbers)).order_by("pk")
    found: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
    for link, number in rows.values_list("pk", "bills__number"):
        found[number or ""] |= {f"{LINK_REFERENCE}{link}"}
    return found


def payments_of_bill(number: str) -> tuple[PaymentView, ...]:
    """All payments for the bill, by a link too; those under its own number first."""
    return tuple(each for name in _references(number) for each in payments_of(name))


def _references(number: str) -> tuple[str, ...]:
    """Under which money pays for the bill: its number, and links that name it."""
    return (number, *sorted(links_naming([number])[number]))


def bills_under(account: BillingAccount, reference: str) -> tuple[Invoice, ...]:
    """The issued bills that money under `reference` pays for: that of an order, the one of the
    number, or those of a link, the first due first."""
    named = Q(key=f"{ORDER_KEY}{reference}") | Q(number=reference)
    if reference.startswith(LINK_REFERENCE):
        named = Q(pay_links=int(reference.removeprefix(LINK_REFERENCE)))
    found = Invoice.objects.filter(named, owed_by(account.pk), state=InvoiceState.ISSUED)
    return tuple(found.order_by("due_on", "pk"))


def open_bills(account: BillingAccount) -> tuple[Invoice, ...]:
    """The issued bills on which something is open, the first due first."""
    issued = Invoice.objects.filter(owed_by(account.pk), state=InvoiceState.ISSUED)
    owed = issued.exclude(kind=InvoiceKind.CREDIT_NOTE).annotate(owed=open_amount())
    rows = owed.filter(owed__gt=0).select_related("account", "payer")
    return tuple(rows.order_by("due_on", "pk"))


def money_on_its_way(invoice: Invoice, *, but: str = "") -> bool:
    """Whether a payment for the bill is being taken, or was and is not entered yet; `but` for one
    payment's key. The caller has locked the account, so that nothing is entered meanwhile."""
    return paid_for_just_now(*_references(invoice.number or ""), but=but)


def paid_for_just_now(*references: str, but: str = "") -> bool:
    """As above, of all that is paid under these references."""
    # First: what is taken meanwhile is found among those that are.
    coming = [key for name in references for key in coming_in(name)]
    taken = [each.key for name in references for each in payments_of(name) if each.is_taken]
    entered = Transfer.objects.filter(key__in=[f"payment/{key}" for key in taken])
    known = {key.removeprefix("payment/") for key in entered.values_list("key", flat=True)}
    return bool({*coming, *taken} - known - {but})


def paid_with_orders(keys: Iterable[str]) -> frozenset[str]:
    """Of bills, by their keys, those that are paid with the order that they are for: a payment was
    asked for it. What is owed later, for leaving or for wear, is a bill like those of the months;
    so is one whose payment a bank has taken back for good, or of which a later part fell due.
    """
    orders = {key: key.removeprefix(ORDER_KEY) for key in keys if key.startswith(ORDER_KEY)}
    asked = asked_for(orders.values()) if orders else frozenset()
    left = asked - taken_back(asked) - _due_in_parts(asked) if asked else asked
    return frozenset(key for key, order in orders.items() if order in left)


def _due_in_parts(orders: Iterable[str]) -> frozenset[str]:
    """Of orders, those of whose bills a part that was put off has fallen due."""
    fell = Transfer.objects.filter(
        reference__in=list(orders), kind=TransferKind.INSTALMENT, debit=Book.RECEIVABLE
    )
    return frozenset(fell.values_list("reference", flat=True))


def deferred_on(invoice: Invoice) -> Money:
    """What of the bill is paid in parts and not due yet."""
    return _sum(invoice.transfers.all(), Book.DEFERRED, currency=invoice.currency)


def parts_due(invoice: Invoice) -> tuple[tuple[date, Money], ...]:
    """The parts of the bill that fell due after the first one, each on its day, the latest first;
    none for most bills."""
    if invoice.kind != InvoiceKind.ORDER:
        return ()
    rows = invoice.transfers.filter(
        kind=TransferKind.INSTALMENT, debit=Book.RECEIVABLE, key__contains=PART
    )
    return tuple(
        (row.at.astimezone(PARIS).date(), Money(row.amount, row.currency))
        for row in rows.order_by("-pk")
    )


def is_collected(invoice: Invoice) -> bool:
    """Whether a consumer's card pays for it; what a business owes it transfers."""
    by_card = invoice.account.segment == Segment.CONSUMER
    charged = by_card and invoice.kind != InvoiceKind.CREDIT_NOTE
    return charged and not paid_with_orders([invoice.key])


def unapplied_under(account: BillingAccount, reference: str) -> Money:
    """What no bill has used of the payments and credit notes of an order or a bill.

    Below zero when money went back before its credit note was made.
    """
    found = account.transfers.filter(reference=reference)
    return -_sum(found, Book.UNAPPLIED, currency=account.currency)


def held_under(account: BillingAccount, reference: str) -> Money:
    """What is held of a deposit."""
    found = account.transfers.filter(reference=reference)
    return -_sum(found, Book.DEPOSIT, currency=account.currency)


def paid_under(invoice: Invoice, reference: str) -> Money:
    """What money and credit notes of this reference have paid of the bill."""
    found = invoice.transfers.filter(reference=reference, kind=TransferKind.ALLOCATION)
    return -_sum(found, Book.RECEIVABLE, currency=invoice.currency)


def given_up(invoice: Invoice) -> Money:
    """What was written off of the bill."""
    return _sum(invoice.transfers.all(), Book.LOSS, currency=invoice.currency)


def rests(account_id: int) -> tuple[tuple[str, Money], ...]:
    """What is left of the account's transfers to our bank, by reference, the oldest first: for no
    bill that they named, so for the next one."""
    return tuple(
        (reference, left)
        for reference, left in unapplied(account_id)
        if reference.startswith(BANK_REFERENCE)
    )


def unapplied(account_id: int) -> tuple[tuple[str, Money], ...]:
    """What is the customer's, by reference, the oldest first."""
    rows = (
        Transfer.objects.filter(account=account_id)
        .values("reference")
        .annotate(left=-debited(Book.UNAPPLIED), first=Min("pk"))
        .filter(left__gt=0)
        .order_by("first")
    )
    return tuple((row["reference"], Money(row["left"])) for row in rows)


def with_credit(account_ids: Iterable[int]) -> frozenset[int]:
    """Of accounts, those for which `unapplied` answers anything; one query."""
    rows = (
        Transfer.objects.filter(account__in=list(account_ids))
        .values("account", "reference")
        .annotate(left=-debited(Book.UNAPPLIED))
        .filter(left__gt=0)
    )
    return frozenset(rows.values_list("account", flat=True))


def balance_of(account_id: int) -> Balance:
    """One query."""
    sums = Transfer.objects.filter(account=account_id).aggregate(
        owed=debited(Book.RECEIVABLE), unapplied=debited(Book.UNAPPLIED)
    )
    return Balance(owed=Money(sums["owed"]), unapplied=-Money(sums["unapplied"]))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which transfers: of one billing account, of one order or bill by its number (also what a
    credit note of another cycle paid of it), of one kind; those before a row's id."""

    account_id: int | None = None
    named: str = ""
    kind: TransferKind | None = None
    before: int | None = None


def transfers(wanted: Wanted, *, limit: int) -> tuple[TransferView, ...]:
    """The latest first; two queries at most. For staff."""
    rows = Transfer.objects.select_related("account__party", "invoice").order_by("-pk")
    if wanted.account_id is not None:
        rows = rows.filter(account=wanted.account_id)
    if wanted.named:
        bill = Invoice.objects.filter(number=wanted.named).first()
        under = Q(reference=(bill and bill.order_number) or wanted.named)
        rows = rows.filter(under | Q(invoice=bill) if bill else under)
    if wanted.kind is not None:
        rows = rows.filter(kind=wanted.kind)
    if wanted.before is not None:
        rows = rows.filter(pk__lt=wanted.before)
    return tuple(_view(row) for row in rows[:limit])


def _view(row: Transfer) -> TransferView:
    return TransferView(
        id=row.pk,
        at=row.at,
        kind=TransferKind(row.kind),
        debit=Book(row.debit),
        credit=Book(row.credit),
        amount=Money(row.amount, row.currency),
        account_id=row.account_id,
        party_id=row.account.party_id,
        party_name=row.account.party.display_name,
        reference=row.reference,
        invoice=(row.invoice.number or "") if row.invoice else "",
        key=row.key,
    )


def _sum(rows: QuerySet[Transfer], book: Book, *, currency: str) -> Money:
    return Money(rows.aggregate(sum=debited(book))["sum"], currency)
