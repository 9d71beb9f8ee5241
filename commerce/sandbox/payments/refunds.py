"""Refunds, whole or in part, of captured charges."""

from commerce.sandbox.payments import charges, disputes, events, lists, payment_intents, payments
from commerce.sandbox.payments.errors import Document, invalid, missing
from commerce.sandbox.payments.ids import new_id
from commerce.sandbox.payments.store import Resource
from commerce.sandbox.payments.world import Call, World

KIND = "refund"
REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def create(world: World, call: Call) -> Document:
    """Give back `amount` (the rest if none is named) of a charge or of an intent's charge."""
    params = call.params
    asked = params.integer("amount", least=1)
    reason = params.choice("reason", REASONS)
    metadata = params.metadata()
    charge_id, intent_id = params.text("charge"), params.text("payment_intent")
    params.finish()
    charge = _charge(world, charge_id=charge_id, intent_id=intent_id)
    _refuse_if_disputed(world, charge.body)
    left = charge.body["amount_captured"] - charge.body["amount_refunded"]
    amount = _checked(charge.body, asked=asked, left=left)
    refund = _blank(world, charge.body, amount=amount, reason=reason, metadata=metadata)
    world.store.add(Resource(KIND, refund))
    charge.body["amount_refunded"] += amount
    charge.body["refunded"] = charge.body["amount_refunded"] == charge.body["amount_captured"]
    world.store.save(charge)
    intent = payment_intents.find(world, charge.body["payment_intent"])
    payments.record(
        world,
        "refunded",
        intent.body,
        amount=amount,
        reference=refund["id"],
        origin=call.origin,
    )
    events.emit(world, "charge.refunded", charge.body, origin=call.origin)
    events.emit(world, "refund.created", refund, origin=call.origin)
    events.emit(world, "charge.refund.updated", refund, origin=call.origin)
    return refund


def retrieve(world: World, call: Call) -> Document:
    call.params.finish()
    return _find(world, call.id).body


def update(world: World, call: Call) -> Document:
    resource = _find(world, call.id)
    resource.body["metadata"] = call.params.metadata(present=resource.body["metadata"])
    call.params.finish()
    world.store.save(resource)
    events.emit(world, "refund.updated", resource.body, origin=call.origin)
    return resource.body


def listed(world: World, call: Call) -> Document:
    conditions: lists.Conditions = ()
    for name in ("charge", "payment_intent"):
        wanted = call.params.text(name)
        if wanted is not None:
            conditions = (*conditions, (f"{name} = ?", wanted))
    answer = lists.page(world, call, KIND, url="/v1/refunds", conditions=conditions)
    call.params.finish()
    return answer


def of_charge(world: World, charge: str) -> Document:
    """The list that `expand[]=refunds` puts into a charge."""
    found = world.store.where(KIND, conditions=(("charge = ?", charge),), limit=11)
    return {
        "object": "list",
        "data": [refund.body for refund in found[:10]],
        "has_more": len(found) > 10,
        "url": f"/v1/charges/{charge}/refunds",
    }


def _find(world: World, wanted: str) -> Resource:
    resource = world.store.find(KIND, wanted)
    if resource is None:
        raise missing("refund", wanted)
    return resource


def _charge(world: World, *, charge_id: str | None, intent_id: str | None) -> Resource:
    if charge_id is None and intent_id is None:
        raise invalid(
            "One of the following params should be provided for this request: payment_intent or"
            " charge.",
            code="parameter_missing",
        )
    if charge_id is not None:
        charge = charges.find(world, charge_id)
        if intent_id not in (None, charge.body["payment_intent"]):
            raise invalid(f"Charge {charge_id} does not belong to {intent_id}.", param="charge")
    else:
        assert intent_id is not None
        intent = payment_intents.find(world, intent_id, param="payment_intent")
        latest = intent.body["latest_charge"]
        if latest is None or intent.body["status"] != "succeeded":
            raise invalid(
                f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.",
                param="payment_intent",
                code="payment_intent_unexpected_state",
            )
        charge = charges.find(world, latest)
    if not charge.body["captured"]:
        raise invalid(
            f"Charge {charge.id} has not been captured; cancel its PaymentIntent instead.",
            param="charge",
            code="charge_not_refundable",
        )
    return charge


def _refuse_if_disputed(world: World, charge: Document) -> None:
    """Its bank has taken the money already; an inquiry has not."""
    found = world.store.where(disputes.KIND, conditions=(("charge = ?", charge["id"]),), limit=1)
    if found and not found[0].body["is_charge_refundable"]:
        raise invalid(f"Charge {charge['id']} has been charged back.", code="charge_disputed")


def _checked(charge: Document, *, asked: int | None, left: int) -> int:
    if left == 0:
        raise invalid(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    if asked is not None and asked > left:
        raise invalid(
            f"Refund amount ({_major(asked)}) is greater than unrefunded amount on charge"
            f" ({_major(left)})",
            param="amount",
        )
    return left if asked is None else asked


def _major(amount: int) -> str:
    return f"{amount // 100}.{amount % 100:02d}"


def _blank(
    world: World, charge: Document, *, amount: int, reason: str | None, metadata: dict[str, str]
) -> Document:
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": new_id("txn"),
        "charge": charge["id"],
        "created": world.now(),
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": metadata,
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
