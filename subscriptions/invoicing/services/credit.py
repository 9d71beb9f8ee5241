"""The credit note of an order: what its bill holds of a bundle that is cancelled or came back."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from commerce.kernel.money import Money
from commerce.kernel.tax import Basis
from subscriptions.accounts.services.accounts import locked_account
from subscriptions.collection.services import instalments
from subscriptions.domain.buyers import BuyerCodes, shared
from subscriptions.domain.charges import DueLine
from subscriptions.domain.invoice import DraftLine, totals_after
from subscriptions.domain.states import InvoiceKind, LineKind
from subscriptions.invoicing.services import of_order
from subscriptions.ledger.services import ledger
from subscriptions.models import BillingAccount, Invoice, InvoiceLine


@transaction.atomic
def credit_order(
    *,
    order_number: str,
    group: str,
    party_id: int,
    segment: str,
    items: Collection[str] = (),
) -> str | None:
    """Credit the lines that the bill of an order has of `group`, or of some of its items alone; the
    credit note's number. What was credited of it before is left out.

    The issued bill stays as it is: the credit note repeats its lines with the amounts turned round.
    It pays for what of the bill is still open; the rest is the customer's until it is paid back.
    All credit notes of a bill are rounded together, so that they come to no more than it and, once
    all of it is credited, to exactly it. None when the order was not billed, or nothing of the
    bundle. May be repeated: the same number is answered.
    """
    owing = _locked_payer(order_number)
    account = locked_account(party_id=party_id, segment=segment)
    owing = owing or account
    key = "/".join([f"credit:{order_number}/{group}", *sorted(items)])
    known = Invoice.objects.filter(key=key).first()
    if known is not None:
        return known.number
    billed = InvoiceLine.objects.filter(group=group, invoice__number__isnull=False)
    rows = billed.filter(invoice__key=f"order:{order_number}")
    back = billed.filter(invoice__key__startswith=f"credit:{order_number}/{group}/")
    rows = rows.exclude(item__in=set(back.values_list("item", flat=True)))
    if items:
        rows = rows.filter(item__in=items)
    lines = _turned_round(rows.order_by("position"), currency=account.currency)
    sums = totals_after(
        _credited(order_number), lines, basis=Basis(account.basis), currency=account.currency
    )
    number = of_order.issue(
        account,
        key=key,
        kind=InvoiceKind.CREDIT_NOTE,
        lines=lines,
        sums=sums,
        order_number=order_number,
        purchase_order=shared(line.codes.purchase_order for line in lines),
    )
    if number is None:
        return None
    note = Invoice.objects.get(number=number)
    note.account = account
    if not instalments.credit(note, items={line.due.item for line in lines}):
        ledger.allocate(owing, reference=order_number, cause=number)
    return number


def _locked_payer(order_number: str) -> BillingAccount | None:
    """Of the order's bill, where another account pays it; both are locked, in the order of their
    ids."""
    billed = Invoice.objects.filter(key=f"order:{order_number}", payer__isnull=False).first()
    if billed is None:
        return None
    rows = BillingAccount.objects.select_for_update(no_key=True)
    both = rows.filter(pk__in=[billed.account_id, billed.owing_id]).order_by("pk")
    return next(row for row in both if row.pk == billed.payer_id)


def _credited(order_number: str) -> dict[Decimal, Money]:
    """What the credit notes of the order's bill hold already, by rate."""
    lines = InvoiceLine.objects.filter(invoice__key__startswith=f"credit:{order_number}/")
    by_rate = lines.order_by("tax_rate").values_list("tax_rate", "invoice__currency")
    return {rate: Money(sum_, currency) for rate, currency, sum_ in by_rate.annotate(Sum("amount"))}


WEAR = {"fr": "Dépréciation du produit rendu", "en": "Wear of what came back"}


@transaction.atomic
def bill_wear(
    *, order_number: str, group: str, party_id: int, segment: str, owed: Mapping[str, Money]
) -> str | None:
    """Bill what is owed, by line, for pieces of a credited bundle that came back worn, each at the
    tax of the piece; the bill's number, None if nothing of them had been billed. May be repeated.
    """
    account = locked_account(party_id=party_id, segment=segment)
    key = f"wear:{order_number}/{group}"
    known = Invoice.objects.filter(key=key).first()
    if known is not None:
        return known.number
    billed = InvoiceLine.objects.filter(invoice__key=f"order:{order_number}", group=group)
    rows = billed.filter(item__in=owed, benefit="", amount__gt=0).order_by("item", "position")
    pieces = _turned_round(rows.distinct("item"), currency=account.currency)
    lines = tuple(_worn(piece, amount=owed[piece.due.item]) for piece in pieces)
    return of_order.issue(account, key=key, lines=lines, order_number=order_number)


def _worn(piece: DraftLine, *, amount: Money) -> DraftLine:
    due = replace(piece.due, charge="wear", benefit=None, amount=amount)
    return replace(piece, kind=LineKind.ONE_OFF, due=due, label=WEAR, quantity=1)


def _turned_round(rows: Iterable[InvoiceLine], *, currency: str) -> tuple[DraftLine, ...]:
    return tuple(
        DraftLine(
            kind=LineKind(row.kind),
            order_number=row.order_number,
            group=row.group,
            due=DueLine(
                item=row.item,
                charge=row.charge,
                period=row.period,
                benefit=row.benefit or None,
                amount=Money(-row.amount, currency),
                tax_class=row.tax_class,
            ),
            days=None,
            label=row.label,
            quantity=row.quantity,
            tax_rate=row.tax_rate,
            codes=BuyerCodes(row.cost_centre, row.purchase_order),
        )
        for row in rows
    )
