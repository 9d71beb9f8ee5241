"""A new link for an order that waits for its customer."""

from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.accounts.services.contacts import require_verified
from commerce.kernel.errors import RuleViolated
from commerce.kernel.links import new_token, token_digest
from commerce.ordering.domain.states import OrderState
from commerce.ordering.services.access import find_order
from commerce.ordering.services.place import send_link


@transaction.atomic
def resend_link(context: AccountContext, *, number: str) -> None:
    """Send the customer a new link to accept and pay; the one before no longer opens.

    Raises:
        NotFound: `unknown_order`. Forbidden: `caller_not_verified` for an agent.
        RuleViolated: `not_waiting`: it was accepted or ended meanwhile.
    """
    require_verified(context)
    order = find_order(context, number=number, lock=True)
    if order.state != OrderState.AWAITING_ACCEPTANCE:
        raise RuleViolated(
            "The order does not wait for its customer (any more).",
            code="not_waiting",
            state=order.state,
        )
    token = new_token()
    order.accept_digest = token_digest(token)
    order.save(update_fields=["accept_digest"])
    send_link(order, token=token)
