"""Disputes: the holder of a card or account has his bank take a payment back.

Cards open one as Stripe documents it, as does the control API, for any payment. A disputed debit is
lost at once and ends its mandate; of a card's the merchant may send evidence until `due_by`.
"""

from commerce.sandbox.payments import charges, events, lists, mandates
from commerce.sandbox.payments.errors import Document, invalid, missing
from commerce.sandbox.payments.forms import Params
from commerce.sandbox.payments.ids import new_id
from commerce.sandbox.payments.store import Resource
from commerce.sandbox.payments.world import Call, Origin, World

KIND = "dispute"
EVIDENCE_SECONDS = 9 * 24 * 3600
"""How long the merchant has to answer."""
OUTCOMES = {"winning_evidence": "won", "losing_evidence": "lost"}
"""What Stripe's test mode makes of these words in `evidence[uncategorized_text]`."""
INQUIRY = "warning_needs_response"
OPEN = frozenset({INQUIRY, "warning_under_review", "needs_response", "under_review"})
EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy",
    "cancellation_policy_disclosure", "cancellation_rebuttal", "customer_communication",
    "customer_email_address", "customer_name", "customer_purchase_ip", "customer_signature",
    "duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id",
    "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address",
    "shipping_carrier", "shipping_date", "shipping_documentation", "shipping_tracking_number",
    "uncategorized_file", "uncategorized_text",
)  # fmt: skip


def begin(world: World, charge: Resource, *, reason: str, inquiry: bool = False) -> Resource:
    """The holder objects to the charge; unless it is an inquiry only, the money is taken back."""
    debit = charge.body["payment_method_details"]["type"] == "sepa_debit"
    status = "lost" if debit else INQUIRY if inquiry else "needs_response"
    dispute = Resource(KIND, _blank(world, charge.body, reason=reason, status=status))
    if status in OPEN:
        dispute.private["due_at"] = dispute.body["evidence_details"]["due_by"]
    world.store.add(dispute)
    charge.body["disputed"] = True
    world.store.save(charge)
    events.emit(world, "charge.dispute.created", dispute.body, origin=Origin())
    if not inquiry:
        _move(world, dispute, amount=-dispute.body["amount"], event="funds_withdrawn")
    if debit:
        _end_mandate(world, charge)
        events.emit(world, "charge.dispute.closed", dispute.body, origin=Origin())
    return dispute


def find(world: World, wanted: str) -> Resource:
    resource = world.store.find(KIND, wanted)
    if resource is None:
        raise missing("dispute", wanted, param="dispute")
    return resource


def retrieve(world: World, call: Call) -> Document:
    call.params.finish()
    return find(world, call.id).body


def listed(world: World, call: Call) -> Document:
    conditions: lists.Conditions = ()
    for name in ("charge", "payment_intent"):
        wanted = call.params.text(name)
        if wanted is not None:
            conditions = (*conditions, (f"{name} = ?", wanted))
    answer = lists.page(world, call, KIND, url="/v1/disputes", conditions=conditions)
    call.params.finish()
    return answer


def update(world: World, call: Call) -> Document:
    """Take the merchant's evidence; once it is submitted the bank decides."""
    dispute = find(world, call.id)
    evidence = _evidence(call.params.section("evidence"))
    submit = call.params.boolean("submit")
    dispute.body["metadata"] = call.params.metadata(present=dispute.body["metadata"])
    call.params.finish()
    _require_open(dispute)
    dispute.body["evidence"] |= evidence
    if evidence:
        dispute.body["evidence_details"]["has_evidence"] = True
    if submit is False or not evidence:
        world.store.save(dispute)
        events.emit(world, "charge.dispute.updated", dispute.body, origin=call.origin)
        return dispute.body
    details = dispute.body["evidence_details"]
    details["submission_count"] += 1
    details["submission_method"] = "manual"
    warned = dispute.body["status"] == INQUIRY
    dispute.body["status"] = "warning_under_review" if warned else "under_review"
    dispute.private.pop("due_at", None)
    world.store.save(dispute)
    events.emit(world, "charge.dispute.updated", dispute.body, origin=call.origin)
    outcome = OUTCOMES.get(str(dispute.body["evidence"]["uncategorized_text"]))
    if outcome is not None:
        _end(world, dispute, status="warning_closed" if warned else outcome)
    return dispute.body


