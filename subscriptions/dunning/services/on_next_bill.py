"""What a late payer owes beside his bills: a line of the next one, promised at once, so that a bill
without it is held. It pays for nothing, so that no tax is on it."""

from collections.abc import Mapping
from decimal import Decimal

from commerce.kernel.clock import business_now
from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from subscriptions.domain.states import SubscriptionStatus
from subscriptions.models import BillingAccount, Compensation, PromiseLine, Subscription

TAX_CLASS = "exempt"


def has_next_bill(account: BillingAccount) -> bool:
    """Whether a bill is to come that may ask for it."""
    return account.next_bill_on is not None and _contract(account) is not None


def ask(
    account: BillingAccount,
    *,
    reference: str,
    charge: str,
    amount: Money,
    days: Period,
    names: Mapping[str, str],
) -> bool:
    """Have the next bill ask for `amount`, or give it back if it is below zero; once for each
    `reference`. False, and nothing is kept, where no bill is to come. The caller has locked the
    account."""
    contract = _contract(account)
    if contract is None or account.next_bill_on is None or contract.promise_id is None:
        return False
    if Compensation.objects.filter(reference=reference).exists():
        return False
    asked = Compensation.objects.create(
        subscription=contract,
        reference=reference,
        charge=charge,
        amount=-amount.amount,
        tax_class=TAX_CLASS,
        tax_rate=Decimal(0),
        starts_on=days.start,
        ends_on=days.end,
        names=dict(names),
        due_on=account.next_bill_on,
        granted_at=business_now(),
    )
    PromiseLine.objects.create(
        promise_id=contract.promise_id,
        item=reference,
        charge=charge,
        period=1,
        amount=amount.amount,
        tax_class=asked.tax_class,
        tax_rate=asked.tax_rate,
        starts_on=asked.starts_on,
        due_on=asked.due_on,
    )
    return True


def _contract(account: BillingAccount) -> Subscription | None:
    return (
        Subscription.objects.filter(account=account, promise__isnull=False)
        .exclude(status=SubscriptionStatus.ENDED)
        .order_by("pk")
        .first()
    )
