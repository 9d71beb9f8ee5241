"""What a late bill costs its account: a line of the next bill, once for each late one."""

from collections.abc import Sequence
from datetime import timedelta

from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from subscriptions.dunning.selectors import OverdueBill
from subscriptions.dunning.services import on_next_bill
from subscriptions.invoicing.services.drafting import LATE_FEE
from subscriptions.models import BillingAccount

NAMES = {
    "fr": "Indemnité de recouvrement, facture {} payée en retard (hors champ de la TVA)",
    "en": "Recovery costs, bill {} paid late (outside the scope of VAT)",
}


def charge_late(
    account: BillingAccount, bills: Sequence[OverdueBill], *, fee: Money
) -> tuple[str, ...]:
    """Have the next bill ask `fee` for each of the late bills that was not asked for it yet; the
    numbers of those. Nothing where no bill is to come. The caller has locked the account."""
    return tuple(
        bill.number
        for bill in bills
        if on_next_bill.ask(
            account,
            reference=f"late/{bill.number}",
            charge=LATE_FEE,
            amount=fee,
            days=Period(bill.due_on, bill.due_on + timedelta(days=1)),
            names={language: name.format(bill.number) for language, name in NAMES.items()},
        )
    )
