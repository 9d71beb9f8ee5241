"""Events and the webhooks that carry them."""

import copy
import hashlib
import hmac
import json
import time
from collections.abc import Mapping

from commerce.sandbox.common.delivery import Message, Signer
from commerce.sandbox.payments.errors import Document
from commerce.sandbox.payments.ids import new_id
from commerce.sandbox.payments.store import Resource
from commerce.sandbox.payments.world import API_VERSION, Origin, World

WEBHOOK_FAULTS = ("drop_webhook", "duplicate_webhook", "late_webhook")


def signer(secret: str) -> Signer:
    """Signs a body as Stripe documents it: HMAC-SHA256 over "<real time>.<body>"."""

    def sign(_: str, body: bytes) -> Mapping[str, str]:
        moment = int(time.time())
        code = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
        return {"Stripe-Signature": f"t={moment},v1={code.hexdigest()}"}

    return sign


def emit(
    world: World,
    event_type: str,
    document: Document,
    *,
    origin: Origin,
    before: Document | None = None,
) -> None:
    """Record that something happened to `document` and queue its webhook, in one transaction.

    `before` are the former values of what an `.updated` event changed.
    """
    data: Document = {"object": copy.deepcopy(document)}
    if before is not None:
        data["previous_attributes"] = before
    event: Document = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": world.now(),
        "data": data,
        "livemode": False,
        "pending_webhooks": int(world.settings.tells(event_type)),
        "request": {"id": origin.request_id, "idempotency_key": origin.idempotency_key},
        "type": event_type,
    }
    world.store.add(Resource("event", event))
    if world.settings.tells(event_type):
        _queue(world, event, origin=origin)


def _queue(world: World, event: Document, *, origin: Origin) -> None:
    """Faults match "<method> <path> <event type>" of what caused the event."""
    operation = f"{origin.operation} {event['type']}".strip()
    fault = world.faults.strike(operation, kinds=WEBHOOK_FAULTS)
    message = Message(
        id=event["id"],
        url=world.settings.webhook_url,
        body=json.dumps(event, ensure_ascii=False, indent=2),
        headers={"User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)", **origin.trace},
    )
    if fault is not None and fault.kind == "drop_webhook":
        return
    delay = fault.seconds if fault is not None and fault.kind == "late_webhook" else 0.0
    world.queue.add(message, delay=delay)
    if fault is not None and fault.kind == "duplicate_webhook":
        world.queue.add(message, delay=fault.seconds)


def shown(world: World, event: Resource) -> Document:
    """The event with the number of webhooks that are still to arrive."""
    return event.body | {"pending_webhooks": world.queue.pending_of(event.id)}
