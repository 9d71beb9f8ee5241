"""What is asked about billing accounts."""

from commerce.kernel.tax import Basis
from subscriptions.domain.views import AccountView
from subscriptions.models import BillingAccount


def account_view(party_id: int) -> AccountView | None:
    """The party's billing account; None before anything was billed or activated."""
    row = BillingAccount.objects.filter(party_id=party_id).order_by("pk").first()
    if row is None:
        return None
    return AccountView(
        id=row.pk,
        party_id=party_id,
        segment=row.segment,
        basis=Basis(row.basis),
        currency=row.currency,
        cycle_day=row.cycle_day,
        next_bill_on=row.next_bill_on,
        payment_days=row.payment_days,
        purchase_order=row.purchase_order,
        parked=row.parked_at is not None,
    )
