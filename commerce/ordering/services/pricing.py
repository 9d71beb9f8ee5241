"""From stored carts to quotes: loads rows once, then calls the pure core."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings

from catalogue.domain.model import Segment, Snapshot
from catalogue.selectors import current_snapshot, snapshot_of
from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import PARIS, business_now
from commerce.kernel.errors import Conflict
from commerce.markets.pack import market
from commerce.ordering.domain.cart import CartLine, CartValue
from commerce.ordering.domain.quote import Quote, quote
from commerce.ordering.models import Cart, CartItem
from commerce.ordering.services.access import find_cart, items_of
from promotions.domain.compiler import CompiledPromotions
from promotions.domain.model import CustomerFacts
from promotions.selectors import entered, promotions_of, used_up
from subscriptions.contracts.selectors import history_of
from subscriptions.domain.views import History

NO_HISTORY = History()
DAYS_TO_ACTIVATION = 3
"""Working days that pages assume between the order and the activation."""


@dataclass(frozen=True, slots=True)
class Pricing:
    """With what a cart is priced: a release, its promotions, and the instant that decides."""

    snapshot: Snapshot
    promotions: CompiledPromotions
    at: datetime


def quote_cart(context: AccountContext, *, code: str) -> Quote:
    """What the cart costs now: at the prices held for it, else at those in force.

    Raises:
        NotFound: `unknown_cart`, or `unknown_offering` that is no longer in the catalogue.
    """
    cart = find_cart(context, code=code)
    return quote_of(cart_value(cart, items_of(cart)), pricing=pricing_of(cart), cart=cart)


def quote_of(value: CartValue, *, pricing: Pricing, cart: Cart | None = None) -> Quote:
    """The quote of a cart's value for the cart's owner; of an empty one without a query."""
    empty = not value.lines and not value.codes
    customer = CustomerFacts() if empty else customer_of(value, pricing=pricing, cart=cart)
    return priced(value, pricing=pricing, customer=customer)


def customer_of(value: CartValue, *, pricing: Pricing, cart: Cart | None = None) -> CustomerFacts:
    """What conditions may know of the cart's owner."""
    return customer_facts(
        value,
        pricing=pricing,
        party_id=cart.party_id if cart is not None else None,
        key=cart.code if cart is not None else "",
        retained=cart.retained if cart is not None else {},
    )


def customer_facts(
    value: CartValue,
    *,
    pricing: Pricing,
    party_id: int | None,
    key: str = "",
    retained: Mapping[str, str] | None = None,
) -> CustomerFacts:
    """What conditions may know of a party; `key` is the cart whose reservations are its own.

    No query for what no promotion of the release asks.
    """
    promotions = pricing.promotions
    found = entered(promotions, codes=value.codes, key=key, at=pricing.at)
    history = NO_HISTORY
    if party_id is not None and promotions.asks_history:
        history = history_of(party_id, on=pricing.at.astimezone(PARIS).date())
    return CustomerFacts(
        segment=value.segment,
        known=party_id is not None,
        tenure_months=history.tenure_months,
        lines=history.lines,
        owns=history.owns,
        months_to_commitment_end=history.months_to_commitment_end,
        used_up=used_up(promotions, party_id=party_id, key=key) | found.used,
        opened=found.opened,
        retained=dict(retained or {}),
        running=history.running,
    )


def priced(value: CartValue, *, pricing: Pricing, customer: CustomerFacts) -> Quote:
    """The pure quote, with the assumed activation day."""
    return quote(
        value,
        catalogue=pricing.snapshot,
        promotions=pricing.promotions,
        customer=customer,
        at=pricing.at,
        activation=assumed_activation(business_now()),
    )


def pricing_of(cart: Cart) -> Pricing:
    """The release whose prices are held for the cart, else the one in force."""
    now = business_now()
    if (
        cart.held_release is not None
        and cart.held_at is not None
        and cart.price_held_until is not None
        and now < cart.price_held_until
    ):
        snapshot = snapshot_of(cart.held_release)
        return Pricing(snapshot, promotions_of(snapshot), cart.held_at)
    return pricing_now()


def pricing_now() -> Pricing:
    """The release and promotions in force."""
    now = business_now()
    snapshot = current_snapshot(now)
    return Pricing(snapshot, promotions_of(snapshot), now)


def refuse_preview(pricing: Pricing) -> None:
    """Raises Conflict `preview_not_for_sale`: these are the prices of a draft."""
    if pricing.snapshot.release < 0:
        raise Conflict(
            "This is a preview of a draft; nothing in it can be ordered.",
            code="preview_not_for_sale",
        )


def assumed_activation(now: datetime) -> date:
    """The day on which a service ordered now is taken to start: three working days later."""
    pack = market(settings.MARKET)
    return pack.add_working_days(now.astimezone(PARIS).date(), days=DAYS_TO_ACTIVATION)


def cart_value(cart: Cart, items: Iterable[CartItem]) -> CartValue:
    """The stored cart as a value."""
    return CartValue(
        code=cart.code,
        lines=tuple(line_value(item) for item in items),
        segment=Segment(cart.segment),
        channel=cart.channel,
        codes=tuple(cart.codes),
        bundles=dict(cart.bundles),
    )


def line_value(item: CartItem) -> CartLine:
    return CartLine(
        id=item.line_id,
        offering=item.offering,
        quantity=item.quantity,
        group=item.group,
        role=item.role,
        term=item.term,
        config=dict(item.config),
    )
