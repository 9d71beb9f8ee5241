"""Money of an order that the provider refused to move: written down, and decided by an operator."""

from enum import StrEnum

from django.db import transaction

from commerce.accounts.identity import SYSTEM, AccountContext
from commerce.accounts.kinds import Role
from commerce.kernel.errors import Forbidden, NotFound, RuleViolated
from commerce.ordering.domain.states import OrderState
from commerce.ordering.models import Order
from commerce.ordering.services import acceptance
from commerce.ordering.services.moving import note_decision
from commerce.payments.selectors import refused_effect
from commerce.payments.services import effects


class Remedy(StrEnum):
    TRY_AGAIN = "try_again"
    SETTLED_OTHERWISE = "settled_otherwise"
    CANCEL_ORDER = "cancel_order"


@transaction.atomic
def note_refused(*, number: str, kind: str, reason: str) -> None:
    """The provider refused to take, release or pay back money; the order goes on meanwhile."""
    order = Order.objects.select_for_update().filter(number=number).first()
    if order is None:
        return
    order.payment_problem = reason[:80]
    order.save(update_fields=["payment_problem"])
    note_decision(order, context=SYSTEM, reason=f"{kind}_refused", note=reason)


@transaction.atomic
def decide(context: AccountContext, *, effect_id: int, remedy: Remedy, note: str = "") -> None:
    """Carry out what an operator chose for a refused movement of money.

    Raises:
        Forbidden: `operators_only`. NotFound: `not_refused`, `unknown_order`.
        RuleViolated: `too_late`: work on the order has begun, so that it can't be cancelled.
    """
    if context.role != Role.OPERATOR:
        raise Forbidden("Only operators may decide about a payment.", code="operators_only")
    refused = refused_effect(effect_id)
    number = refused.reference
    order = Order.objects.select_for_update(of=("self",)).filter(number=number).first()
    if order is None and remedy is Remedy.CANCEL_ORDER:
        raise NotFound("There is no such order.", code="unknown_order", order=number[:20])
    if remedy is Remedy.TRY_AGAIN:
        effects.try_again(effect_id=effect_id)
    elif remedy is Remedy.SETTLED_OTHERWISE:
        effects.give_up(effect_id=effect_id)
    elif order is not None:
        _cancel(order, takes=refused.takes, context=context)
        effects.give_up(effect_id=effect_id)
    if order is None:  # it was for a bill
        return
    order.payment_problem = ""
    order.save(update_fields=["payment_problem"])
    note_decision(order, context=context, reason=f"payment_{remedy}", note=note)


def _cancel(order: Order, *, takes: bool, context: AccountContext) -> None:
    """Before any plan is made nothing is billed and nothing has left: what is held goes back."""
    if not takes or order.state != OrderState.ACCEPTED:
        raise RuleViolated(
            f"Work on the order {order.number} has begun, so it can't simply be cancelled.",
            code="too_late",
            state=order.state,
        )
    acceptance.give_up(order, OrderState.CANCELLED, context=context, reason="payment_refused")
