"""What a change order says to whoever bills, ourselves or another."""

from commerce.ordering.domain.fulfilment import FulfilmentItem, FulfilmentOrder
from commerce.ordering.domain.states import ItemAction
from subscriptions.domain.states import AT_ANY_TIME


def begun(order: FulfilmentOrder) -> tuple[FulfilmentItem, ...]:
    """What the contract holds from now on; nothing where it only stands still or goes on."""
    if order.change in AT_ANY_TIME:
        return ()
    return tuple(item for item in order.items if item.action is not ItemAction.DELETE)


def ended(order: FulfilmentOrder) -> tuple[int, ...]:
    """The running items that end with it, by their ids."""
    if order.change in AT_ANY_TIME:
        return ()
    return tuple(item.subject for item in order.items if item.subject is not None)
