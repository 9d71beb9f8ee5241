"""What a change order says to whoever bills, ourselves or another."""

from commerce.ordering.domain.fulfilment import FulfilmentItem, FulfilmentOrder
from commerce.ordering.domain.states import ItemAction
from subscriptions.domain.states import AT_ANY_TIME, ChangeKind


def begun(order: FulfilmentOrder) -> tuple[FulfilmentItem, ...]:
    """What the contract holds from now on; nothing where it only stands still or goes on."""
    return tuple(item for item in _moved(order) if item.action is not ItemAction.DELETE)


def ended(order: FulfilmentOrder) -> tuple[int, ...]:
    """The running items that end with it, by their ids."""
    return tuple(item.subject for item in _moved(order) if item.subject is not None)


def _moved(order: FulfilmentOrder) -> tuple[FulfilmentItem, ...]:
    """All but fees, and but a line that is only reached otherwise or not at all."""
    if order.change in AT_ANY_TIME or order.change is ChangeKind.NUMBER:
        return ()
    if order.change is ChangeKind.SIM:
        return tuple(item for item in order.items if item.role == "sim")
    return tuple(item for item in order.items if item.role != "fee")
