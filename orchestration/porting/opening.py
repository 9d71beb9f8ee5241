"""A port-in begins with its order's plan, and ends with it."""

from collections.abc import Collection
from datetime import date

from django.db import transaction

from commerce.events import timers
from commerce.kernel.clock import business_now
from commerce.ordering.domain.fulfilment import FulfilmentItem, FulfilmentOrder
from commerce.ordering.selectors import order_for_fulfilment
from orchestration.domain.porting import OVER, Direction, PortState, ends_by_hand
from orchestration.models import Porting
from orchestration.porting import book
from orchestration.porting.clocks import timer_keys
from orchestration.porting.settling import credit_on_next_bill


def open_port_ins(order: FulfilmentOrder, *, groups: Collection[str]) -> None:
    """Those of these bundles, in the transaction that stores their plans."""
    for item in order.items:
        if item.group in groups and item.config.get("number_choice") == "port":
            open_port_in(order, item)


def open_port_in(order: FulfilmentOrder, item: FulfilmentItem) -> Porting:
    """Its RIO was checked when it was said, in whatever channel; it is checked again here."""
    config = item.config
    now = business_now()
    wished = config.get("port_on", "")
    porting = Porting.objects.create(
        direction=Direction.IN,
        reference=f"{order.number}/{item.line_id}",
        order_number=order.number,
        group=item.group,
        line_id=item.line_id,
        party_id=order.party_id,
        msisdn=config["msisdn"],
        state=PortState.DRAFT,
        operator=config["rio"][:2],
        day=date.fromisoformat(wished) if wished else None,
        slot=config.get("port_slot") or book.pack().porting_rules().slots[0],
        created_at=now,
        changed_at=now,
    )
    book.note(porting, "state", PortState.DRAFT)
    porting.rio = book.pack().check_port_key(number=porting.msisdn, key=config["rio"])
    book.move(porting, PortState.RIO_CHECKED)
    if item.not_before is not None:
        book.move(
            porting, PortState.WAITING_WITHDRAWAL, data={"until": item.not_before.isoformat()}
        )
    return porting


@transaction.atomic
def close_port_ins(*, order_number: str, group: str, lines: Collection[str] | None = None) -> None:
    """The bundle, or some of its lines, is in service, or taken back: what an operator settled by
    hand, or what was cancelled with the whole, is settled here as well; and what we owe for a
    delay."""
    rows = Porting.objects.filter(order_number=order_number, direction=Direction.IN, group=group)
    if lines is not None:
        rows = rows.filter(line_id__in=list(lines))
    for porting in rows.exclude(state__in=[*OVER]).select_for_update():
        order = order_for_fulfilment(order_number, group=group)
        item = next(each for each in order.items if each.line_id == porting.line_id)
        came = item.facts.get("msisdn") == porting.msisdn
        for step in ends_by_hand(PortState(porting.state), came=came):
            book.move(porting, step, data={"with_its_bundle": True})
        timers.cancel_all(timer_keys(porting))
    for porting in rows.filter(owed__gt=0, settled_at=None).select_for_update():
        credit_on_next_bill(porting)
