"""Which carts and orders an actor may touch. Another's is not found."""

from datetime import timedelta
from typing import Any

from django.db.models import Exists, Func, OuterRef, Q, QuerySet, Value

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.accounts.services.contacts import require_verified
from commerce.kernel.clock import business_now, machine_now
from commerce.kernel.errors import Conflict, Forbidden, NotFound, RuleViolated
from commerce.ordering.domain.cart import normalise_code
from commerce.ordering.domain.states import CartState
from commerce.ordering.models import Cart, CartItem, HandOver, Order
from commerce.rows import Given, Prepared

LEASE = timedelta(minutes=2)
"""Machine time for which the last editor of a cart keeps others from changing it."""
CART_LIFE = timedelta(days=30)
"""Business time after the last change."""

_EVERYTHING = frozenset({Role.OPERATOR, Role.SYSTEM})


def editor_key(context: AccountContext) -> str:
    """Who changes a cart: one key per person (or program), whatever the browser tab."""
    if context.actor.id is None:
        return f"visitor:{context.visitor_key}"
    return f"{context.actor.kind}:{context.actor.id}"


def cart_scope(context: AccountContext) -> Q:
    """The carts of the context's party or visitor, and those handed over to the actor.

    A visitor's cart that has become a customer's is no longer his, but for the one that he ordered
    as a guest: a second click finds his order.
    """
    return _scope(editor_key(context), context.party_id, context.visitor_key or None)


def _scope(editor: Any, party: Any, visitor: Any) -> Q:
    scope = Q(Exists(HandOver.objects.filter(cart=OuterRef("pk"), opened_by=editor)))
    if party is not None:
        scope |= Q(party_id=party)
    if visitor is not None:
        own = Q(party_id=None) | Q(state=CartState.ORDERED)
        scope |= Q(visitor_key=visitor) & own
    return scope


def _called(rows: QuerySet[Cart]) -> QuerySet[Cart]:
    scope = _scope(Given("editor"), Given("party"), Given("visitor"))
    return rows.filter(scope, code=Given("code"))


_CART = Prepared(lambda: _called(Cart.objects.all()))
_LOCKED_CART = Prepared(lambda: _called(Cart.objects.select_for_update(of=("self",))))
_ITEMS = Prepared(lambda: CartItem.objects.filter(cart_id=Given("cart")))


def find_cart(context: AccountContext, *, code: str, lock: bool = False) -> Cart:
    """The cart called `code`, as it was typed.

    Raises:
        NotFound: `unknown_cart`: there is none that the actor may see.
    """
    found = (_LOCKED_CART if lock else _CART).first(
        code=normalise_code(code) or "",
        editor=editor_key(context),
        party=context.party_id,
        visitor=context.visitor_key or None,
    )
    if found is None:
        raise NotFound(f"No cart is called {code[:20]!r}.", code="unknown_cart", cart=code[:20])
    return found


def items_of(cart: Cart) -> list[CartItem]:
    """The lines of a cart, in the order in which they came."""
    return _ITEMS.rows(cart=cart.pk)


def locked_for_change(context: AccountContext, *, code: str) -> Cart:
    """The open cart, locked, with the lease now the actor's.

    Raises:
        NotFound: `unknown_cart`.
        Conflict: `cart_ordered`, or `cart_in_use` by the editor named in `detail`.
        RuleViolated: `cart_expired`.
        Forbidden: as `check_agent`.
    """
    cart = find_cart(context, code=code, lock=True)
    check_open(cart)
    if cart.party_id is not None:
        check_agent(context, cart=cart)
    take_lease(cart, context=context)
    return cart


def check_agent(context: AccountContext, *, cart: Cart) -> None:
    """An agent acts for the customer of his contact alone, once he knows that it is he.

    A caller who is not known yet has nothing that could be his. Others than agents pass.

    Raises:
        Forbidden: `other_customer`, `caller_not_verified`.
    """
    if context.role is not Role.AGENT:
        return
    if cart.party_id not in (None, context.party_id):
        raise Forbidden("This cart belongs to another customer.", code="other_customer")
    if context.party_id is not None:
        require_verified(context)


def check_open(cart: Cart) -> None:
    """Raises Conflict `cart_ordered` or RuleViolated `cart_expired`."""
    if cart.state != CartState.OPEN:
        raise Conflict(f"The cart {cart.code} was ordered already.", code="cart_ordered")
    if cart.expires_at <= business_now():
        raise RuleViolated(
            f"The cart {cart.code} has expired; please start a new one.", code="cart_expired"
        )


def take_lease(cart: Cart, *, context: AccountContext) -> None:
    """The actor is the editor for the next two minutes; the caller saves the row.

    Raises:
        Conflict: `cart_in_use`.
    """
    key, now = editor_key(context), machine_now()
    if cart.editor_key not in ("", key) and cart.lease_until is not None and cart.lease_until > now:
        raise Conflict(
            f"{cart.editor_name} is changing this cart now; you can ask to take over.",
            code="cart_in_use",
            editor=cart.editor_name,
        )
    cart.editor_key, cart.editor_name = key, context.actor.name
    cart.lease_until = now + LEASE
    if cart.wanted_by == key:
        cart.wanted_by, cart.wanted_by_name, cart.wanted_at = "", "", None


def order_scope(context: AccountContext) -> Q:
    """The orders of the context's party, or of the visitor's own carts; all for operators."""
    if context.role in _EVERYTHING:
        return Q()
    if context.party_id is not None:
        return Q(party_id=context.party_id)
    if context.role is Role.VISITOR and context.visitor_key:
        return Q(cart__visitor_key=context.visitor_key)
    return Q(pk=None)


def _withdrawn_by(visitor_key: str) -> Q:
    """The orders by which a visitor withdrew from his own, which have no cart."""
    own = Order.objects.filter(cart__visitor_key=visitor_key)
    withdrawn_from = Func(OuterRef("withdraws"), Value("/"), Value(1), function="split_part")
    return ~Q(withdraws="") & Q(Exists(own.filter(number=withdrawn_from)))


def find_order(
    context: AccountContext, *, number: str, lock: bool = False, quote: bool = False
) -> Order:
    """The order `number`; with the quote that was agreed on if it is asked for.

    Raises:
        NotFound: `unknown_order`: there is none that the actor may see.
    """
    rows = Order.objects.select_for_update(of=("self",)) if lock else Order.objects.all()
    rows = rows.defer(None) if quote else rows
    scope = order_scope(context)
    if context.party_id is None and context.role is Role.VISITOR and context.visitor_key:
        scope |= _withdrawn_by(context.visitor_key)
    found = rows.filter(scope, number=number.strip().upper()).first()
    if found is None:
        raise NotFound("There is no such order.", code="unknown_order", order=number[:20])
    return found
