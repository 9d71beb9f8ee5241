"""Payment intents over the API, from their creation to capture or cancellation."""

from commerce.sandbox.payments import customers, events, lists, payment_methods, payments
from commerce.sandbox.payments.errors import Document, invalid, missing
from commerce.sandbox.payments.forms import Params
from commerce.sandbox.payments.ids import new_id, random_text
from commerce.sandbox.payments.payments import KIND, Status
from commerce.sandbox.payments.shared import (
    CURRENCIES,
    LARGEST_AMOUNT,
    LEAST_AMOUNT,
    shipping,
)
from commerce.sandbox.payments.store import Resource
from commerce.sandbox.payments.world import Call, Origin, World

CAPTURE_METHODS = ("automatic", "automatic_async", "manual")
SEARCHED = frozenset({"status", "currency", "customer"})
TEXTS = (
    "description",
    "receipt_email",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)


def blank(
    world: World, *, amount: int, currency: str, capture_method: str, automatic: bool
) -> Document:
    """A payment intent of which only the amount is known; `automatic` payment methods or card."""
    identifier = new_id("pi")
    redirects = {"allow_redirects": "always", "enabled": True}
    return {
        "id": identifier,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": redirects if automatic else None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": capture_method,
        "client_secret": f"{identifier}_secret_{random_text(25)}",
        "confirmation_method": "automatic",
        "created": world.now(),
        "currency": currency,
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": Status.REQUIRES_PAYMENT_METHOD.value,
        "transfer_data": None,
        "transfer_group": None,
    }


def add(world: World, intent: Resource, *, origin: Origin) -> None:
    world.store.add(intent)
    events.emit(world, "payment_intent.created", intent.body, origin=origin)


def create(world: World, call: Call) -> Document:
    params = call.params
    amount, currency = checked_amount(params), checked_currency(params)
    capture_method = params.choice("capture_method", CAPTURE_METHODS) or "automatic_async"
    types = params.texts("payment_method_types")
    if any(kind not in payment_methods.KINDS for kind in types):
        raise invalid("This sandbox has cards and debits.", param="payment_method_types")
    body = blank(
        world,
        amount=amount,
        currency=currency,
        capture_method=capture_method,
        automatic=not types,
    )
    body["payment_method_types"] = list(types) or ["card"]
    if types and "card" not in types:
        body["payment_method_options"] = {"sepa_debit": {}}
    _automatic(params, body)
    confirmation = params.choice("confirmation_method", ("automatic", "manual"))
    body["confirmation_method"] = confirmation or "automatic"
    _apply(world, params, body)
    wanted = params.text("payment_method")
    confirm = params.boolean("confirm") or False
    confirmation_only = _Confirmation.read(params)
    if not confirm:
        confirmation_only.refuse_without_confirm()
    params.finish()
    intent = Resource(KIND, body)
    if confirm:
        _require_return_url(body, confirmation_only)
    method = None if wanted is None else payment_methods.find(world, wanted)
    if method is not None:
        _check_kind(body, method)
        body["payment_method"] = method.id
        body["status"] = Status.REQUIRES_CONFIRMATION.value
    add(world, intent, origin=call.origin)
    if confirm:
        _confirm(world, intent, confirmation_only, method=method, origin=call.origin)
    return intent.body


def _check_kind(body: Document, method: Resource) -> None:
    if method.body["type"] not in body["payment_method_types"]:
        raise invalid(
            f"The PaymentMethod provided ({method.body['type']}) is not allowed for this"
            " PaymentIntent. Please attach a PaymentMethod of one of its payment_method_types.",
            param="payment_method",
        )


def find(world: World, wanted: str, *, param: str = "intent") -> Resource:
    resource = world.store.find(KIND, wanted)
    if resource is None:
        raise missing("payment_intent", wanted, param=param)
    return resource


def retrieve(world: World, call: Call) -> Document:
    call.params.text("client_secret")
    call.params.finish()
    return find(world, call.id).body


def update(world: World, call: Call) -> Document:
    params = call.params
    intent = find(world, call.id)
    body = intent.body
    money = ("amount", "currency", "payment_method", "customer", "setup_future_usage")
    if any(params.has(name) for name in money):
        payments.require_status(body, payments.CONFIRMABLE, verb="updated")
    if params.has("amount"):
        body["amount"] = checked_amount(params)
    if params.has("currency"):
        body["currency"] = checked_currency(params)
    _apply(world, params, body)
    wanted = params.text("payment_method")
    params.finish()
    if wanted is not None:
        body["payment_method"] = payment_methods.find(world, wanted).id
        body["status"] = Status.REQUIRES_CONFIRMATION.value
    world.store.save(intent)
    return body


def confirm(world: World, call: Call) -> Document:
    params = call.params
    intent = find(world, call.id)
    wanted = params.text("payment_method")
    if params.has("setup_future_usage"):
        intent.body["setup_future_usage"] = _future_usage(params)
    if params.has("receipt_email"):
        intent.body["receipt_email"] = params.text("receipt_email")
    confirmation = _Confirmation.read(params)
    params.text("client_secret")
    params.finish()
    payments.require_status(intent.body, payments.CONFIRMABLE, verb="confirmed")
    _require_return_url(intent.body, confirmation)
    chosen = wanted or intent.body["payment_method"]
    method = None if chosen is None else payment_methods.find(world, chosen)
    _confirm(world, intent, confirmation, method=method, origin=call.origin)
    return intent.body


