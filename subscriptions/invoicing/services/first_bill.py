"""The first bill of a contract, made at once when it begins."""

from commerce.kernel.clock import business_today
from commerce.kernel.periods import Period
from subscriptions.domain.invoice import bill_period
from subscriptions.invoicing.services import check, drafting, issuing
from subscriptions.models import BillingAccount, Subscription


def make(account: BillingAccount, subscription: Subscription) -> Period:
    """Bill `subscription` alone up to the account's next cycle day; the period billed.

    The bill is checked, and held if it breaks the promise. The account is locked by the caller.
    """
    period = bill_period(subscription.activated_on, cycle_day=account.cycle)
    charges = drafting.running_charges([account.pk], subscription_id=subscription.pk)
    draft = drafting.cycle_draft(
        account,
        charges.get(account.pk, []),
        period=period,
        key=f"first:{subscription.order_number}:{subscription.pk}",
    )
    if draft is not None:
        on = business_today()
        ids = drafting.write([draft], on=on)
        check.hold_what_differs(ids)
        issuing.issue(ids, on=on)
    return period
