"""From one state of an order to the next: checked by the table, written with its history."""

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import EntryKind
from commerce.accounts.services import timeline
from commerce.kernel.clock import business_now
from commerce.ordering.domain.states import GIVEN_UP, ORDER_LIFE, OrderState
from commerce.ordering.models import Order, OrderStep
from commerce.rows import insert, update


def move(order: Order, target: OrderState, *, context: AccountContext, reason: str = "") -> None:
    """Let the locked `order` go to `target`, with a step of its history and of the timeline.

    Raises:
        IllegalTransition: the table has no such step; nothing is written.
    """
    before = OrderState(order.state)
    ORDER_LIFE.check(before, target)
    now = business_now()
    order.state = target
    if target is OrderState.ACCEPTED:
        order.accepted_at = now
    elif target is OrderState.COMPLETED:
        order.completed_at = now
    elif target in GIVEN_UP:
        order.ended_at, order.end_reason = now, reason
    update([order])
    note_step(order, before=str(before), context=context, reason=reason)


def note_step(order: Order, *, context: AccountContext, before: str = "", reason: str = "") -> None:
    """Write down that the order is in its state since now, by whom and why."""
    _add_step(order, before=before, context=context, reason=reason)
    timeline.record(
        party_id=order.party_id,
        kind=EntryKind.ORDER,
        code=f"order_{order.state}",
        context=context,
        values={"number": order.number, "reason": reason},
    )


def note_decision(order: Order, *, context: AccountContext, reason: str, note: str = "") -> None:
    """Write down what happened to an order, or what was decided, that leaves its state as it is."""
    _add_step(order, before=order.state, context=context, reason=reason, note=note)


def _add_step(
    order: Order, *, before: str, context: AccountContext, reason: str, note: str = ""
) -> None:
    step = OrderStep(
        order=order,
        before=before,
        after=order.state,
        at=business_now(),
        actor_kind=context.actor.kind,
        actor_name=context.actor.name,
        channel=context.channel,
        reason=reason,
        note=note,
    )
    insert([step])
