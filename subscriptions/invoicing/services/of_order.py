"""A document of an order, beside those of its contracts' months: made and numbered at once."""

from commerce.kernel.clock import business_today
from commerce.kernel.tax import Basis
from subscriptions.domain.invoice import DraftLine, Totals, totals
from subscriptions.domain.states import InvoiceKind
from subscriptions.invoicing.services import check, drafting, issuing
from subscriptions.models import BillingAccount


def issue(
    account: BillingAccount,
    *,
    key: str,
    lines: tuple[DraftLine, ...],
    order_number: str,
    kind: InvoiceKind = InvoiceKind.ORDER,
    sums: Totals | None = None,
    purchase_order: str = "",
    promised: bool = False,
) -> str | None:
    """The number of a document of these lines; `sums` where they are not those of the lines alone.

    None without lines, or where it breaks what was `promised` with the order and is held. In the
    caller's transaction, who has locked the account and made sure that `key` is not taken.
    """
    if not lines:
        return None
    draft = drafting.Draft(
        account=account,
        key=key,
        kind=kind,
        lines=lines,
        totals=sums or totals(lines, basis=Basis(account.basis), currency=account.currency),
        order_number=order_number,
        purchase_order=purchase_order,
    )
    on = business_today()
    ids = drafting.write([draft], on=on)
    if promised:
        check.hold_what_differs(ids)
    issued = issuing.issue(ids, on=on)
    return issued[0] if issued else None
