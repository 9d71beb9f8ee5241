"""“I never bought this”: all of it back, and the merchant sells nothing more on the line."""

from uuid import UUID

from django.db import transaction

from commerce.accounts.identity import AccountContext
from subscriptions.carrier.services.limits import block_merchant
from subscriptions.carrier.services.refunding import refund_by_agent


@transaction.atomic
def disown(*, context: AccountContext, payment_id: UUID, note: str) -> None:
    """Both or neither; what the customer says is kept as the reason. Raises as `refund_by_agent`
    and `block_merchant`."""
    reason = f"never bought: {note.strip()}" if note.strip() else "never bought"
    made = refund_by_agent(context=context, payment_id=payment_id, amount=None, reason=reason)
    payment = made.payment
    block_merchant(
        context=context, subscription_id=payment.subscription_id, code=payment.merchant.code
    )
