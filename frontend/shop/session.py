"""What the browser remembers of the shopper: the cart that he is at, the orders that he placed."""

from dataclasses import replace
from typing import Any

from django.core import signing
from django.http import HttpRequest

from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.ordering.selectors import open_carts

CART = "cart_code"
ORDERS = "orders"
ORDERED = "ordered_carts"
_SALT = "order-link"


def remember_cart(request: HttpRequest, code: str) -> None:
    request.session[CART] = code


def forget_cart(request: HttpRequest) -> None:
    request.session.pop(CART, None)


def cart_of(request: HttpRequest) -> str:
    """The code of the cart that the shopper is at; empty when there is none."""
    carts = open_carts(context_for_request(request))
    known = request.session.get(CART, "")
    code = known if known in carts else next(iter(carts), "")
    if code != known:
        if code:
            remember_cart(request, code)
        else:
            forget_cart(request)
    return code


def remember_order(request: HttpRequest, *, number: str, party_id: int) -> None:
    """This browser placed the order (or has its link), so it may follow it without an account."""
    request.session[ORDERS] = {**request.session.get(ORDERS, {}), number: party_id}


def remember_ordered(request: HttpRequest, *, cart: str, number: str) -> None:
    """Back from the payment, a step of the cart leads to the order that came of it."""
    request.session[ORDERED] = {**request.session.get(ORDERED, {}), cart: number}


def order_of_cart(request: HttpRequest, code: str) -> str:
    """The order that this browser made of the cart; empty if it made none."""
    found: dict[str, str] = request.session.get(ORDERED, {})
    return found.get(code.upper(), "")


def order_context(request: HttpRequest, number: str) -> AccountContext:
    """The caller; for an order that this browser placed, as its customer."""
    context = context_for_request(request)
    known: dict[str, int] = request.session.get(ORDERS, {})
    party_id = known.get(number.upper())
    if party_id is None or context.party_id == party_id or context.staff:
        return context
    return replace(context, party_id=party_id, role=Role.CUSTOMER)


def order_key(*, number: str, party_id: int) -> str:
    """A signed key that opens the order's page on any device."""
    return signing.dumps([number, party_id], salt=_SALT, compress=True)


def party_of_key(key: str, *, number: str) -> int | None:
    """Whose order the key opens; None if it is forged or for another order."""
    try:
        found: Any = signing.loads(key, salt=_SALT, max_age=60 * 60 * 24 * 90)
    except signing.BadSignature:
        return None
    return int(found[1]) if found[0] == number.upper() else None
