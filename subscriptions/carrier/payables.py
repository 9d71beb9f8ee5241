"""What is read of the merchants' books: what is payable to each, and the closed months; operators
read all, a merchant his own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import QuerySet

from commerce.kernel.clock import PARIS
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money
from subscriptions.carrier.models import Merchant, MerchantSettlement
from subscriptions.carrier.services.settling import payable_to
from subscriptions.domain.carrier import Selling
from subscriptions.invoicing.files import Form, InvoiceFile, invoice_file


@dataclass(frozen=True, slots=True)
class ClosedMonth:
    """A merchant's month that was closed; `paid_at` and `reference` once it was paid out. `invoice`
    is the number of that of our commission, empty where there is none."""

    due: Money
    closed_at: datetime
    paid_at: datetime | None
    reference: str
    invoice: str

    @property
    def days(self) -> tuple[str, str]:
        """On which it was closed and paid (in Paris), the second empty while it is not."""
        paid = f"{self.paid_at.astimezone(PARIS):%Y-%m-%d}" if self.paid_at else ""
        return f"{self.closed_at.astimezone(PARIS):%Y-%m-%d}", paid


@dataclass(frozen=True, slots=True)
class Statement:
    """A merchant's month as it was closed, by its first day. What was `sold` and `given_back` holds
    tax, `net` is what is left of both without it; `commission` and its tax are ours where he sells
    in his own name, else zero, and `invoice` the number of the document that claims both, empty
    where there is none. Below zero he owes what is `due`."""

    month: date
    code: str
    name: str
    selling: Selling
    purchases: int
    sold: Money
    given_back: Money
    net: Money
    fees: Money
    commission: Money
    commission_tax: Money
    due: Money
    closed_at: datetime
    paid_at: datetime | None
    reference: str
    invoice: str


@dataclass(frozen=True, slots=True)
class Payable:
    """What we owe a merchant for his closed months (below zero he owes us), and how many of them
    are not paid."""

    code: str
    name: str
    owed: Money
    months: int


def settled(month: date) -> Mapping[str, ClosedMonth]:
    """The closed statements of a month (by its first day), by the merchants' codes."""
    rows = MerchantSettlement.objects.filter(month=month).select_related("merchant", "invoice")
    return {
        row.merchant.code: ClosedMonth(
            Money(row.due), row.closed_at, row.paid_at, row.reference, _invoice(row)
        )
        for row in rows
    }


def statements_to(party_id: int) -> tuple[Statement, ...]:
    """A merchant's own closed months, the newest first."""
    return tuple(_statement(row) for row in _of(party_id).order_by("-month"))


def statement_to(party_id: int, month: date) -> Statement:
    """Raises NotFound `unknown_statement`: it is not closed (yet), or he did nothing in it."""
    row = _of(party_id).filter(month=month).first()
    if row is None:
        raise NotFound("That month is not closed.", code="unknown_statement")
    return _statement(row)


def commission_file(
    statement: Statement, party_id: int, *, form: Form, language: str
) -> InvoiceFile:
    """The invoice of our commission of a merchant's closed month, or the credit note.

    Raises:
        NotFound: `unknown_bill`: there was no commission in that month.
        Unknown: paper can't be made on this machine.
    """
    return invoice_file(party_id, statement.invoice, form=form, language=language)


def merchant_party(code: str) -> int:
    """Raises NotFound `unknown_merchant`."""
    found = Merchant.objects.filter(code=code).values_list("party", flat=True).first()
    if found is None:
        raise NotFound("There is no such merchant.", code="unknown_merchant")
    return found


def _of(party_id: int) -> "QuerySet[MerchantSettlement]":
    rows = MerchantSettlement.objects.filter(merchant__party_id=party_id)
    return rows.select_related("merchant", "invoice")


def _invoice(row: MerchantSettlement) -> str:
    return (row.invoice.number or "") if row.invoice else ""


def _statement(row: MerchantSettlement) -> Statement:
    return Statement(
        month=row.month,
        code=row.merchant.code,
        name=row.merchant.name,
        selling=Selling(row.merchant.selling),
        purchases=row.purchases,
        sold=Money(row.sold),
        given_back=Money(row.given_back),
        net=Money(row.net),
        fees=Money(row.fees),
        commission=Money(row.commission),
        commission_tax=Money(row.commission_tax),
        due=Money(row.due),
        closed_at=row.closed_at,
        paid_at=row.paid_at,
        reference=row.reference,
        invoice=_invoice(row),
    )


def payables() -> tuple[Payable, ...]:
    """Of all merchants with closed months that are not paid, by their names."""
    found = []
    for row in Merchant.objects.filter(settlements__paid_at=None).distinct().order_by("name", "pk"):
        months = row.settlements.filter(paid_at=None).count()
        if months:
            found.append(Payable(row.code, row.name, payable_to(row.pk), months))
    return tuple(found)
