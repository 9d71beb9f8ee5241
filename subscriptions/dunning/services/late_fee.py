"""What a late bill costs its account: a line of the next bill, once for each late one."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from commerce.kernel.clock import business_now
from commerce.kernel.money import Money
from subscriptions.domain.states import SubscriptionStatus
from subscriptions.dunning.selectors import OverdueBill
from subscriptions.invoicing.services.drafting import LATE_FEE
from subscriptions.models import BillingAccount, Compensation, PromiseLine, Subscription

NAMES = {
    "fr": "Indemnité de recouvrement, facture {} payée en retard (hors champ de la TVA)",
    "en": "Recovery costs, bill {} paid late (outside the scope of VAT)",
}
TAX_CLASS = "exempt"
"""An indemnity pays for nothing: no tax."""


def charge_late(
    account: BillingAccount, bills: Sequence[OverdueBill], *, fee: Money
) -> tuple[str, ...]:
    """Have the next bill ask `fee` for each of the late bills that was not asked for it yet; the
    numbers of those. It is promised at once, so that a bill without it is held.

    Nothing where no bill is to come. The caller has locked the account.
    """
    references = {f"late/{bill.number}": bill for bill in bills}
    asked = Compensation.objects.filter(reference__in=references)
    known = set(asked.values_list("reference", flat=True))
    contract = (
        Subscription.objects.filter(account=account, promise__isnull=False)
        .exclude(status=SubscriptionStatus.ENDED)
        .order_by("pk")
        .first()
    )
    if contract is None or account.next_bill_on is None:
        return ()
    late = {each: bill for each, bill in references.items() if each not in known}
    for reference, bill in late.items():
        _ask(account, contract, reference=reference, bill=bill, fee=fee)
    return tuple(bill.number for bill in late.values())


def _ask(
    account: BillingAccount,
    contract: Subscription,
    *,
    reference: str,
    bill: OverdueBill,
    fee: Money,
) -> None:
    assert account.next_bill_on is not None
    assert contract.promise_id is not None
    asked = Compensation.objects.create(
        subscription=contract,
        reference=reference,
        charge=LATE_FEE,
        amount=-fee.amount,
        tax_class=TAX_CLASS,
        tax_rate=Decimal(0),
        starts_on=bill.due_on,
        ends_on=bill.due_on + timedelta(days=1),
        names={language: name.format(bill.number) for language, name in NAMES.items()},
        due_on=account.next_bill_on,
        granted_at=business_now(),
    )
    PromiseLine.objects.create(
        promise_id=contract.promise_id,
        item=reference,
        charge=LATE_FEE,
        period=1,
        amount=fee.amount,
        tax_class=asked.tax_class,
        tax_rate=asked.tax_rate,
        starts_on=asked.starts_on,
        due_on=asked.due_on,
    )
