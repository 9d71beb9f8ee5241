"""Placing an order: one transaction, once per cart, at the total that the buyer saw."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from django.db import transaction

from catalogue.domain.model import Segment
from catalogue.shops import shop
from commerce.accounts import selectors as accounts
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.accounts.selectors import Address
from commerce.accounts.services.customers import customer_for_checkout
from commerce.kernel.errors import Forbidden, InvalidInput, RuleViolated
from commerce.kernel.links import new_token, token_digest
from commerce.kernel.money import Money
from commerce.notifications.services import send
from commerce.ordering.domain.cart import CartValue
from commerce.ordering.domain.checks import issues
from commerce.ordering.domain.consents import OrderConsents, check_consents, check_in_parts
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.states import GIVEN_UP, CartState, OrderState
from commerce.ordering.models import Cart, Order
from commerce.ordering.services import approval, links, payment
from commerce.ordering.services.access import (
    check_agent,
    check_open,
    find_cart,
    items_of,
    take_lease,
)
from commerce.ordering.services.editing import refuse
from commerce.ordering.services.instalments import in_parts
from commerce.ordering.services.pricing import (
    Pricing,
    cart_value,
    pricing_of,
    quote_of,
    refuse_preview,
)
from commerce.ordering.services.writing import Buyer, Draft, lines_to_deliver
from commerce.rows import update


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """Who orders, when he is not known yet."""

    email: str
    first_name: str
    last_name: str
    phone: str = ""
    birth_date: date | None = None


@dataclass(frozen=True, slots=True)
class PayReturn:
    """Where the hosted payment page leads back to; `{number}` is filled in."""

    success_url: str
    cancel_url: str


@dataclass(frozen=True, slots=True)
class Checkout:
    """What the buyer says at the checkout.

    `expected_total` is the gross due today that he saw, `digest` that quote's (empty: not
    compared). `customer` is needed from strangers, `deliver_to` when something is carried (else
    the customer's first address) and not fetched in the shop `pick_up_at`, `purchase_order` from
    businesses. The devices are paid in `instalments` parts (0: at once), today's included.
    """

    expected_total: Money
    consents: OrderConsents = field(default_factory=OrderConsents)
    digest: str = ""
    customer: NewCustomer | None = None
    deliver_to: Address | None = None
    pick_up_at: str = ""
    language: str = "fr"
    purchase_order: str = ""
    pay_return: PayReturn | None = None
    instalments: int = 0


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """`due_now` of `gross` is paid today, the rest in parts. `payment_key` can be opened on the
    hosted page; empty when nothing is to be paid now."""

    number: str
    state: OrderState
    gross: Money
    due_now: Money
    payment_key: str
    party_id: int


@transaction.atomic
def place_order(context: AccountContext, *, code: str, checkout: Checkout) -> PlacedOrder:
    """Order what is in the cart. A second call answers the same order.

    A consumer's order waits for its payment (accepted at once if nothing is due); one placed by
    an agent waits for the customer, who gets a link by message and agrees himself, to parts too; a
    business order is accepted on
    invoice, or waits for an approver when it is above the buyer's limit.

    Raises:
        NotFound: `unknown_cart`, `unknown_offering`, `unknown_shop`.
        Conflict: `cart_in_use`.
        Forbidden: `viewer`; `members_only`: a business orders through its members; for an agent
            `other_customer`, or `caller_not_verified`.
        InvalidInput: `customer_missing`, `address_missing`, `purchase_order_missing`, or a value
            of the customer.
        RuleViolated: `price_changed` (with the new `total` and `digest`), `cart_expired`,
            `cart_empty`, an issue of the cart, `terms_not_accepted`,
            `contract_summary_not_confirmed`, `out_of_stock`, `number_taken`,
            `promotion_used_up`, `no_approver`; of paying in parts those of `in_parts`,
            `instalments_not_agreed`. Nothing is written then.
    """
    cart = find_cart(context, code=code, lock=True)
    _check_may_order(context, cart=cart)
    if cart.state == CartState.ORDERED:
        return placed(cart.orders.exclude(state__in=GIVEN_UP).get())
    check_open(cart)
    take_lease(cart, context=context)
    pricing = pricing_of(cart)
    refuse_preview(pricing)
    value = cart_value(cart, items_of(cart))
    if not value.lines:
        raise RuleViolated("The cart is empty.", code="cart_empty")
    for issue in issues(value, catalogue=pricing.snapshot, at=pricing.at):
        raise refuse(issue)
    consumer = value.segment is Segment.CONSUMER
    by_agent = context.role is Role.AGENT
    if not by_agent:
        check_consents(checkout.consents, consumer=consumer)
    buyer = _buyer(context, cart=cart, checkout=checkout)
    quote = quote_of(value, pricing=pricing, cart=cart)
    check_expected(quote, expected=checkout.expected_total, digest=checkout.digest)
    parts = None
    if checkout.instalments:
        parts = in_parts(
            checkout.instalments,
            quote=quote,
            segment=value.segment,
            party_id=buyer.party_id,
            snapshot=pricing.snapshot,
        )
        if not by_agent:
            check_in_parts(checkout.consents)
    draft = Draft(
        buyer=buyer,
        value=value,
        quote=quote,
        pricing=pricing,
        state=first_state(quote, consumer=consumer, by_agent=by_agent),
        cart=cart,
        consents=None if by_agent else checkout.consents,
        deliver_to=delivery_of(checkout, value=value, buyer=buyer, pricing=pricing),
        pick_up_at=_pick_up_at(checkout, value=value, pricing=pricing),
        purchase_order=purchase_order_of(checkout.purchase_order, consumer=consumer),
        membership_id=context.membership_id,
        pay_return=pay_return_of(checkout.pay_return),
        in_parts=parts,
    )
    return placed(_written(draft, context=context, cart=cart))


def placed(order: Order) -> PlacedOrder:
    """The order, as the one who placed it needs it."""
    return PlacedOrder(
        number=order.number,
        state=OrderState(order.state),
        gross=Money(order.gross, order.currency),
        due_now=payment.due_now(order),
        payment_key=order.payment_key if order.payment_open else "",
        party_id=order.party_id,
    )


def check_expected(quote: Quote, *, expected: Money, digest: str = "") -> None:
    """Whether the quote is what the buyer saw.

    Raises:
        RuleViolated: `price_changed`; `detail` has `expected`, the new `total` and `digest`.
    """
    if quote.due_today_gross == expected and digest in ("", quote.digest()):
        return
    raise RuleViolated(
        "The price has changed since you saw it. Nothing was ordered; please look at it again.",
        code="price_changed",
        expected=str(expected),
        total=str(quote.due_today_gross),
        digest=quote.digest(),
    )


def _written(draft: Draft, *, context: AccountContext, cart: Cart) -> Order:
    order = written(draft, context=context)
    cart.state, cart.party_id = CartState.ORDERED, order.party_id
    update([cart])
    return order


def written(draft: Draft, *, context: AccountContext) -> Order:
    """Write the order; one that waits for its customer gets a link, which he is sent."""
    token = ""
    if draft.state is OrderState.AWAITING_ACCEPTANCE:
        token = new_token()
        draft = replace(draft, accept_digest=token_digest(token))
    order = approval.write_with_approval(draft, context=context)
    if token:
        send_link(order, token=token)
    return order


def send_link(order: Order, *, token: str) -> None:
    """Tell the customer where to accept and pay."""
    send(
        code="payment_link",
        party_id=order.party_id,
        values={"order": order.number, "url": links.absolute(links.ACCEPT, token=token)},
        reference=f"{order.number}/accept/{order.accept_digest[:8]}",
    )


def first_state(quote: Quote, *, consumer: bool, by_agent: bool) -> OrderState:
    if by_agent and consumer:
        return OrderState.AWAITING_ACCEPTANCE
    if consumer and quote.due_today_gross:
        return OrderState.AWAITING_PAYMENT
    return OrderState.ACCEPTED


def _check_may_order(context: AccountContext, *, cart: Cart) -> None:
    """Having the cart is not enough: a business is bound by its members, within their limits."""
    if context.role is Role.VIEWER:
        raise Forbidden("A viewer can't order.", code="viewer")
    other = cart.party_id not in (None, context.party_id)
    if cart.segment == Segment.BUSINESS and (context.membership_id is None or other):
        raise Forbidden("Only members of an organisation order for it.", code="members_only")
    check_agent(context, cart=cart)


def _buyer(context: AccountContext, *, cart: Cart, checkout: Checkout) -> Buyer:
    """The cart's party, else the context's, else the stranger who gives his name."""
    party_id = cart.party_id or context.party_id
    if party_id is None:
        new = checkout.customer
        if new is None:
            raise InvalidInput(
                "Say who orders: name and e-mail.", code="customer_missing", field="customer"
            )
        party_id = customer_for_checkout(
            email=new.email,
            first_name=new.first_name,
            last_name=new.last_name,
            phone=new.phone,
            birth_date=new.birth_date,
            language=checkout.language,
            context=context,
        )
    cart.party_id = party_id
    reach = accounts.reach(party_id)
    return Buyer(party_id, reach.email, reach.phone, checkout.language or reach.language)


def delivery_of(
    checkout: Checkout, *, value: CartValue, buyer: Buyer, pricing: Pricing
) -> Mapping[str, Mapping[str, str]]:
    if checkout.pick_up_at or not lines_to_deliver(value.lines, snapshot=pricing.snapshot):
        return {}
    if checkout.deliver_to is not None:
        return {"": checkout.deliver_to.as_json()}
    known = accounts.party(buyer.party_id).addresses
    if not known:
        raise InvalidInput(
            "Say where the parcel should go.", code="address_missing", field="deliver_to"
        )
    return {"": known[0].as_json()}


def _pick_up_at(checkout: Checkout, *, value: CartValue, pricing: Pricing) -> str:
    """The shop; empty where nothing is to be fetched."""
    if not checkout.pick_up_at:
        return ""
    chosen = shop(checkout.pick_up_at).code
    return chosen if lines_to_deliver(value.lines, snapshot=pricing.snapshot) else ""


def purchase_order_of(said: str, *, consumer: bool) -> str:
    """Raises InvalidInput `purchase_order_missing`: a business says one."""
    number = said.strip()
    if not consumer and not number:
        raise InvalidInput(
            "A business order needs your purchase-order number.",
            code="purchase_order_missing",
            field="purchase_order",
        )
    return number[:60]


def pay_return_of(wanted: PayReturn | None) -> Mapping[str, str]:
    if wanted is None:
        return {}
    return {"success_url": wanted.success_url, "cancel_url": wanted.cancel_url}
