"""The life of a payment intent: each step writes the intent, its charge, the ledger and events."""

from enum import StrEnum

from commerce.sandbox.payments import banks, charges, disputes, events, mandates
from commerce.sandbox.payments.bank_page import ask_the_holder
from commerce.sandbox.payments.cards import needs_authentication
from commerce.sandbox.payments.charges import HOLD_SECONDS
from commerce.sandbox.payments.errors import Document, doc_url, invalid
from commerce.sandbox.payments.ids import new_id
from commerce.sandbox.payments.payment_methods import (
    account_of,
    attach_to,
    card_of,
    declined,
    is_card,
    payment_error,
    refuse_if_spent,
)
from commerce.sandbox.payments.store import Resource
from commerce.sandbox.payments.world import Origin, World

KIND = "payment_intent"


class Status(StrEnum):
    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    REQUIRES_CAPTURE = "requires_capture"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


CONFIRMABLE = frozenset(
    {Status.REQUIRES_PAYMENT_METHOD, Status.REQUIRES_CONFIRMATION, Status.REQUIRES_ACTION}
)
CANCELABLE = CONFIRMABLE | {Status.REQUIRES_CAPTURE}
CAPTURABLE = frozenset({Status.REQUIRES_CAPTURE})

AUTHENTICATION_FAILED = (
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or"
    " a new PaymentMethod to attempt to fulfill this PaymentIntent again."
)


def require_status(intent: Document, allowed: frozenset[Status], *, verb: str) -> None:
    """Refuse a step that the intent's status does not permit."""
    if intent["status"] in allowed:
        return
    listed = ", ".join(sorted(status.value for status in allowed))
    raise invalid(
        f"This PaymentIntent's status is {intent['status']}, so it could not be {verb}. Only a"
        f" PaymentIntent with one of the following statuses may be {verb}: {listed}.",
        code="payment_intent_unexpected_state",
        payment_intent=intent,
    )


def attempt(
    world: World,
    intent: Resource,
    *,
    method: Resource,
    origin: Origin,
    off_session: bool = False,
    error_on_action: bool = False,
) -> None:
    """Charge the card, or ask for authentication (the status is then `requires_action`); begin the
    debit of an account (`processing`).

    Raises:
        ApiError: the card was declined; the failed charge and its events stay.
    """
    _check_owner(intent.body, method)
    refuse_if_spent(method)
    intent.body |= {"payment_method": method.id, "last_payment_error": None, "next_action": None}
    if not is_card(method):
        _debit(world, intent, method=method, origin=origin)
        return
    set_up = bool(method.private.get("set_up"))
    if not needs_authentication(card_of(method), off_session=off_session, set_up=set_up):
        _charge(world, intent, method=method, origin=origin, authenticated=False)
    elif off_session or error_on_action:
        _decline(world, intent, method=method, reason="authentication_required", origin=origin)
    else:
        _ask(world, intent, origin=origin)


def authenticate(world: World, intent: Resource, *, passed: bool, origin: Origin) -> None:
    """The cardholder's answer on the bank's page.

    Raises:
        ApiError: the card was declined although the cardholder is genuine.
    """
    require_status(intent.body, frozenset({Status.REQUIRES_ACTION}), verb="authenticated")
    method = world.store.find("payment_method", intent.body["payment_method"])
    assert method is not None
    intent.body["next_action"] = None
    if passed:
        _charge(world, intent, method=method, origin=origin, authenticated=True)
        return
    intent.body["last_payment_error"] = {
        "code": "payment_intent_authentication_failure",
        "doc_url": doc_url("payment_intent_authentication_failure"),
        "message": AUTHENTICATION_FAILED,
        "payment_method": method.body,
        "type": "invalid_request_error",
    }
    _fail(world, intent, origin=origin)


def capture(world: World, intent: Resource, *, amount: int, origin: Origin) -> None:
    """Take `amount` (minor units) of what is authorised; the rest is released."""
    charge = charges.find(world, intent.body["latest_charge"])
    charge.body |= {
        "captured": True,
        "amount_captured": amount,
        "balance_transaction": new_id("txn"),
    }
    world.store.save(charge)
    released = intent.body["amount_capturable"] - amount
    intent.body |= {
        "status": Status.SUCCEEDED.value,
        "amount_capturable": 0,
        "amount_received": amount,
    }
    intent.private.pop("due_at", None)
    world.store.save(intent)
    _mark_session_paid(world, intent)
    record(world, "captured", intent.body, amount=amount, reference=charge.id, origin=origin)
    if released:
        record(world, "cancelled", intent.body, amount=released, reference=charge.id, origin=origin)
    events.emit(world, "charge.captured", charge.body, origin=origin)
    events.emit(world, "payment_intent.succeeded", intent.body, origin=origin)
    _object(world, intent, charge=charge)


