"""Charges: what a payment intent does to the card."""

from commerce.sandbox.payments import lists
from commerce.sandbox.payments.banks import FAILURES
from commerce.sandbox.payments.cards import DECLINES
from commerce.sandbox.payments.errors import Document, missing
from commerce.sandbox.payments.ids import new_id, random_text
from commerce.sandbox.payments.store import Resource
from commerce.sandbox.payments.world import Call, World

KIND = "charge"
HOLD_SECONDS = 7 * 24 * 3600
"""How long an authorisation is held before it lapses."""


def make(
    world: World,
    intent: Document,
    *,
    method: Resource,
    decline: str | None,
    authenticated: bool,
) -> Resource:
    """A new charge of the whole amount; captured at once unless the intent is manual."""
    manual = intent["capture_method"] == "manual"
    succeeded = decline is None
    captured = succeeded and not manual
    identifier = new_id("ch")
    body: Document = {
        "id": identifier,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if captured else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": new_id("txn") if captured else None,
        "billing_details": method.body["billing_details"],
        "calculated_statement_descriptor": world.settings.merchant.upper()[:22],
        "captured": captured,
        "created": world.now(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None if decline is None else DECLINES[decline].code,
        "failure_message": None if decline is None else DECLINES[decline].message,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": _outcome(decline),
        "paid": succeeded,
        "payment_intent": intent["id"],
        "payment_method": method.id,
        "payment_method_details": _details(
            world, intent, method=method, authenticated=authenticated
        ),
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": f"{world.settings.base.public_url}/c/receipt/{identifier}"
        if succeeded
        else None,
        "refunded": False,
        "review": None,
        "shipping": intent["shipping"],
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "succeeded" if succeeded else "failed",
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }
    resource = Resource(KIND, body)
    world.store.add(resource)
    return resource


def begin_debit(world: World, intent: Document, *, method: Resource) -> Resource:
    """A charge whose outcome the bank tells some days later."""
    charge = make(world, intent, method=method, decline=None, authenticated=False)
    charge.body |= {
        "status": "pending",
        "paid": False,
        "balance_transaction": None,
        "receipt_url": None,
    }
    world.store.save(charge)
    return charge


def end_debit(world: World, charge: Resource, *, failure: str | None) -> None:
    """The bank has paid, or says why not."""
    if failure is None:
        charge.body |= {
            "status": "succeeded",
            "paid": True,
            "balance_transaction": new_id("txn"),
            "receipt_url": f"{world.settings.base.public_url}/c/receipt/{charge.id}",
        }
    else:
        charge.body |= {
            "status": "failed",
            "captured": False,
            "amount_captured": 0,
            "failure_code": failure,
            "failure_message": FAILURES[failure],
        }
    world.store.save(charge)


def find(world: World, wanted: str, *, param: str = "charge") -> Resource:
    resource = world.store.find(KIND, wanted)
    if resource is None:
        raise missing("charge", wanted, param=param)
    return resource


def retrieve(world: World, call: Call) -> Document:
    call.params.finish()
    return find(world, call.id, param="id").body


def update(world: World, call: Call) -> Document:
    resource = find(world, call.id, param="id")
    resource.body["metadata"] = call.params.metadata(present=resource.body["metadata"])
    for name in ("description", "receipt_email"):
        if call.params.has(name):
            resource.body[name] = call.params.text(name)
    call.params.finish()
    world.store.save(resource)
    return resource.body


def listed(world: World, call: Call) -> Document:
    conditions: lists.Conditions = ()
    for name in ("customer", "payment_intent"):
        wanted = call.params.text(name)
        if wanted is not None:
            conditions = (*conditions, (f"{name} = ?", wanted))
    answer = lists.page(world, call, KIND, url="/v1/charges", conditions=conditions)
    call.params.finish()
    return answer


def _outcome(decline: str | None) -> Document:
    blocked = decline == "fraudulent"
    if decline is None:
        status, kind, sentence = "approved_by_network", "authorized", "Payment complete."
    elif blocked:
        status, kind, sentence = (
            "not_sent_to_network",
            "blocked",
            "Stripe blocked this payment as too risky.",
        )
    else:
        status, kind, sentence = (
            "declined_by_network",
            "issuer_declined",
            "The bank did not return any further details with this decline.",
        )
    return {
        "advice_code": None if decline is None else "try_again_later",
        "network_advice_code": None,
        "network_decline_code": None if decline is None else "05",
        "network_status": status,
        "reason": "highest_risk_level" if blocked else decline,
        "risk_level": "highest" if blocked else "normal",
        "risk_score": 95 if blocked else 21,
        "seller_message": sentence,
        "type": kind,
    }


def _details(world: World, intent: Document, *, method: Resource, authenticated: bool) -> Document:
    if method.body["type"] == "card":
        facts = _card_details(world, intent, method=method, authenticated=authenticated)
        return {"card": facts, "type": "card"}
    kept = ("bank_code", "branch_code", "country", "fingerprint", "last4")
    debited: Document = {name: method.body["sepa_debit"][name] for name in kept}
    debited |= {"expected_debit_date": None, "mandate": method.private["mandate"]}
    return {"sepa_debit": debited, "type": "sepa_debit"}


def _card_details(
    world: World, intent: Document, *, method: Resource, authenticated: bool
) -> Document:
    card = method.body["card"]
    details: Document = {
        "amount_authorized": intent["amount"],
        "authorization_code": random_text(6).upper(),
        "brand": card["brand"],
        "checks": card["checks"],
        "country": card["country"],
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "extended_authorization": {"status": "disabled"},
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["networks"]["available"][0],
        "network_token": {"used": False},
        "network_transaction_id": random_text(15).upper(),
        "overcapture": {"maximum_amount_capturable": intent["amount"], "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": _three_d_secure() if authenticated else None,
        "transaction_link_id": None,
        "wallet": None,
    }
    if intent["capture_method"] == "manual":
        details["capture_before"] = world.now() + HOLD_SECONDS
    return details


def _three_d_secure() -> Document:
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": random_text(36).lower(),
        "version": "2.2.0",
    }
