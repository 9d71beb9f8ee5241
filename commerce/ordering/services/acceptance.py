"""The moment at which an order binds us; and the end of one that never did."""

from datetime import date, timedelta

from django.conf import settings
from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.events import outbox
from commerce.kernel.clock import business_now, business_today
from commerce.markets.pack import market
from commerce.ordering.domain.states import WAITING, CartState, ItemState, OrderState
from commerce.ordering.events import OrderAccepted, OrderCancelled
from commerce.ordering.models import Order
from commerce.ordering.services import holds
from commerce.ordering.services.moving import move
from commerce.payments.services import effects


def bind(order: Order, *, context: AccountContext, reason: str = "") -> None:
    """The locked `order` is accepted: what was held is kept, and everybody is told.

    Raises:
        IllegalTransition: it does not wait (any more).
    """
    move(order, OrderState.ACCEPTED, context=context, reason=reason)
    holds.keep_for_good(order)
    outbox.publish(OrderAccepted(number=order.number, party_id=order.party_id))


def give_up(order: Order, target: OrderState, *, context: AccountContext, reason: str) -> None:
    """The locked `order` ends before anything left the house; its cart opens again.

    The page on which it could be paid is closed.

    Raises:
        IllegalTransition: it is too late for that. Conflict: `already_settled`: it was just paid.
    """
    move(order, target, context=context, reason=reason)
    holds.let_go(order)
    order.items.update(state=ItemState.CANCELLED)
    if order.cart is not None:
        order.cart.state = CartState.OPEN
        order.cart.price_held_until = None
        order.cart.save(update_fields=["state", "price_held_until"])
    if order.payment_open:
        effects.cancel(key=order.payment_key)
    outbox.publish(OrderCancelled(number=order.number, party_id=order.party_id, reason=reason))


def set_port_dates(order: Order, *, early_execution: bool) -> None:
    """Without an express request a number may only be ported once withdrawal is over.

    Distance sales to consumers; 14 days after the conclusion, from the day after them on.
    """
    ports = order.items.filter(config__number_choice="port")
    if early_execution or order.segment != "consumer":
        ports.update(port_not_before=None)
    else:
        ports.update(port_not_before=earliest_port_in())


def earliest_port_in() -> date:
    """The first day after the withdrawal period of a contract concluded today."""
    return market(settings.MARKET).withdrawal_last_day(business_today()) + timedelta(days=1)


@transaction.atomic
def end_of_hold(*, number: str, context: AccountContext) -> None:
    """Give up an order that waited until its `hold_until`. May be repeated, and come too early."""
    order = Order.objects.select_for_update().filter(number=number).first()
    if order is None or OrderState(order.state) not in WAITING:
        return
    if business_now() < order.hold_until:
        return
    give_up(order, OrderState.CANCELLED, context=context, reason=f"{order.state}_too_long")
