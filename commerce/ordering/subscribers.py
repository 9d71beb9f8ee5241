"""What ordering does when others tell it something; each may be repeated."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q

from commerce.accounts.identity import SYSTEM
from commerce.notifications.services import send
from commerce.ordering.domain.states import CartState
from commerce.ordering.models import Cart, Order
from commerce.ordering.services import (
    acceptance,
    checkout,
    line_discounts,
    links,
    new_terms,
    passing_on,
    payment,
    refused_money,
    unpaid,
)
from commerce.ordering.services.fulfilment import line_works
from subscriptions.domain.states import ChangeKind
from subscriptions.dunning.selectors import holders, running_contracts


def on_visitor_identified(payload: Mapping[str, Any]) -> None:
    """What the visitor put together belongs to the customer from now on."""
    Cart.objects.filter(
        visitor_key=payload["visitor_key"], party__isnull=True, state=CartState.OPEN
    ).update(party_id=payload["party_id"])


def on_payment_authorised(payload: Mapping[str, Any]) -> None:
    payment.note_authorised(key=payload["key"])


def on_payment_settled(payload: Mapping[str, Any]) -> None:
    """Usually long known; some cards settle without an authorisation of their own."""
    payment.note_settled(key=payload["key"])


def on_payment_declined(payload: Mapping[str, Any]) -> None:
    payment.note_failed(key=payload["key"], reason=payload["reason"])


def on_payment_cancelled(payload: Mapping[str, Any]) -> None:
    payment.note_failed(key=payload["key"], reason="cancelled")


def on_payment_effect_refused(payload: Mapping[str, Any]) -> None:
    """An operator has to decide."""
    refused_money.note_refused(
        number=payload["reference"], kind=payload["kind"], reason=payload["reason"]
    )


def on_order_accepted(payload: Mapping[str, Any]) -> None:
    """The customer hears that we are bound; not of what we do because he has not paid, or has not
    agreed to pay, or as he was told, or as another line came or went, of which he hears
    otherwise."""
    order = Order.objects.get(number=payload["number"])
    ours = Q(config__unpaid="yes") | Q(config__unanswered="yes") | Q(config__announced="yes")
    told = order.change == ChangeKind.ADVANTAGES or order.items.filter(ours).exists()
    if order.email and not told:
        send(
            code="order_accepted",
            to=order.email,
            party_id=order.party_id,
            language=order.language,
            values={
                "order": order.number,
                "url": links.absolute(links.TRACK, number=order.number),
            },
            reference=f"{order.number}/accepted",
        )


def on_order_cancelled(payload: Mapping[str, Any]) -> None:
    order = Order.objects.get(number=payload["number"])
    unpaid.called_off(order)
    passing_on.called_off(order)
    line_discounts.called_off(order)
    new_terms.called_off(order)
    told = order.change != ChangeKind.ADVANTAGES
    if order.email and order.state == "cancelled" and told:
        send(
            code="order_cancelled",
            to=order.email,
            party_id=order.party_id,
            language=order.language,
            values={"order": order.number},
            reference=f"{order.number}/cancelled",
        )


def on_contract_changed(payload: Mapping[str, Any]) -> None:
    """A line has gone to another holder; one fewer, or at another price, may change what others
    cost."""
    if payload["kind"] == ChangeKind.HOLDER:
        passing_on.gone(payload["order_number"])
        line_discounts.look_as_gone(payload["order_number"])
    if payload["kind"] in line_discounts.FEWER_LINES:
        line_discounts.look_soon(payload["party_id"])
    elif payload["kind"] in line_discounts.HOLDS_ANEW:
        line_discounts.look_as_one_more(payload["party_id"])


def on_subscription_activated(payload: Mapping[str, Any]) -> None:
    """The lines of the bundle are in service; a number may still be to come along. One more may
    change what others cost."""
    line_works(order_number=payload["order_number"], group=payload["group"])
    line_discounts.look_as_one_more(payload["party_id"])


def on_dunning_moved(payload: Mapping[str, Any]) -> None:
    """The lines of an account, or of those whose bills it pays, are to be treated harder, or to go
    on."""
    for party_id, lines in holders(running_contracts(payload["account_id"])).items():
        unpaid.treat_soon(party_id=party_id, subscription_ids=lines)


def on_unpaid_due(payload: Mapping[str, Any]) -> None:
    """Timer, machine time."""
    unpaid.treat(party_id=payload["party_id"], subscription_id=payload["subscription_id"])


def on_order_hold_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time: the order waited long enough."""
    acceptance.end_of_hold(number=payload["number"], context=SYSTEM)


def on_checkout_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time: a checkout's reservations are over."""
    checkout.end_checkout(code=payload["cart"])
