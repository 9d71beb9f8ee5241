"""A withdrawal from what has not all arrived: what its order is about once the rest is settled."""

from dataclasses import dataclass
from datetime import date

from django.db import transaction

from catalogue.selectors import snapshot_of
from commerce.kernel.clock import PARIS
from commerce.ordering.domain.states import ItemState, OrderState
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.services.withdrawing import (
    comes_back,
    contract_of,
    end_of,
    known_at_end,
    services_back,
    things_back,
)
from commerce.ordering.services.writing import Amendment, add_touched
from subscriptions.domain.states import ChangeKind, SubscriptionStatus


@dataclass(frozen=True, slots=True)
class Bundle:
    """What an accepted order withdraws from, and whose it is: with the contract `subject` if there
    is one, `ported` if its number went to another operator. `begun`: its own order is in the hands
    of fulfilment."""

    number: str
    group: str
    party_id: int
    subject: int | None
    ported: bool
    begun: bool


def withdrawn_bundle(number: str) -> Bundle | None:
    """Of the order `number`, which has no plan yet; None if it withdraws from nothing."""
    order = Order.objects.filter(number=number, state=OrderState.ACCEPTED).first()
    if order is None or not order.withdraws:
        return None
    origin, _, group = order.withdraws.partition("/")
    state = Order.objects.values_list("state", flat=True).get(number=origin)
    return Bundle(
        number=origin,
        group=group,
        party_id=order.party_id,
        subject=order.subject,
        ported=order.items.filter(facts__ported="yes").exists(),
        begun=state != OrderState.ACCEPTED,
    )


def lines_of(number: str, *, group: str) -> tuple[frozenset[str], frozenset[str]]:
    """The lines that are left of a bundle, and which of them come back as things."""
    order = Order.objects.get(number=number)
    left = list(order.items.filter(group=group).exclude(state=ItemState.CANCELLED))
    catalogue = snapshot_of(order.release)
    back = (item.line_id for item in left if comes_back(item, catalogue))
    return frozenset(item.line_id for item in left), frozenset(back)


def is_planned(number: str, *, group: str) -> bool:
    """Whether a line of the bundle is neither in service nor taken back."""
    rows = OrderItem.objects.filter(order__number=number, group=group)
    return rows.filter(state=ItemState.PLANNED).exists()


@transaction.atomic
def name_what_comes_back(*, number: str) -> bool:
    """The lines of the withdrawal become what there is to end and to bring back now that the rest
    of its bundle was taken back; False if there is nothing. May be repeated until it has a plan."""
    order = Order.objects.select_for_update(of=("self",)).get(number=number)
    number, _, group = order.withdraws.partition("/")
    origin = Order.objects.get(number=number)
    rows = list(origin.items.filter(group=group).order_by("position"))
    catalogue = snapshot_of(order.release)
    contract = contract_of(origin, group=group)
    if contract is not None and contract.status == SubscriptionStatus.ENDED:
        contract = None
    said = order.items.order_by("position").first()
    asked_on = order.placed_at.astimezone(PARIS).date()
    if said is not None:  # Perhaps in writing, before the order.
        asked_on = date.fromisoformat(said.config.get("asked_on") or said.facts["ends_on"])
    ends_on = end_of(origin, contract, asked_on=asked_on)
    gone = {row.line_id for row in rows if row.state == ItemState.CANCELLED}
    left = [row for row in rows if row.line_id not in gone]
    by = Amendment(
        kind=ChangeKind.WITHDRAW,
        subscription_id=contract.id if contract is not None else None,
        facts=known_at_end(contract, ends_on=ends_on, catalogue=catalogue)
        | ({"ported": "yes"} if said is not None and "ported" in said.facts else {}),
        config=said.config if said is not None else {"change": str(ChangeKind.WITHDRAW)},
        touched=(
            *services_back(contract, catalogue=catalogue, but=gone),
            *things_back(row for row in left if comes_back(row, catalogue)),
        ),
    )
    order.items.all().delete()
    order.subject = by.subscription_id
    order.save(update_fields=["subject"])
    add_touched(order, by, snapshot=catalogue, after=0)
    return bool(by.touched)
