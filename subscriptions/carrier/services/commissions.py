"""Our commission, invoiced to the merchants who sell in their own name (art. 289 CGI): a document
like other firms' bills, of a series of its own, settled at once by what we owe him."""

from datetime import date

from commerce.accounts.kinds import Segment
from commerce.kernel.clock import business_today
from commerce.kernel.errors import RuleViolated
from commerce.kernel.money import Money
from commerce.kernel.periods import Period, add_months
from commerce.kernel.tax import Basis
from subscriptions.accounts.services.accounts import locked_account
from subscriptions.carrier.models import Merchant
from subscriptions.carrier.statements import COMMISSION, MerchantStatement
from subscriptions.domain.carrier import commission_label, fees_label
from subscriptions.domain.charges import DueLine
from subscriptions.domain.invoice import DraftLine, totals
from subscriptions.domain.states import InvoiceKind, LineKind
from subscriptions.invoicing.services import drafting, issuing
from subscriptions.ledger.selectors import COMMISSION_KEY
from subscriptions.ledger.services import ledger
from subscriptions.models import Invoice

SET_OFF = "SET_OFF"
"""The mention that says how it is settled."""


def waits_for_another(told: MerchantStatement) -> bool:
    """Whether our commission goes back, and the month in which it was invoiced is not closed yet: a
    credit note names an invoice (BR-FR-CO-05)."""
    invoiced = Invoice.objects.filter(
        key__startswith=f"{COMMISSION_KEY}{told.code}:", kind=InvoiceKind.ORDER
    )
    return told.commission.amount < 0 and not invoiced.exists()


def invoice(told: MerchantStatement, month: date) -> Invoice | None:
    """The invoice of the commission of a month (by its first day) that is being closed, a credit
    note where more of it goes back than is due; None where there is none. It is the statement's to
    the cent. In the transaction of the closing.

    Raises:
        RuleViolated: `commission_differs`: it is not.
    """
    if not told.commission:
        return None
    merchant = Merchant.objects.get(pk=told.merchant_id)
    account = locked_account(party_id=merchant.party_id, segment=Segment.BUSINESS)
    if account.payment_days:
        account.payment_days = 0
        account.save(update_fields=["payment_days"])
    lines = _lines(told, month)
    sums = totals(lines, basis=Basis(account.basis), currency=account.currency)
    if (sums.net, sums.tax) != (told.commission, told.tax):
        raise RuleViolated("The invoice is not the statement's.", code="commission_differs")
    draft = drafting.Draft(
        account=account,
        key=f"{COMMISSION_KEY}{told.code}:{month:%Y-%m}",
        kind=InvoiceKind.ORDER if sums.gross.amount > 0 else InvoiceKind.CREDIT_NOTE,
        lines=lines,
        totals=sums,
        period=Period(month, add_months(month, 1)),
        also=(SET_OFF,),
    )
    on = business_today()
    ids = drafting.write([draft], on=on)
    issuing.issue(ids, on=on)
    made = Invoice.objects.select_related("account").get(pk=ids[0])
    ledger.set_off(made)
    return made


def _lines(told: MerchantStatement, month: date) -> tuple[DraftLine, ...]:
    """What his share leaves us, and the fees of his purchases, as far as there are any."""
    days = Period(month, add_months(month, 1))
    found = (
        ("commission", told.commission - told.fees, 1, commission_label(told.net)),
        ("fees", told.fees, told.purchases, fees_label()),
    )
    return tuple(
        DraftLine(
            kind=LineKind.ONE_OFF,
            order_number="",
            group="",
            due=DueLine(f"{month:%Y-%m}", charge, 0, None, Money(amount.amount), COMMISSION),
            days=days,
            label=label,
            quantity=quantity,
            tax_rate=told.tax_rate,
        )
        for charge, amount, quantity, label in found
        if amount
    )