def capture(world: World, call: Call) -> Document:
    params = call.params
    intent = find(world, call.id)
    asked = params.integer("amount_to_capture", least=1)
    metadata = params.metadata(present=intent.body["metadata"])
    params.boolean("final_capture")
    for name in ("statement_descriptor", "statement_descriptor_suffix"):
        if params.has(name):
            intent.body[name] = params.text(name)
    params.finish()
    payments.require_status(intent.body, payments.CAPTURABLE, verb="captured")
    capturable = intent.body["amount_capturable"]
    amount = capturable if asked is None else asked
    if amount > capturable:
        raise invalid(
            f"The amount_to_capture ({amount}) must be less than or equal to the amount_capturable"
            f" ({capturable}) of the PaymentIntent.",
            param="amount_to_capture",
            code="amount_too_large",
            payment_intent=intent.body,
        )
    intent.body["metadata"] = metadata
    payments.capture(world, intent, amount=amount, origin=call.origin)
    return intent.body


def cancel(world: World, call: Call) -> Document:
    intent = find(world, call.id)
    reason = call.params.choice(
        "cancellation_reason", ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
    )
    call.params.finish()
    payments.require_status(intent.body, payments.CANCELABLE, verb="canceled")
    if intent.private.get("session_open"):
        raise invalid(
            "You cannot cancel this PaymentIntent because it was created by a Checkout Session."
            " Expire the Checkout Session instead.",
            payment_intent=intent.body,
        )
    payments.cancel(world, intent, reason=reason, origin=call.origin)
    return intent.body


def listed(world: World, call: Call) -> Document:
    conditions: lists.Conditions = ()
    customer = call.params.text("customer")
    if customer is not None:
        customers.find(world, customer)
        conditions = (("customer = ?", customer),)
    answer = lists.page(world, call, KIND, url="/v1/payment_intents", conditions=conditions)
    call.params.finish()
    return answer


def search(world: World, call: Call) -> Document:
    answer = lists.search(world, call, KIND, url="/v1/payment_intents/search", fields=SEARCHED)
    call.params.finish()
    return answer


def checked_amount(params: Params, *, name: str = "amount") -> int:
    """In minor units, between the least and the largest charge."""
    amount = params.integer(name)
    if amount is None:
        raise params.absent(name)
    if amount < LEAST_AMOUNT:
        raise invalid(
            "Amount must be at least €0.50 eur", param=params.name_of(name), code="amount_too_small"
        )
    if amount > LARGEST_AMOUNT:
        raise invalid(
            "Amount must be no more than €999,999.99",
            param=params.name_of(name),
            code="amount_too_large",
        )
    return amount


def checked_currency(params: Params) -> str:
    currency = params.required("currency").lower()
    if currency not in CURRENCIES:
        raise invalid(
            f"Invalid currency: {currency}. This sandbox supports: {', '.join(sorted(CURRENCIES))}",
            param=params.name_of("currency"),
        )
    return currency


class _Confirmation:
    """What may only be sent when the intent is confirmed."""

    def __init__(
        self, *, return_url: str | None, off_session: bool | None, error_on_action: bool | None
    ) -> None:
        self.return_url = return_url
        self.off_session = off_session
        self.error_on_action = error_on_action

    @classmethod
    def read(cls, params: Params) -> "_Confirmation":
        off_session = (
            True
            if params.text("off_session") in ("one_off", "recurring")
            else params.boolean("off_session")
        )
        return cls(
            return_url=params.text("return_url"),
            off_session=off_session,
            error_on_action=params.boolean("error_on_requires_action"),
        )

    def refuse_without_confirm(self) -> None:
        sent = {
            "return_url": self.return_url,
            "off_session": self.off_session,
            "error_on_requires_action": self.error_on_action,
        }
        for name, value in sent.items():
            if value is not None:
                raise invalid(
                    f"The parameter `{name}` cannot be passed when creating a PaymentIntent unless"
                    " `confirm` is set to true.",
                    param=name,
                )


def _require_return_url(body: Document, confirmation: _Confirmation) -> None:
    automatic = body["automatic_payment_methods"]
    redirects = automatic is not None and automatic["allow_redirects"] == "always"
    if redirects and confirmation.return_url is None and not confirmation.off_session:
        raise invalid(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard."
            " Because some of these payment methods might redirect your customer off of your page,"
            " you must provide a `return_url`. If you don't want to accept redirect-based payment"
            " methods, set `automatic_payment_methods[enabled]` to `true` and"
            " `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents"
            " and Payment Intents."
        )


def _confirm(
    world: World,
    intent: Resource,
    confirmation: _Confirmation,
    *,
    method: Resource | None,
    origin: Origin,
) -> None:
    if method is None:
        raise invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can"
            " either update the PaymentIntent with a payment method and then confirm it again, or"
            " confirm it again directly with a payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
            payment_intent=intent.body,
        )
    intent.private["return_url"] = confirmation.return_url
    payments.attempt(
        world,
        intent,
        method=method,
        origin=origin,
        off_session=confirmation.off_session or False,
        error_on_action=confirmation.error_on_action or False,
    )


def _automatic(params: Params, body: Document) -> None:
    section = params.section("automatic_payment_methods")
    if section is None:
        return
    enabled = section.boolean("enabled")
    redirects = section.choice("allow_redirects", ("always", "never")) or "always"
    body["automatic_payment_methods"] = (
        {"allow_redirects": redirects, "enabled": True} if enabled else None
    )


def _future_usage(params: Params) -> str | None:
    return params.choice("setup_future_usage", ("off_session", "on_session"))


def _apply(world: World, params: Params, body: Document) -> None:
    for name in TEXTS:
        if params.has(name):
            body[name] = params.text(name)
    customer = params.text("customer")
    if customer is not None:
        body["customer"] = customers.find(world, customer).id
    if params.has("setup_future_usage"):
        body["setup_future_usage"] = _future_usage(params)
    if params.has("shipping"):
        body["shipping"] = shipping(params)
    body["metadata"] = params.metadata(present=body["metadata"])