def end_debit(world: World, intent: Resource) -> None:
    """Time has come: the bank has paid the debit, or tells why not. Also this may be disputed."""
    method = world.store.find("payment_method", intent.body["payment_method"])
    assert method is not None
    account = account_of(method)
    charge = charges.find(world, intent.body["latest_charge"])
    charges.end_debit(world, charge, failure=account.failure)
    intent.private.pop("due_at", None)
    origin = Origin(trace=intent.private.get("trace", {}))
    if account.failure is not None:
        _fail_debit(world, intent, charge=charge, method=method, origin=origin)
        return
    amount = intent.body["amount"]
    intent.body |= {"status": Status.SUCCEEDED.value, "amount_received": amount}
    world.store.save(intent)
    record(world, "captured", intent.body, amount=amount, reference=charge.id, origin=origin)
    events.emit(world, "charge.succeeded", charge.body, origin=origin)
    events.emit(world, "payment_intent.succeeded", intent.body, origin=origin)
    _object(world, intent, charge=charge)


def cancel(world: World, intent: Resource, *, reason: str | None, origin: Origin) -> None:
    """End the intent; an authorisation is released without a refund object."""
    held = intent.body["amount_capturable"]
    intent.body |= {
        "status": Status.CANCELED.value,
        "canceled_at": world.now(),
        "cancellation_reason": reason,
        "amount_capturable": 0,
        "next_action": None,
    }
    intent.private.pop("due_at", None)
    world.store.save(intent)
    if held:
        charge = charges.find(world, intent.body["latest_charge"])
        charge.body |= {"amount_refunded": charge.body["amount"], "refunded": True}
        world.store.save(charge)
        events.emit(world, "charge.refunded", charge.body, origin=origin)
    record(
        world,
        "cancelled",
        intent.body,
        amount=held,
        reference=intent.body["latest_charge"],
        origin=origin,
    )
    events.emit(world, "payment_intent.canceled", intent.body, origin=origin)


def record(
    world: World,
    kind: str,
    intent: Document,
    *,
    amount: int,
    reference: str | None,
    origin: Origin,
) -> None:
    """Write a money effect to the ledger."""
    world.ledger.effect(
        kind,
        payment_intent=intent,
        amount=amount,
        reference=reference,
        request_id=origin.request_id,
        idempotency_key=origin.idempotency_key,
    )


def _mark_session_paid(world: World, intent: Resource) -> None:
    """The Checkout Session that made a held payment counts as paid once it is captured."""
    session = world.store.find("checkout.session", intent.private.get("session", ""))
    if session is not None:
        session.body["payment_status"] = "paid"
        world.store.save(session)


def _check_owner(intent: Document, method: Resource) -> None:
    owner = method.body["customer"]
    if owner is None or owner == intent["customer"]:
        return
    if intent["customer"] is None:
        sentence = (
            f"The PaymentMethod {method.id} belongs to a customer. Please include the customer in"
            " the `customer` parameter on the PaymentIntent."
        )
    else:
        sentence = (
            f"The provided PaymentMethod ({method.id}) is attached to another customer than the"
            " one on the PaymentIntent."
        )
    raise invalid(sentence, param="payment_method")


def _ask(world: World, intent: Resource, *, origin: Origin) -> None:
    ask_the_holder(world, intent)
    events.emit(world, "payment_intent.requires_action", intent.body, origin=origin)


