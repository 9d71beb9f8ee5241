"""The timeline of a contract: its life as contracts and bills know it, with who ordered what."""

from collections.abc import Mapping, Sequence

from catalogue.selectors import current_snapshot, last_sold
from commerce.accounts.kinds import ActorKind
from commerce.kernel.clock import business_now, business_today
from commerce.ordering.domain.states import GIVEN_UP, UNDER_WAY, WAITING, ItemAction
from commerce.ordering.models import Order, OrderItem
from subscriptions.contracts.life import life_of
from subscriptions.contracts.selectors import subscription_view
from subscriptions.domain.states import ChangeKind
from subscriptions.domain.timeline import Act, Entry, Names, timeline
from subscriptions.domain.views import SubscriptionView

_TELLING = frozenset({"plan", "option", "content"})
"""Roles of the lines by which an order is named."""


def timeline_of(party_id: int, subscription_id: int) -> tuple[Entry, ...]:
    """What happened to a contract and what is to come, the earliest first; a fixed number of
    queries.

    Raises:
        NotFound: `unknown_subscription`: it is not the party's.
    """
    contract = subscription_view(party_id, subscription_id)
    life = life_of(party_id, subscription_id, acts=_acts(contract))
    return timeline(life, today=business_today())


def _acts(contract: SubscriptionView) -> Sequence[Act]:
    began = Order.objects.filter(number=contract.order_number, party=contract.party_id)
    changing = Order.objects.filter(subject=contract.id, party=contract.party_id)
    rows = (began | changing).exclude(state__in=[str(state) for state in GIVEN_UP])
    held = {item.id: item.names for item in contract.items}
    # Not those of the order that began it, which may be a firm's with thousands.
    items: dict[int, list[OrderItem]] = {}
    for item in OrderItem.objects.filter(order__subject=contract.id).order_by("pk"):
        items.setdefault(item.order_id, []).append(item)
    return tuple(_act(row, items.get(row.pk, ()), held=held) for row in rows.order_by("pk"))


def _act(order: Order, items: Sequence[OrderItem], *, held: Mapping[int, Names]) -> Act:
    configs = [item.config for item in items]
    waits = order.change != "" and order.state in {*WAITING, *UNDER_WAY}
    return Act(
        number=order.number,
        at=order.placed_at,
        by="" if order.actor_kind == ActorKind.SYSTEM else order.actor_name,
        channel=order.channel,
        kind=order.change,
        on=order.begins_on,
        waits=waits,
        unanswered=any(config.get("unanswered") for config in configs),
        announced=any(config.get("announced") for config in configs),
        unpaid=any(config.get("unpaid") for config in configs),
        names=_names(order, items, held=held) if waits else (),
    )


def _names(
    order: Order, items: Sequence[OrderItem], *, held: Mapping[int, Names]
) -> tuple[Names, ...]:
    """What it brings, or what it takes off."""
    if order.change == ChangeKind.REMOVE:
        ended = [item.subject or 0 for item in items if item.action == ItemAction.DELETE]
        return tuple(held[subject] for subject in ended if subject in held)
    catalogue = current_snapshot(business_now())
    begun = [last_sold(i.offering, catalogue=catalogue) for i in items if i.role in _TELLING]
    return tuple(offering.name.by_language for offering in begun if offering is not None)
