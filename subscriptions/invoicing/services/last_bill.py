"""The last bill of a contract, made at once when it is withdrawn from."""

from dataclasses import replace

from commerce.kernel.clock import business_today
from commerce.kernel.periods import Period
from subscriptions.invoicing.services import check, drafting, issuing
from subscriptions.models import BillingAccount, Subscription


def make(account: BillingAccount, subscription: Subscription) -> None:
    """Settle the ended `subscription` alone: what was billed in advance and is not due goes back by
    a credit note, days that no bill holds yet are billed.

    It is checked, and held if it breaks the promise. The account is locked by the caller.
    """
    today = business_today()
    charges = drafting.running_charges([account.pk], subscription_id=subscription.pk)
    draft = drafting.cycle_draft(
        account,
        charges.get(account.pk, []),
        period=Period(today, today),
        key=f"last:{subscription.order_number}:{subscription.pk}",
    )
    if draft is not None:
        ids = drafting.write([replace(draft, period=None)], on=today)
        check.hold_what_differs(ids)
        issuing.issue(ids, on=today)
