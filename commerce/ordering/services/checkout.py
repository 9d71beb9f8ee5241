"""The checkout begins: prices stand still for a while, limited promotions are kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.events import timers
from commerce.kernel.clock import business_now
from commerce.kernel.errors import RuleViolated
from commerce.ordering.domain.checks import issues
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.states import CartState
from commerce.ordering.models import Cart
from commerce.ordering.services.access import items_of, locked_for_change
from commerce.ordering.services.editing import refuse, touch
from commerce.ordering.services.holds import CHECKOUT_TIMER
from commerce.ordering.services.pricing import cart_value, pricing_of, quote_of, refuse_preview
from commerce.rows import update
from promotions.services import limits

PRICES_HELD = timedelta(minutes=30)
PROMOTIONS_HELD = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class CheckoutStarted:
    """The quote, which holds until `prices_until`; limited promotions until `promotions_until`."""

    quote: Quote
    prices_until: datetime
    promotions_until: datetime


@transaction.atomic
def start_checkout(context: AccountContext, *, code: str) -> CheckoutStarted:
    """Keep today's prices for 30 minutes and limited promotions for 15 (business time).

    Beginning again keeps the prices that are held and moves only the promotions' end.

    Raises:
        NotFound: `unknown_cart`. Conflict: `cart_in_use`, `cart_ordered`.
        RuleViolated: `cart_empty`, `cart_expired`, an issue of the cart, `promotion_used_up`.
    """
    cart = locked_for_change(context, code=code)
    pricing = pricing_of(cart)
    refuse_preview(pricing)
    value = cart_value(cart, items_of(cart))
    if not value.lines:
        raise RuleViolated("The cart is empty.", code="cart_empty")
    for issue in issues(value, catalogue=pricing.snapshot, at=pricing.at):
        raise refuse(issue)
    now = business_now()
    if cart.price_held_until is None or cart.price_held_until <= now:
        cart.held_release, cart.held_at = pricing.snapshot.release, now
        cart.price_held_until = now + PRICES_HELD
    touch(cart, context=context)
    update([cart])
    quote = quote_of(value, pricing=pricing, cart=cart)
    until = now + PROMOTIONS_HELD
    if pricing.promotions.limited:
        given = [pricing.promotions.promotions[applied.code] for applied in quote.applied]
        limits.reserve(given, key=cart.code, party_id=cart.party_id, until=until, codes=value.codes)
        timers.schedule(
            key=f"{CHECKOUT_TIMER}:{cart.code}",
            handler=CHECKOUT_TIMER,
            due_at=until,
            payload={"cart": cart.code},
        )
    return CheckoutStarted(quote, cart.price_held_until, until)


@transaction.atomic
def end_checkout(*, code: str) -> None:
    """Give back what a checkout that led to no order reserved. May be repeated."""
    cart = Cart.objects.select_for_update().filter(code=code).first()
    if cart is not None and cart.state != CartState.ORDERED:
        limits.release_expired(at=business_now())
