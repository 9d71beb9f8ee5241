"""A cart changes channel: by its spoken code, a link or a QR code; differences are explained."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import EntryKind, Role
from commerce.accounts.services import timeline
from commerce.kernel.clock import business_now, machine_now
from commerce.kernel.errors import Forbidden, NotFound
from commerce.kernel.links import new_token, token_digest
from commerce.ordering.domain.arrival import Difference, Seen, differences
from commerce.ordering.domain.cart import normalise_code
from commerce.ordering.models import Cart, HandOver
from commerce.ordering.services import links
from commerce.ordering.services.access import (
    LEASE,
    cart_scope,
    check_open,
    editor_key,
    find_cart,
    items_of,
    locked_for_change,
)
from commerce.ordering.services.editing import touch
from commerce.ordering.services.pricing import cart_value, pricing_of, quote_of
from commerce.ordering.services.stocking import out_of_stock

OPEN_FOR = timedelta(hours=48)
ASKED_LONG_ENOUGH = timedelta(seconds=20)
"""Machine time after which an unanswered request takes the lease over."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """`code` is to be spoken, `url` to be opened or shown as a QR code."""

    code: str
    url: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Arrival:
    """The cart in its new channel, and what is not as it was seen before."""

    code: str
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may change the cart now; `asked_by` waits for it."""

    mine: bool
    editor: str
    asked_by: str


@transaction.atomic
def hand_over(context: AccountContext, *, code: str) -> HandedOver:
    """Offer the cart to another channel for two days; whoever opens it may change it at once.

    Raises:
        NotFound: `unknown_cart`. Conflict: `cart_in_use`, `cart_ordered`.
    """
    cart = locked_for_change(context, code=code)
    now, token = business_now(), new_token()
    HandOver.objects.create(
        cart=cart,
        token_digest=token_digest(token),
        from_channel=context.channel,
        seen=_seen(cart).to_json(),
        made_at=now,
        expires_at=now + OPEN_FOR,
    )
    cart.lease_until = None
    cart.save()
    return HandedOver(cart.code, links.absolute(links.HAND_OVER, token=token), now + OPEN_FOR)


@transaction.atomic
def open_by_code(context: AccountContext, *, code: str) -> Arrival:
    """An agent opens the cart that its owner spells out to him.

    A cart without a customer becomes the customer's of the agent's contact.

    Raises:
        NotFound: `unknown_cart`: nobody hands a cart of that code over.
        Forbidden: `agents_only`, or `other_customer`: it belongs to someone else than the
            contact's customer.
    """
    if context.role is not Role.AGENT:
        if Cart.objects.filter(cart_scope(context), code=normalise_code(code) or "").exists():
            return Arrival(find_cart(context, code=code).code, ())
        raise Forbidden("Only agents open carts by their code.", code="agents_only")
    offered = (
        HandOver.objects.select_for_update(of=("self",))
        .filter(cart__code=normalise_code(code) or "", expires_at__gt=business_now())
        .order_by("-made_at", "-pk")
        .first()
    )
    return _opened(context, offered)


@transaction.atomic
def open_by_link(context: AccountContext, *, token: str) -> Arrival:
    """Whoever has the link (or scanned it) opens the cart on this device.

    Raises:
        NotFound: `unknown_cart`. Forbidden: `other_customer`.
    """
    offered = (
        HandOver.objects.select_for_update(of=("self",))
        .filter(token_digest=token_digest(token), expires_at__gt=business_now())
        .first()
    )
    return _opened(context, offered)


@transaction.atomic
def take_over(context: AccountContext, *, code: str) -> Lease:
    """Ask to change the cart: at once if nobody does, else after the editor let go or 20 seconds.

    Raises:
        NotFound: `unknown_cart`.
    """
    cart = find_cart(context, code=code, lock=True)
    key, now = editor_key(context), machine_now()
    free = cart.editor_key in ("", key) or cart.lease_until is None or cart.lease_until <= now
    waited = (
        cart.wanted_by == key
        and cart.wanted_at is not None
        and cart.wanted_at + ASKED_LONG_ENOUGH <= now
    )
    if free or waited:
        cart.editor_key, cart.editor_name, cart.lease_until = key, context.actor.name, now + LEASE
        cart.wanted_by, cart.wanted_by_name, cart.wanted_at = "", "", None
    elif cart.wanted_by != key:
        cart.wanted_by, cart.wanted_by_name, cart.wanted_at = key, context.actor.name, now
    cart.save()
    return lease_of(cart, context=context)


@transaction.atomic
def let_go(context: AccountContext, *, code: str) -> None:
    """Stop changing the cart, so that the other may. Without the lease nothing happens."""
    cart = find_cart(context, code=code, lock=True)
    if cart.editor_key == editor_key(context):
        cart.lease_until = None
        cart.save(update_fields=["lease_until"])


def lease_of(cart: Cart, *, context: AccountContext) -> Lease:
    """Who may change it, as the actor sees it."""
    held = cart.lease_until is not None and cart.lease_until > machine_now()
    mine = not held or cart.editor_key == editor_key(context)
    return Lease(mine, cart.editor_name if held else "", cart.wanted_by_name)


def _opened(context: AccountContext, offered: HandOver | None) -> Arrival:
    if offered is None:
        raise NotFound(
            "No cart of that code is being handed over. Ask for the code again.",
            code="unknown_cart",
        )
    cart = Cart.objects.select_for_update().get(pk=offered.cart_id)
    check_open(cart)
    if context.party_id is not None and cart.party_id not in (None, context.party_id):
        raise Forbidden("This cart belongs to another customer.", code="other_customer")
    if cart.party_id is None and context.party_id is not None:
        cart.party_id = context.party_id
    now, key = business_now(), editor_key(context)
    offered.opened_at, offered.opened_by, offered.opened_by_name = now, key, context.actor.name
    offered.save()
    cart.editor_key, cart.editor_name = key, context.actor.name
    cart.lease_until = machine_now() + LEASE
    touch(cart, context=context)
    cart.save()
    if cart.party_id is not None:
        timeline.record(
            party_id=cart.party_id,
            kind=EntryKind.CART,
            code="cart_opened",
            context=context,
            values={"cart": cart.code},
        )
    return Arrival(cart.code, differences(Seen.from_json(offered.seen), _seen(cart)))


def _seen(cart: Cart) -> Seen:
    value, pricing = cart_value(cart, items_of(cart)), pricing_of(cart)
    sold = pricing.snapshot.offerings
    known = tuple(line for line in value.lines if line.offering in sold)
    gone = tuple(line.offering for line in value.lines if line.offering not in sold)
    quote = quote_of(replace(value, lines=known), pricing=pricing, cart=cart)
    return Seen.of(quote, gone=gone, out_of_stock=out_of_stock(known, snapshot=pricing.snapshot))
