"""Webhooks, planted faults, the ledger and survival of a kill."""

import time
from pathlib import Path

import httpx
import pytest
import stripe

from tests.integration.sandbox_payments.harness import (
    API_KEY,
    SECRET,
    PaymentSandbox,
    payment,
    session_of,
    type_card,
)
from tests.integration.sandbox_providers.harness import Receiver, wait_for


def _settled(sandbox: PaymentSandbox) -> None:
    wait_for(lambda: sandbox.control("GET", "state")["busy"] == 0)


def test_a_webhook_is_signed_as_stripe_documents_it(sandbox: PaymentSandbox) -> None:
    paid = payment(sandbox)
    wait_for(lambda: "payment_intent.succeeded" in sandbox.event_types(paid.id))
    entry = next(e for e in sandbox.events(paid.id) if e.body["type"] == "payment_intent.succeeded")
    header = entry.headers["stripe-signature"]
    event = stripe.Webhook.construct_event(entry.raw, header, SECRET)
    assert event.data.object.id == paid.id
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(entry.raw + b" ", header, SECRET)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(entry.raw, header, "whsec_other")


def test_a_checkout_tells_its_whole_story(sandbox: PaymentSandbox) -> None:
    session = session_of(sandbox, payment_intent_data={"capture_method": "manual"})
    assert session.url is not None
    type_card(session.url, "4000000000000002")
    type_card(session.url, "4242424242424242")
    client = sandbox.client().v1
    intent = str(client.checkout.sessions.retrieve(session.id).payment_intent)
    client.payment_intents.capture(intent)
    _settled(sandbox)
    assert sandbox.event_types(intent) == [
        "payment_intent.amount_capturable_updated",
        "payment_intent.created",
        "payment_intent.payment_failed",
        "payment_intent.succeeded",
    ]
    assert sandbox.event_types(session.id) == ["checkout.session.completed"]
    charge = str(client.payment_intents.retrieve(intent).latest_charge)
    assert sandbox.event_types(charge) == ["charge.captured", "charge.succeeded"]


def test_a_refused_webhook_comes_again_with_the_same_event(sandbox: PaymentSandbox) -> None:
    sandbox.receiver.failures = 1
    customer = sandbox.client().v1.customers.create().id
    assert sandbox.control("GET", "state")["busy"] >= 1
    wait_for(lambda: len(sandbox.events(customer)) == 2)
    first, second = sandbox.events(customer)
    assert first.raw == second.raw
    _settled(sandbox)
    event = sandbox.client().v1.events.retrieve(first.body["id"])
    assert event.pending_webhooks == 0


def test_a_doubled_webhook_is_the_same_event_twice(sandbox: PaymentSandbox) -> None:
    sandbox.plant("customer.created", "duplicate_webhook")
    customer = sandbox.client().v1.customers.create().id
    wait_for(lambda: len(sandbox.events(customer)) == 2)
    assert len({entry.body["id"] for entry in sandbox.events(customer)}) == 1


def test_a_dropped_webhook_leaves_its_event_to_be_read(sandbox: PaymentSandbox) -> None:
    sandbox.plant("^POST /v1/customers", "drop_webhook")
    customer = sandbox.client().v1.customers.create().id
    _settled(sandbox)
    assert sandbox.events(customer) == []
    events = sandbox.client().v1.events.list({"type": "customer.created", "limit": 1}).data
    assert events[0].data.object["id"] == customer


def test_an_endpoint_hears_of_the_types_it_wishes_and_the_rest_can_be_read(tmp_path: Path) -> None:
    receiver = Receiver()
    sandbox = PaymentSandbox(tmp_path, receiver, webhook_events="payment_intent.succeeded")
    try:
        paid = payment(sandbox)
        wait_for(lambda: sandbox.event_types(paid.id) == ["payment_intent.succeeded"])
        _settled(sandbox)
        assert [each.body["type"] for each in receiver.received] == ["payment_intent.succeeded"]
        listed = sandbox.client().v1.events.list().data
        assert {each.type: each.pending_webhooks for each in listed} == {
            "charge.succeeded": 0,
            "payment_intent.created": 0,
            "payment_intent.succeeded": 0,
        }
    finally:
        sandbox.kill()
        receiver.stop()


def test_a_late_webhook_counts_as_outstanding_until_it_comes(sandbox: PaymentSandbox) -> None:
    sandbox.plant("customer.created", "late_webhook", seconds=0.8)
    started = time.monotonic()
    customer = sandbox.client().v1.customers.create().id
    assert sandbox.control("GET", "state")["busy"] == 1
    wait_for(lambda: sandbox.events(customer))
    assert time.monotonic() - started >= 0.8


def test_the_trace_of_the_request_is_passed_on(sandbox: PaymentSandbox) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    answer = httpx.post(
        f"{sandbox.url}/v1/customers",
        auth=(API_KEY, ""),
        headers={"traceparent": trace, "X-Request-Id": "click-1"},
    )
    customer = answer.json()["id"]
    wait_for(lambda: sandbox.events(customer))
    headers = sandbox.events(customer)[0].headers
    assert (headers["traceparent"], headers["x-request-id"]) == (trace, "click-1")


