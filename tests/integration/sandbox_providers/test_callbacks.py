"""Callbacks: signed, told with the trace, tried again until they are taken."""

import pytest
from pytest_django.fixtures import Settings
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from orchestration.adapters.client import callback_secret
from tests.integration.sandbox_providers.harness import (
    SECRET,
    Receiver,
    Sandbox,
    shipment,
    wait_for,
)

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_callback_is_signed_and_says_what_it_answers(
    sandbox: Sandbox, receiver: Receiver, settings: Settings
) -> None:
    settings.PROVIDERS_CALLBACK_SECRET = SECRET
    sandbox.post(
        "/dropship/shipments",
        key="signed:1",
        body=shipment("signed"),
        headers={"traceparent": TRACE},
    )
    told = wait_for(lambda: receiver.of("signed:1"))[0]

    assert told.path == "/callbacks/providers/dropship"
    assert Webhook(callback_secret("dropship")).verify(told.raw, told.headers) == told.body
    with pytest.raises(WebhookVerificationError):
        Webhook(callback_secret("warehouse")).verify(told.raw, told.headers)
    assert told.headers["traceparent"] == TRACE
    assert told.headers["webhook-id"] == told.body["id"]
    assert sorted(told.body) == [
        "data",
        "id",
        "occurred_at",
        "provider",
        "reference",
        "request_key",
        "type",
    ]
    assert (told.body["provider"], told.body["reference"]) == ("dropship", "signed")


def test_a_changed_body_does_not_verify(
    sandbox: Sandbox, receiver: Receiver, settings: Settings
) -> None:
    settings.PROVIDERS_CALLBACK_SECRET = SECRET
    sandbox.post("/dropship/shipments", key="forged:1", body=shipment("forged"))
    told = wait_for(lambda: receiver.of("forged:1"))[0]

    with pytest.raises(WebhookVerificationError):
        Webhook(callback_secret("dropship")).verify(
            told.raw.replace(b"forged", b"change"), told.headers
        )


def test_a_callback_that_fails_is_sent_again_with_the_same_id(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    receiver.failures = 1
    sandbox.post(
        "/network/lines",
        key="retry:1",
        body={
            "reference": "retry",
            "msisdn": "0639981200",
            "iccid": "8933150123456789017",
            "plan": "FORFAIT-100",
            "services": [],
        },
    )
    wait_for(lambda: len(receiver.of("retry:1")) == 2)

    first, second = receiver.of("retry:1")
    assert first.raw == second.raw
    wait_for(lambda: sandbox.http.get("/_control/state").json()["busy"] == 0)
    listed = sandbox.http.get("/_control/callbacks", params={"request_key": "retry:1"}).json()
    assert [(entry["state"], entry["attempts"]) for entry in listed["callbacks"]] == [
        ("delivered", 2)
    ]
