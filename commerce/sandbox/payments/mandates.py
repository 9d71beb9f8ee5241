"""Mandates: what the holder of an account has agreed to on the hosted page."""

from commerce.sandbox.payments import events
from commerce.sandbox.payments.errors import Document, missing
from commerce.sandbox.payments.ids import new_id, random_text
from commerce.sandbox.payments.store import Resource
from commerce.sandbox.payments.world import Call, Origin, World

KIND = "mandate"


def make(world: World, *, method: str) -> Resource:
    """A mandate for debits as often as needed, accepted online just now."""
    identifier = new_id("mandate")
    body: Document = {
        "id": identifier,
        "object": "mandate",
        "customer_acceptance": {
            "accepted_at": world.now(),
            "online": {"ip_address": None, "user_agent": None},
            "type": "online",
        },
        "livemode": False,
        "multi_use": {},
        "on_behalf_of": None,
        "payment_method": method,
        "payment_method_details": {
            "sepa_debit": {
                "reference": random_text(16).upper(),
                "url": f"{world.settings.base.public_url}/c/mandate/{identifier}",
            },
            "type": "sepa_debit",
        },
        "status": "active",
        "type": "multi_use",
    }
    resource = Resource(KIND, body, {"created": world.now()})
    world.store.add(resource)
    return resource


def retrieve(world: World, call: Call) -> Document:
    call.params.finish()
    return find(world, call.id).body


def find(world: World, wanted: str) -> Resource:
    resource = world.store.find(KIND, wanted)
    if resource is None:
        raise missing("mandate", wanted, param="mandate")
    return resource


def end(world: World, mandate: Resource, *, origin: Origin) -> None:
    """No debit is made under it any more. Twice is once."""
    if mandate.body["status"] == "inactive":
        return
    mandate.body["status"] = "inactive"
    world.store.save(mandate)
    events.emit(world, "mandate.updated", mandate.body, origin=origin, before={"status": "active"})