def test_a_time_out_after_the_effect_hides_what_happened_and_the_key_reveals_it(
    sandbox: PaymentSandbox,
) -> None:
    sandbox.plant("POST /v1/payment_intents$", "timeout_after_effect", seconds=30)
    wishes = {
        "amount": 2000,
        "currency": "eur",
        "payment_method": "pm_card_visa",
        "payment_method_types": ["card"],
        "confirm": True,
    }
    options = {"idempotency_key": "order-9:due:1"}
    hasty = sandbox.client(seconds=0.5).v1.payment_intents
    with pytest.raises(stripe.APIConnectionError):
        hasty.create(wishes, options)  # type: ignore[arg-type]
    found = sandbox.client().v1.payment_intents.create(wishes, options)  # type: ignore[arg-type]
    assert found.status == "succeeded"
    assert sandbox.effects(found.id) == [("authorised", 2000), ("captured", 2000)]


def test_a_silent_connection_is_cut_without_a_byte(sandbox: PaymentSandbox) -> None:
    sandbox.plant("POST /v1/customers$", "timeout_after_effect", seconds=0.1)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        httpx.post(f"{sandbox.url}/v1/customers", auth=(API_KEY, ""), timeout=5)


def test_a_planted_error_has_stripes_shape_and_strikes_as_often_as_told(
    sandbox: PaymentSandbox,
) -> None:
    sandbox.plant("GET /v1/customers", "error", status=500, times=2)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            sandbox.client().v1.customers.list()
        assert caught.value.http_status == 500
    assert sandbox.client().v1.customers.list().url == "/v1/customers"
    assert [(f["times"], f["struck"]) for f in sandbox.control("GET", "faults")["faults"]] == [
        (0, 2)
    ]


def test_a_fault_that_makes_no_sense_is_refused(sandbox: PaymentSandbox) -> None:
    for wish in (
        {"kind": "earthquake"},
        {"kind": "error", "times": 0},
        {"kind": "error", "route": "("},
    ):
        assert httpx.post(f"{sandbox.url}/_control/faults", json=wish).status_code == 422


def test_the_ledger_has_every_arrival_with_its_outcome(sandbox: PaymentSandbox) -> None:
    wishes = {"amount": 2000, "currency": "eur", "metadata": {"order": "O-5"}}
    options = {"idempotency_key": "order-5"}
    client = sandbox.client().v1.payment_intents
    client.create(wishes, options)  # type: ignore[arg-type]
    client.create(wishes, options)  # type: ignore[arg-type]
    with pytest.raises(stripe.AuthenticationError):
        sandbox.client(key="sk_test_wrong").v1.payment_intents.create(wishes, options)  # type: ignore[arg-type]
    arrivals = [
        row
        for row in sandbox.control("GET", "ledger")["arrivals"]
        if row["idempotency_key"] == "order-5"
    ]
    assert [row["outcome"].split(" ")[0] for row in arrivals] == ["200", "200", "401"]
    assert "replayed" in arrivals[1]["outcome"]
    assert arrivals[0]["metadata"] == {"order": "O-5"}
    assert (arrivals[0]["amount"], arrivals[0]["path"]) == (2000, "/v1/payment_intents")


def test_business_time_never_runs_backwards(sandbox: PaymentSandbox) -> None:
    sandbox.advance(3600)
    offset = sandbox.control("GET", "state")["offset_seconds"]
    back = httpx.put(f"{sandbox.url}/_control/clock", json={"offset_seconds": offset - 1})
    assert back.status_code == 409
    assert sandbox.control("GET", "state")["offset_seconds"] == offset
    created = sandbox.client().v1.customers.create().created
    assert created - time.time() == pytest.approx(offset, abs=3)


def test_a_kill_loses_neither_money_nor_webhooks_nor_time(tmp_path: Path) -> None:
    receiver = Receiver()
    sandbox = PaymentSandbox(tmp_path, receiver)
    try:
        sandbox.advance(1000)
        sandbox.plant("payment_intent.succeeded", "late_webhook", seconds=1.5)
        wishes = {"amount": 2000, "currency": "eur"}
        options = {"idempotency_key": "before the kill"}
        made = sandbox.client().v1.payment_intents.create(wishes, options)  # type: ignore[arg-type]
        held = payment(sandbox, capture_method="manual")
        paid = payment(sandbox)
        sandbox.kill()
        sandbox.start()
        assert sandbox.control("GET", "state")["offset_seconds"] == 1000
        again = sandbox.client().v1.payment_intents.create(wishes, options)  # type: ignore[arg-type]
        assert again.id == made.id
        taken = sandbox.client().v1.payment_intents.capture(held.id)
        assert taken.status == "succeeded"
        assert sandbox.effects(paid.id) == [("authorised", 2000), ("captured", 2000)]
        wait_for(lambda: "payment_intent.succeeded" in sandbox.event_types(paid.id))
    finally:
        sandbox.kill()
        receiver.stop()
