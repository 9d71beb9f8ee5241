"""What an agent finds by what a caller says: a name, a number, an order, a cart."""

from dataclasses import dataclass

from django.conf import settings

from commerce.accounts import selectors as accounts
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import StaffKind
from commerce.accounts.selectors import PartyFacts
from commerce.kernel.clock import business_now
from commerce.kernel.errors import Forbidden, InvalidInput
from commerce.markets.pack import market
from commerce.ordering.domain.cart import normalise_code
from commerce.ordering.domain.states import CartState
from commerce.ordering.models import Cart, Order
from subscriptions.contracts.finding import parties_of

MOST = 20


@dataclass(frozen=True, slots=True)
class Found:
    """`cart` is the code of an open cart, `order` the number of an order that was named."""

    parties: tuple[PartyFacts, ...]
    cart: str = ""
    order: str = ""


def look_up(context: AccountContext, *, text: str) -> Found:
    """Customers by name, e-mail, telephone, line, order or bill number; a cart by its code.

    Raises:
        Forbidden: `not_an_agent`.
    """
    if StaffKind.AGENT not in context.staff:
        raise Forbidden("Only agents look customers up.", code="not_an_agent")
    text = text.strip()
    if len(text) < 2:
        return Found(())
    number = _number(text)
    ids = set(parties_of(reference=text.upper(), msisdn=number))
    order = Order.objects.filter(number=text.upper()).values_list("number", "party_id").first()
    if order is not None:
        ids.add(order[1])
    found = {party.id: party for party in accounts.find_parties(text)}
    if number:
        found |= {p.id: p for p in accounts.find_parties(f"+33{number[1:]}")}
    for party_id in sorted(ids - found.keys())[:MOST]:
        found[party_id] = accounts.party(party_id)
    code = normalise_code(text) or ""
    is_cart = bool(code) and Cart.objects.filter(code=code, state=CartState.OPEN).exists()
    return Found(
        parties=tuple(found.values())[:MOST],
        cart=code if is_cart else "",
        order=order[0] if order is not None else "",
    )


def open_carts_of_customer(context: AccountContext) -> tuple[str, ...]:
    """The open carts of the contact's customer, the last one touched first."""
    if context.party_id is None:
        return ()
    rows = Cart.objects.filter(
        party_id=context.party_id, state=CartState.OPEN, expires_at__gt=business_now()
    )
    return tuple(rows.order_by("-touched_at", "-pk").values_list("code", flat=True)[:MOST])


def _number(text: str) -> str:
    """The text as a national number; empty if it is none."""
    try:
        return market(settings.MARKET).normalise_number(text)
    except InvalidInput:
        return ""
