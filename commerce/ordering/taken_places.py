"""What an order changes of a contract, where another order has taken its place meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from catalogue.domain.model import role_of
from commerce.ordering.domain.fulfilment import FulfilmentItem
from commerce.ordering.domain.states import ItemAction
from commerce.ordering.models import Order, OrderItem
from subscriptions.contracts.selectors import HeldItem, held_items


def as_it_stands(order: Order, items: tuple[FulfilmentItem, ...]) -> tuple[FulfilmentItem, ...]:
    """The items with what of the contract stands now where the one that they name stood when the
    order was quoted: an order that went before it may have put another plan there."""
    if order.subject is None or all(item.subject is None for item in items):
        return items
    held = {each.id: each for each in held_items(order.subject)}
    ended = {held[item.subject].ended_by for item in items if item.subject in held}
    if not ended - {"", order.number}:
        return items
    places = _places(order, tuple(held.values()))
    return tuple(replace(item, subject=_standing(item, held=held, places=places)) for item in items)


def _standing(
    item: FulfilmentItem, *, held: Mapping[int, HeldItem], places: Mapping[tuple[str, str], int]
) -> int | None:
    found = item.subject
    while found is not None and found in held:
        later = places.get((held[found].ended_by, item.role))
        if later is None:
            break
        found = later
    return found


def _places(order: Order, held: Sequence[HeldItem]) -> Mapping[tuple[str, str], int]:
    """What other orders have put in the place of an item of the contract, by order and role."""
    brought = {(each.order_number, each.line_id): each.id for each in held}
    rows = OrderItem.objects.filter(
        order__number__in={each.ended_by for each in held}, action=ItemAction.MODIFY
    ).exclude(order=order.pk)
    return {
        (number, role_of(role)): brought[number, line]
        for number, role, line in rows.values_list("order__number", "role", "line_id")
        if (number, line) in brought
    }
