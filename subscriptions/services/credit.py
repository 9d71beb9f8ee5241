"""The credit note of an order: what its bill holds of a bundle that is cancelled."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from django.db import transaction

from commerce.kernel.clock import business_today
from commerce.kernel.money import Money
from commerce.kernel.tax import Basis
from subscriptions.domain.charges import DueLine
from subscriptions.domain.invoice import DraftLine, totals
from subscriptions.domain.states import InvoiceKind, LineKind
from subscriptions.models import Invoice, InvoiceLine
from subscriptions.services import drafting, issuing, ledger
from subscriptions.services.accounts import locked_account


@transaction.atomic
def credit_order(
    *,
    order_number: str,
    group: str,
    party_id: int,
    segment: str,
    items: Collection[str] = (),
    kept: Mapping[str, Money] | None = None,
) -> str | None:
    """Credit the lines that the bill of an order has of `group`, or of some of its items alone; the
    credit note's number. What was credited of it before is left out.

    The issued bill stays as it is: the credit note repeats its lines with the amounts turned round.
    It pays for what of the bill is still open; the rest is the customer's until it is paid back.
    `kept` are amounts by line that are not given back, for pieces that came back worn: a line of
    their own beside. None when the order was not billed, or nothing of the bundle. May be
    repeated: the same number is answered.
    """
    account = locked_account(party_id=party_id, segment=segment)
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
    if not lines:
        return None
    lines += tuple(_kept(amount, line, lines) for line, amount in (kept or {}).items() if amount)
    draft = drafting.Draft(
        account=account,
        key=key,
        kind=InvoiceKind.CREDIT_NOTE,
        lines=lines,
        totals=totals(lines, basis=Basis(account.basis), currency=account.currency),
        order_number=order_number,
    )
    on = business_today()
    (number,) = issuing.issue(drafting.write([draft], on=on), on=on)
    ledger.allocate(account, reference=order_number, cause=number)
    return number


WEAR = {"fr": "Dépréciation du produit rendu", "en": "Wear of what came back"}


def _kept(amount: Money, line: str, lines: tuple[DraftLine, ...]) -> DraftLine:
    """Beside the line of the piece, at its tax."""
    back = next((each for each in lines if each.due.item == line), lines[0])
    due = replace(back.due, charge="wear", benefit=None, amount=amount)
    return replace(back, kind=LineKind.ONE_OFF, due=due, label=WEAR, quantity=1)


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
        )
        for row in rows
    )
