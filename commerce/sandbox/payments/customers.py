"""Customers: create, retrieve, update, list, search, delete."""

import secrets

from commerce.sandbox.payments import events, lists
from commerce.sandbox.payments.errors import Document, invalid, missing
from commerce.sandbox.payments.forms import Params
from commerce.sandbox.payments.ids import new_id
from commerce.sandbox.payments.shared import optional_address, shipping
from commerce.sandbox.payments.store import Resource
from commerce.sandbox.payments.world import Call, Origin, World

KIND = "customer"
TEXTS = ("description", "email", "name", "phone", "business_name", "individual_name")
SEARCHED = frozenset({"email", "name", "phone"})


def create(world: World, call: Call) -> Document:
    body = _blank(world)
    _apply(world, body, call.params)
    call.params.finish()
    return add(world, body, origin=call.origin)


def create_guest(world: World, *, email: str | None, name: str | None, origin: Origin) -> Document:
    """The customer that a Checkout Session makes when it is to keep the card."""
    return add(world, _blank(world) | {"email": email, "name": name}, origin=origin)


def add(world: World, body: Document, *, origin: Origin) -> Document:
    world.store.add(Resource(KIND, body))
    events.emit(world, "customer.created", body, origin=origin)
    return body


def find(world: World, wanted: str, *, param: str = "customer") -> Resource:
    """The living customer.

    Raises:
        ApiError: unknown or deleted.
    """
    resource = world.store.find(KIND, wanted)
    if resource is None or resource.body.get("deleted"):
        raise missing("customer", wanted, param=param)
    return resource


def retrieve(world: World, call: Call) -> Document:
    """A deleted customer is answered as `{"deleted": true}`."""
    call.params.finish()
    resource = world.store.find(KIND, call.id)
    if resource is None:
        raise missing("customer", call.id)
    return resource.body


def update(world: World, call: Call) -> Document:
    resource = find(world, call.id, param="id")
    former = dict(resource.body)
    _apply(world, resource.body, call.params)
    call.params.finish()
    world.store.save(resource)
    changed = {name: value for name, value in former.items() if resource.body[name] != value}
    if changed:
        events.emit(world, "customer.updated", resource.body, origin=call.origin, before=changed)
    return resource.body


def delete(world: World, call: Call) -> Document:
    call.params.finish()
    resource = find(world, call.id, param="id")
    for method in world.store.where("payment_method", conditions=(("customer = ?", call.id),)):
        method.body["customer"] = None
        method.private["spent"] = True
        world.store.save(method)
    events.emit(world, "customer.deleted", resource.body, origin=call.origin)
    kept = {"id": resource.id, "object": KIND, "deleted": True}
    world.store.save(Resource(KIND, kept))
    return kept


def listed(world: World, call: Call) -> Document:
    conditions: lists.Conditions = (("json_extract(body, '$.deleted') IS ?", None),)
    email = call.params.text("email")
    if email is not None:
        conditions = (*conditions, ("json_extract(body, '$.email') = ?", email))
    answer = lists.page(world, call, KIND, url="/v1/customers", conditions=conditions)
    call.params.finish()
    return answer


def search(world: World, call: Call) -> Document:
    answer = lists.search(world, call, KIND, url="/v1/customers/search", fields=SEARCHED)
    call.params.finish()
    return answer


def _blank(world: World) -> Document:
    return {
        "id": new_id("cus"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": world.now(),
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": secrets.token_hex(4).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def _apply(world: World, body: Document, params: Params) -> None:
    for name in TEXTS:
        if params.has(name) and (name in body or params.text(name) is not None):
            body[name] = params.text(name)
    if params.has("address"):
        body["address"] = optional_address(params, "address")
    if params.has("shipping"):
        body["shipping"] = shipping(params)
    if params.has("preferred_locales"):
        body["preferred_locales"] = params.texts("preferred_locales")
    if params.has("tax_exempt"):
        body["tax_exempt"] = params.choice("tax_exempt", {"none", "exempt", "reverse"}) or "none"
    body["metadata"] = params.metadata(present=body["metadata"])
    if body["email"] is not None and "@" not in body["email"]:
        raise invalid(
            f"Invalid email address: {body['email']}", param="email", code="email_invalid"
        )
    invoice_settings = params.section("invoice_settings")
    if invoice_settings is not None:
        chosen = invoice_settings.text("default_payment_method")
        method = None if chosen is None else world.store.find("payment_method", chosen)
        if chosen is not None and (method is None or method.body["customer"] != body["id"]):
            raise missing("PaymentMethod", chosen, param="invoice_settings[default_payment_method]")
        body["invoice_settings"]["default_payment_method"] = chosen
