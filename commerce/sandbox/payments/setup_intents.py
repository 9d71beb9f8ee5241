"""Setup intents: a card or an account that its holder lets be charged later; nothing is paid."""

from commerce.sandbox.payments import events, lists, mandates
from commerce.sandbox.payments.bank_page import ask_the_holder
from commerce.sandbox.payments.cards import needs_authentication
from commerce.sandbox.payments.errors import Document, doc_url, missing
from commerce.sandbox.payments.ids import new_id, random_text
from commerce.sandbox.payments.payment_methods import (
    attach_to,
    card_of,
    declined,
    is_card,
    payment_error,
)
from commerce.sandbox.payments.store import Resource
from commerce.sandbox.payments.world import Call, Origin, World

KIND = "setup_intent"
AUTHENTICATION_FAILED = (
    "The latest attempt to set up the payment method has failed because authentication failed."
)


def make(world: World, *, kind: str, session: str, wishes: Document, origin: Origin) -> Resource:
    """The setup intent of a Checkout Session, for one `kind` of payment method."""
    identifier = new_id("seti")
    body: Document = {
        "id": identifier,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": f"{identifier}_secret_{random_text(25)}",
        "created": world.now(),
        "customer": None,
        "customer_account": None,
        "description": wishes["description"],
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": wishes["metadata"],
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": [kind],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": "off_session",
    }
    setup = Resource(KIND, body, {"session": session})
    world.store.add(setup)
    events.emit(world, "setup_intent.created", body, origin=origin)
    return setup


def find(world: World, wanted: str) -> Resource:
    resource = world.store.find(KIND, wanted)
    if resource is None:
        raise missing("setupintent", wanted, param="intent")
    return resource


def retrieve(world: World, call: Call) -> Document:
    call.params.text("client_secret")
    call.params.finish()
    return find(world, call.id).body


def listed(world: World, call: Call) -> Document:
    customer = call.params.text("customer")
    conditions: lists.Conditions = () if customer is None else (("customer = ?", customer),)
    answer = lists.page(world, call, KIND, url="/v1/setup_intents", conditions=conditions)
    call.params.finish()
    return answer


def attempt(world: World, setup: Resource, *, method: Resource, origin: Origin) -> None:
    """Keep the method, or ask the card's holder to authenticate first.

    Raises:
        ApiError: the card was declined; the session stays open.
    """
    setup.body |= {"payment_method": method.id, "last_setup_error": None, "next_action": None}
    if not is_card(method):
        mandate = mandates.make(world, method=method.id)
        method.private["mandate"] = mandate.id
        setup.body["mandate"] = mandate.id
        _succeed(world, setup, method=method, origin=origin)
    elif not card_of(method).attachable:
        error = declined(card_of(method).decline or "generic_decline", payment_method=method.body)
        _fail(world, setup, error=payment_error(error, method=method.body), origin=origin)
        raise error
    elif needs_authentication(card_of(method), off_session=False, set_up=False):
        ask_the_holder(world, setup)
        events.emit(world, "setup_intent.requires_action", setup.body, origin=origin)
    else:
        _succeed(world, setup, method=method, origin=origin)


def authenticate(world: World, setup: Resource, *, passed: bool, origin: Origin) -> None:
    """The cardholder's answer on the bank's page."""
    method = world.store.find("payment_method", setup.body["payment_method"])
    assert method is not None
    if passed:
        _succeed(world, setup, method=method, origin=origin)
        return
    code = "setup_intent_authentication_failure"
    error = {
        "code": code,
        "doc_url": doc_url(code),
        "message": AUTHENTICATION_FAILED,
        "payment_method": method.body,
        "type": "invalid_request_error",
    }
    _fail(world, setup, error=error, origin=origin)


def cancel(world: World, setup: Resource, *, origin: Origin) -> None:
    """Its session has expired."""
    setup.body |= {"status": "canceled", "cancellation_reason": "expired", "next_action": None}
    world.store.save(setup)
    events.emit(world, "setup_intent.canceled", setup.body, origin=origin)


def _succeed(world: World, setup: Resource, *, method: Resource, origin: Origin) -> None:
    setup.body |= {"status": "succeeded", "next_action": None}
    world.store.save(setup)
    method.private["set_up"] = True
    world.store.save(method)
    if setup.body["customer"] is not None:
        attach_to(world, method, customer=setup.body["customer"], origin=origin)
    events.emit(world, "setup_intent.succeeded", setup.body, origin=origin)


def _fail(world: World, setup: Resource, *, error: Document, origin: Origin) -> None:
    setup.body |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "last_setup_error": error,
        "next_action": None,
    }
    world.store.save(setup)
    events.emit(world, "setup_intent.setup_failed", setup.body, origin=origin)
