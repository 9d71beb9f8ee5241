"""What came to a contract after its end was ordered, and ends with it all the same."""

from collections.abc import Mapping
from dataclasses import replace

from django.db import transaction

from catalogue.domain.model import Kind, Snapshot
from catalogue.selectors import snapshot_of
from commerce.kernel.clock import business_today
from commerce.ordering.domain.states import UNDER_WAY, ItemAction
from commerce.ordering.models import Order
from commerce.ordering.services.changed_line import has_recipe, kind_of, touch
from commerce.ordering.services.writing import Amendment, Touched, add_touched
from subscriptions.contracts.selectors import subscription_view
from subscriptions.domain.states import ENDING, ChangeKind
from subscriptions.domain.views import ItemView


@transaction.atomic
def name_what_came(*, number: str) -> None:
    """What another order has put on the contract since the order `number`, its end, was placed,
    and of whose end somebody must hear, becomes lines of it: services, whose partners are told.

    Its caller sees to it that its plan has, or gets, what they are told by. May be repeated.
    """
    order = (
        Order.objects.select_for_update(of=("self",))
        .filter(
            number=number,
            state__in=[str(state) for state in UNDER_WAY],
            subject__isnull=False,
            change__in=[str(kind) for kind in ENDING],
        )
        .first()
    )
    if order is None:
        return
    lines = list(order.items.order_by("position"))
    if not lines:
        return
    first, kind = lines[0], ChangeKind(order.change)
    catalogue = snapshot_of(order.release)
    contract = subscription_view(order.party_id, order.subject or 0)
    named = {line.line_id for line in lines}
    came = [
        _told(item, first.facts, catalogue=catalogue)
        for item in contract.items_on(business_today())
        if kind_of(item, catalogue) is not Kind.PLAN
        and has_recipe(item, kind=kind, catalogue=catalogue)
    ]
    by = Amendment(
        kind, order.subject, facts={}, config=first.config, not_before=first.port_not_before
    )
    fresh = tuple(touched for touched in came if touched.line_id not in named)
    add_touched(order, replace(by, touched=fresh), snapshot=catalogue, after=lines[-1].position)


def _told(item: ItemView, said: Mapping[str, str], *, catalogue: Snapshot) -> Touched:
    """With what the order says of the end."""
    touched = touch(item, ItemAction.DELETE, catalogue=catalogue)
    return replace(touched, facts={**said, **touched.facts})
