"""What was told of pieces still to come is told anew when their partner expects them otherwise."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from catalogue.domain.sourcing import Share, leaves_after
from commerce.events.outbox import publish
from commerce.kernel.codec import from_plain, to_plain
from commerce.notifications.services import send
from commerce.ordering.domain.fulfilment import parcel_of
from commerce.ordering.domain.states import GIVEN_UP, OrderState
from commerce.ordering.events import ParcelDayMoved
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.services import links

_OVER = [str(state) for state in (*GIVEN_UP, OrderState.COMPLETED)]


def on_coming_day_moved(payload: Mapping[str, Any]) -> None:
    """Each order that waits for such pieces names the new day, its fulfilment waits for it, and its
    customer is told. May be repeated.

    A parcel stays together: it waits for the last of what is in it, and comes sooner only where
    nothing else is in it.
    """
    before = date.fromisoformat(payload["before"])
    orders = Order.objects.filter(number__in=payload["keys"]).exclude(state__in=_OVER)
    for order in orders.select_for_update().order_by("pk"):
        groups: dict[str, list[OrderItem]] = {}
        for item in order.items.all():
            groups.setdefault(item.group, []).append(item)
        moved = [
            day
            for group, items in sorted(groups.items())
            if (day := _move(order, group, items, payload, before=before)) is not None
        ]
        if moved:
            _tell(order, before=before, leaves_on=max(moved))


def _move(
    order: Order,
    group: str,
    items: Iterable[OrderItem],
    payload: Mapping[str, Any],
    *,
    before: date,
) -> date | None:
    """When the bundle's parcel leaves now; None if nothing of it is to be moved."""
    after = date.fromisoformat(payload["after"])
    together = [
        item
        for item in items
        if any(_waits(share, payload["partner"], before) for share in _shares(item))
    ]
    offerings = {item.offering for item in together}
    if payload["offering"] not in offerings or (after < before and len(offerings) > 1):
        return None
    leaves_on = leaves_after(after, lead_days=payload["lead_days"])
    old = next(
        s for item in together for s in _shares(item) if _waits(s, payload["partner"], before)
    )
    new = replace(old, expected_on=after, leaves_on=leaves_on)
    for item in together:
        item.shares = to_plain(
            tuple(
                replace(share, expected_on=after, leaves_on=leaves_on)
                if _waits(share, payload["partner"], before)
                else share
                for share in _shares(item)
            )
        )
    OrderItem.objects.bulk_update(together, ["shares"])
    publish(
        ParcelDayMoved(
            number=order.number,
            party_id=order.party_id,
            group=group,
            before=str(parcel_of(old)),
            after=str(parcel_of(new)),
            expected_on=after,
        )
    )
    return leaves_on


def _tell(order: Order, *, before: date, leaves_on: date) -> None:
    """Once for a day; a file that is corrected twice is told twice."""
    send(
        code="day_moved",
        to=order.email,
        party_id=order.party_id,
        language=order.language,
        values={
            "order": order.number,
            "day": f"{leaves_on:%d/%m/%Y}",
            "url": links.absolute(links.TRACK, number=order.number),
        },
        reference=f"{order.number}/day/{before}/{leaves_on}",
    )


def _shares(item: OrderItem) -> tuple[Share, ...]:
    return from_plain(tuple[Share, ...], item.shares)


def _waits(share: Share, partner: str, day: date) -> bool:
    return share.partner == partner and share.expected_on == day
