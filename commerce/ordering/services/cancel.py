"""Cancelling an order on which nothing has been done yet."""

from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.accounts.services.contacts import require_verified
from commerce.kernel.errors import Forbidden, RuleViolated
from commerce.ordering.domain.states import WAITING, OrderState
from commerce.ordering.models import Order
from commerce.ordering.services import acceptance
from commerce.ordering.services.access import find_order


def order_to_cancel(context: AccountContext, *, number: str, lock: bool = False) -> Order:
    """The order, for one who may cancel it.

    Raises:
        NotFound: `unknown_order`. Forbidden: `viewer`, or `caller_not_verified` for an agent.
    """
    if context.role is Role.VIEWER:
        raise Forbidden("A viewer can't cancel orders.", code="viewer")
    require_verified(context)
    return find_order(context, number=number, lock=lock)


@transaction.atomic
def cancel_order(context: AccountContext, *, number: str, reason: str = "customer") -> None:
    """End an order that still waits; its cart opens again. Once cancelled, nothing happens.

    Raises:
        NotFound: `unknown_order`. Forbidden: `viewer`, or `caller_not_verified` for an agent.
        RuleViolated: `too_late`: it is accepted; changing or ending it is an order of its own.
    """
    order = order_to_cancel(context, number=number, lock=True)
    state = OrderState(order.state)
    if state is OrderState.CANCELLED:
        return
    if state not in WAITING:
        raise RuleViolated(
            f"The order {order.number} is under way; ask first what cancelling it would undo.",
            code="too_late",
            state=order.state,
        )
    acceptance.give_up(order, OrderState.CANCELLED, context=context, reason=reason[:80])