def _charge(
    world: World, intent: Resource, *, method: Resource, origin: Origin, authenticated: bool
) -> None:
    reason = card_of(method).decline
    if reason is not None:
        _decline(
            world,
            intent,
            method=method,
            reason=reason,
            origin=origin,
            authenticated=authenticated,
        )
    _keep_card(world, intent.body, method=method, origin=origin)
    charge = charges.make(
        world, intent.body, method=method, decline=None, authenticated=authenticated
    )
    amount = intent.body["amount"]
    intent.body["latest_charge"] = charge.id
    record(world, "authorised", intent.body, amount=amount, reference=charge.id, origin=origin)
    if intent.body["capture_method"] == "manual":
        intent.body |= {"status": Status.REQUIRES_CAPTURE.value, "amount_capturable": amount}
        intent.private["due_at"] = world.now() + HOLD_SECONDS
        final = "payment_intent.amount_capturable_updated"
    else:
        intent.body |= {"status": Status.SUCCEEDED.value, "amount_received": amount}
        record(world, "captured", intent.body, amount=amount, reference=charge.id, origin=origin)
        final = "payment_intent.succeeded"
    world.store.save(intent)
    events.emit(world, "charge.succeeded", charge.body, origin=origin)
    events.emit(world, final, intent.body, origin=origin)
    if intent.body["status"] == Status.SUCCEEDED:
        _object(world, intent, charge=charge)


def _object(world: World, intent: Resource, *, charge: Resource) -> None:
    """The holders of some test cards and accounts dispute each payment as soon as it is made."""
    method = world.store.find("payment_method", intent.body["payment_method"])
    assert method is not None
    if not is_card(method):
        if account_of(method).disputed:
            disputes.begin(world, charge, reason="general")
        return
    card = card_of(method)
    if card.dispute is not None:
        disputes.begin(world, charge, reason=card.dispute, inquiry=card.inquiry)


def _debit(world: World, intent: Resource, *, method: Resource, origin: Origin) -> None:
    mandate = mandates.find(world, method.private["mandate"])
    if mandate.body["status"] != "active":
        raise invalid(
            "The mandate of this PaymentMethod is no longer active.",
            code="payment_intent_mandate_invalid",
            payment_intent=intent.body,
        )
    charge = charges.begin_debit(world, intent.body, method=method)
    intent.body |= {"status": Status.PROCESSING.value, "latest_charge": charge.id}
    days = account_of(method).days
    intent.private |= {
        "due_at": banks.outcome_at(world.now(), days=days),
        "trace": dict(origin.trace),
    }
    world.store.save(intent)
    events.emit(world, "charge.pending", charge.body, origin=origin)
    events.emit(world, "payment_intent.processing", intent.body, origin=origin)


def _fail_debit(
    world: World, intent: Resource, *, charge: Resource, method: Resource, origin: Origin
) -> None:
    code = charge.body["failure_code"]
    intent.body["last_payment_error"] = {
        "charge": charge.id,
        "code": code,
        "message": charge.body["failure_message"],
        "payment_method": method.body,
        "type": "invalid_request_error",
    }
    events.emit(world, "charge.failed", charge.body, origin=origin)
    _fail(world, intent, origin=origin)
    if code in banks.LASTING:
        mandates.end(world, mandates.find(world, method.private["mandate"]), origin=origin)


def _keep_card(world: World, intent: Document, *, method: Resource, origin: Origin) -> None:
    """Attach and set up the card for later, or mark it as used up."""
    if intent["setup_future_usage"] is not None and intent["customer"] is not None:
        attach_to(world, method, customer=intent["customer"], origin=origin)
        method.private["set_up"] = True
    elif method.body["customer"] is None:
        method.private["spent"] = True
    world.store.save(method)


def _decline(
    world: World,
    intent: Resource,
    *,
    method: Resource,
    reason: str,
    origin: Origin,
    authenticated: bool = False,
) -> None:
    """Write the failed charge.

    Raises:
        ApiError: always; the card error with the payment intent in it.
    """
    charge = charges.make(
        world, intent.body, method=method, decline=reason, authenticated=authenticated
    )
    error = declined(reason, charge=charge.id, payment_method=method.body)
    intent.body |= {
        "latest_charge": charge.id,
        "last_payment_error": payment_error(error, method=method.body),
    }
    events.emit(world, "charge.failed", charge.body, origin=origin)
    _fail(world, intent, origin=origin)
    error.payment_intent = intent.body
    raise error


def _fail(world: World, intent: Resource, *, origin: Origin) -> None:
    intent.body |= {
        "status": Status.REQUIRES_PAYMENT_METHOD.value,
        "payment_method": None,
        "next_action": None,
    }
    world.store.save(intent)
    events.emit(world, "payment_intent.payment_failed", intent.body, origin=origin)
