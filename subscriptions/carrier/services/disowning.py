"""“I never bought this”: all of it back, and the merchant sells nothing more on the line, nor does
what he sells month after month go on."""

from uuid import UUID

from django.db import transaction

from commerce.accounts.identity import AccountContext
from subscriptions.carrier.services.limits import block_merchant
from subscriptions.carrier.services.refunding import refund_by_agent
from subscriptions.carrier.services.stopping import stop
from subscriptions.domain.carrier import NEVER_BOUGHT


@transaction.atomic
def disown(*, context: AccountContext, payment_id: UUID, note: str) -> None:
    """All or nothing; what the customer says is kept as the reason. Raises as `refund_by_agent`
    and `block_merchant`."""
    reason = f"{NEVER_BOUGHT}: {note.strip()}" if note.strip() else NEVER_BOUGHT
    made = refund_by_agent(context=context, payment_id=payment_id, amount=None, reason=reason)
    payment = made.payment
    block_merchant(
        context=context, subscription_id=payment.subscription_id, code=payment.merchant.code
    )
    for held in payment.subscription.carrier_subscriptions.filter(
        merchant=payment.merchant, ended_at__isnull=True
    ).order_by("pk"):
        stop(context=context, held_id=held.pk)