def close(world: World, call: Call) -> Document:
    """The merchant gives in: it is lost."""
    call.params.finish()
    dispute = find(world, call.id)
    _require_open(dispute)
    _end(world, dispute, status="lost")
    return dispute.body


def lapse(world: World, dispute: Resource) -> None:
    """Nobody has answered in time."""
    dispute.body["evidence_details"]["past_due"] = True
    _end(world, dispute, status="warning_closed" if dispute.body["status"] == INQUIRY else "lost")


def _end(world: World, dispute: Resource, *, status: str) -> None:
    dispute.body |= {"status": status, "is_charge_refundable": status == "warning_closed"}
    dispute.private.pop("due_at", None)
    world.store.save(dispute)
    if status == "won":
        _move(world, dispute, amount=dispute.body["amount"], event="funds_reinstated")
    events.emit(world, "charge.dispute.closed", dispute.body, origin=Origin())


def _move(world: World, dispute: Resource, *, amount: int, event: str) -> None:
    """Take the money (below zero) from the merchant's balance, or give it back."""
    back = amount > 0
    dispute.body["balance_transactions"].append(
        {
            "id": new_id("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": world.now(),
            "balance_type": "payments",
            "created": world.now(),
            "currency": dispute.body["currency"],
            "description": f"Chargeback {'reversal' if back else 'withdrawal'}",
            "exchange_rate": None,
            "fee": 0,
            "fee_details": [],
            "net": amount,
            "reporting_category": "dispute_reversal" if back else "dispute",
            "source": dispute.id,
            "status": "available",
            "type": "adjustment",
        }
    )
    world.store.save(dispute)
    events.emit(world, f"charge.dispute.{event}", dispute.body, origin=Origin())


def _end_mandate(world: World, charge: Resource) -> None:
    wanted = charge.body["payment_method_details"]["sepa_debit"]["mandate"]
    mandates.end(world, mandates.find(world, wanted), origin=Origin())


def _require_open(dispute: Resource) -> None:
    if dispute.body["status"] not in OPEN:
        raise invalid(f"This dispute is already closed: {dispute.body['status']}.", param="dispute")


def _evidence(section: Params | None) -> Document:
    if section is None:
        return {}
    return {name: section.text(name) for name in EVIDENCE if section.has(name)}


def of_intent(world: World, wanted: str) -> Resource:
    """The captured charge of a payment intent, for the control API.

    Raises:
        ApiError: there is none, or it is disputed already.
    """
    found = world.store.where(charges.KIND, conditions=(("payment_intent = ?", wanted),), limit=1)
    if not found or not found[0].body["captured"] or found[0].body["status"] != "succeeded":
        raise missing("charge", wanted, param="payment_intent")
    if found[0].body["disputed"]:
        raise invalid("This charge is disputed already.", param="payment_intent")
    return found[0]


def _blank(world: World, charge: Document, *, reason: str, status: str) -> Document:
    kind = charge["payment_method_details"]["type"]
    details: Document = {"type": kind}
    if kind == "card":
        details["card"] = {
            "brand": charge["payment_method_details"]["card"]["brand"],
            "case_type": "inquiry" if status == INQUIRY else "chargeback",
            "network": charge["payment_method_details"]["card"]["network"],
            "network_reason_code": "10.4",
        }
    evidence: Document = dict.fromkeys(EVIDENCE)
    return {
        "id": new_id("dp"),
        "object": "dispute",
        "amount": charge["amount_captured"] - charge["amount_refunded"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": world.now(),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": evidence | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": world.now() + EVIDENCE_SECONDS if status in OPEN else None,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": status == INQUIRY,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": details,
        "reason": reason,
        "status": status,
    }
