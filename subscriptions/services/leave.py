"""A contract ends because its number went to another operator."""

from datetime import date
from decimal import Decimal

from django.db import transaction

from commerce.kernel.tax import Basis
from subscriptions.domain.states import ChangeKind, SubscriptionStatus
from subscriptions.models import Promise, Subscription
from subscriptions.services.change import ContractChange, apply_change
from subscriptions.services.promise import PledgedContract, pledge


@transaction.atomic
def end_by_porting(*, subscription_id: int, reference: str, on: date) -> None:
    """End it on the day of the porting `reference` (L44-4 CPCE). May be repeated.

    The next bill gives back the days that were billed and not used. What remains of a commitment is
    still due and is not asked for here.
    """
    row = Subscription.objects.select_related("account").get(pk=subscription_id)
    if row.status == SubscriptionStatus.ENDED:
        return
    first = Promise.objects.get(order_number=row.order_number, group=row.group)
    number = f"PO-{reference}"[:20]
    nothing = PledgedContract(
        group=row.group,
        segment=row.account.segment,
        basis=Basis(row.account.basis),
        charges=(),
        tax_rates={name: Decimal(rate) for name, rate in first.tax_rates.items()},
        commitment_months=0,
    )
    pledge(order_number=number, contracts=[nothing])
    apply_change(
        ContractChange(
            order_number=number,
            group=row.group,
            subscription_id=row.pk,
            kind=ChangeKind.TERMINATE,
            on=on,
            channel=row.channel,
        )
    )
