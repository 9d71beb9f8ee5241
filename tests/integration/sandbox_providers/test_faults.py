"""Each kind of planted misbehaviour does what its name says, and no more."""

import time

import httpx
import pytest

from tests.integration.sandbox_providers.harness import (
    Receiver,
    Sandbox,
    shipment,
    sms,
    wait_for,
)

LIFE = ["shipment.picked", "shipment.shipped", "shipment.delivered"]


def test_an_error_has_no_effect_and_the_same_key_works_afterwards(sandbox: Sandbox) -> None:
    sandbox.plant(provider="messages", operation="sms$", kind="error", status=502)

    assert sandbox.post("/messages/sms", key="error:1", body=sms("error")).status_code == 502
    assert sandbox.became("messages", "error:1")["status"] == "never_arrived"
    assert sandbox.counted("sms", "error")["effects"] == 0
    assert sandbox.post("/messages/sms", key="error:1", body=sms("error")).status_code == 202
    assert sandbox.counted("sms", "error")["effects"] == 1


def test_a_time_out_before_the_effect_leaves_nothing(sandbox: Sandbox) -> None:
    sandbox.plant(kind="timeout_before_effect", seconds=0.1)

    with pytest.raises(httpx.TransportError):
        sandbox.post("/messages/sms", key="before:1", body=sms("before"))
    assert sandbox.became("messages", "before:1")["status"] == "never_arrived"
    assert sandbox.counted("sms", "before")["effects"] == 0


def test_a_time_out_after_the_effect_can_be_resolved_by_asking(sandbox: Sandbox) -> None:
    sandbox.plant(kind="timeout_after_effect", seconds=0.1)

    with pytest.raises(httpx.TransportError):
        sandbox.post("/messages/sms", key="after:1", body=sms("after"))
    became = sandbox.became("messages", "after:1")
    assert (became["status"], became["http_status"]) == ("done", 202)
    again = sandbox.post("/messages/sms", key="after:1", body=sms("after"))
    assert again.json() == became["answer"]
    assert sandbox.counted("sms", "after") == sandbox.counted("sms", "after") | {
        "effects": 1,
        "arrivals": 2,
    }


def test_a_caller_who_hangs_up_first_changes_nothing(sandbox: Sandbox) -> None:
    sandbox.plant(kind="timeout_after_effect", seconds=30)

    with pytest.raises(httpx.ReadTimeout):
        sandbox.http.post(
            "/messages/sms",
            json=sms("hangs up"),
            headers={"Idempotency-Key": "hangs:1"},
            timeout=0.3,
        )
    assert sandbox.became("messages", "hangs:1")["status"] == "done"


def test_latency_only_delays(sandbox: Sandbox) -> None:
    sandbox.plant(kind="latency", seconds=0.4)
    began = time.monotonic()

    assert sandbox.post("/messages/sms", key="slow:1", body=sms("slow")).status_code == 202
    assert time.monotonic() - began >= 0.4
    assert sandbox.counted("sms", "slow")["effects"] == 1


def test_a_refusal_on_request_is_final_for_its_key(sandbox: Sandbox) -> None:
    sandbox.plant(kind="refuse", code="blocked_number")

    answers = [sandbox.post("/messages/sms", key="no:1", body=sms("no")) for _ in range(2)]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (422, "blocked_number")
    ] * 2
    assert sandbox.became("messages", "no:1")["status"] == "refused"
    assert sandbox.counted("sms", "no")["effects"] == 0


def test_an_outage_lasts_until_it_is_ended(sandbox: Sandbox) -> None:
    outage = sandbox.plant(provider="messages", kind="outage")

    for _ in range(3):
        assert sandbox.post("/messages/sms", key="out:1", body=sms("out")).status_code == 503
    assert sandbox.became("messages", "out:1")["code"] == "unavailable"
    other = sandbox.post("/warehouse/shipments", key="out:1", body=shipment("out"))
    assert other.status_code == 202
    sandbox.http.delete(f"/_control/faults/{outage['id']}")
    assert sandbox.post("/messages/sms", key="out:1", body=sms("out")).status_code == 202


def test_a_fault_strikes_as_often_as_it_was_told(sandbox: Sandbox) -> None:
    sandbox.plant(kind="error", times=2)
    statuses = [
        sandbox.post("/messages/sms", key="twice:1", body=sms("twice")).status_code
        for _ in range(3)
    ]

    assert statuses == [500, 500, 202]
    assert [
        (fault["matched"], fault["used"])
        for fault in sandbox.http.get("/_control/faults").json()["faults"]
    ] == [(2, 2)]


def test_chance_with_a_seed_draws_the_same_sequence(sandbox: Sandbox) -> None:
    def sequence(name: str) -> list[int]:
        sandbox.plant(kind="error", times=None, probability=0.5, seed=7)
        statuses = [
            sandbox.post("/messages/sms", key=f"{name}:{n}", body=sms(f"{name}{n}")).status_code
            for n in range(12)
        ]
        sandbox.http.delete("/_control/faults")
        return statuses

    first = sequence("chance-a")
    assert first == sequence("chance-b")
    assert set(first) == {500, 202}


def test_a_duplicated_callback_comes_twice_with_one_id(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    sandbox.plant(kind="duplicate_callback", operation="picked")
    sandbox.post("/warehouse/shipments", key="dup:1", body=shipment("dup"))

    wait_for(lambda: len(receiver.of("dup:1")) == 4)
    picked = [entry for entry in receiver.of("dup:1") if entry.body["type"] == LIFE[0]]
    assert len(picked) == 2
    assert picked[0].raw == picked[1].raw


def test_a_lost_callback_is_still_told_when_asked(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.plant(kind="lost_callback", operation="shipped")
    sandbox.post("/warehouse/shipments", key="lost:1", body=shipment("lost"))

    became = sandbox.done("warehouse", "lost:1")
    wait_for(lambda: sandbox.http.get("/_control/state").json()["busy"] == 0)
    assert sorted(receiver.types("lost:1")) == ["shipment.delivered", "shipment.picked"]
    assert [entry["type"] for entry in became["callbacks"]] == LIFE
    lost = became["callbacks"][1]
    assert lost["data"]["tracking_number"] == became["result"]["tracking_number"]
    states = sandbox.http.get("/_control/callbacks", params={"request_key": "lost:1"}).json()
    assert [entry["state"] for entry in states["callbacks"]] == ["delivered", "lost", "delivered"]


def test_a_late_callback_waits_for_business_time(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.plant(kind="late_callback", operation="picked", seconds=3600)
    sandbox.post("/warehouse/shipments", key="late:1", body=shipment("late"))

    wait_for(lambda: len(receiver.of("late:1")) == 2)
    assert "shipment.picked" not in receiver.types("late:1")
    assert sandbox.http.get("/_control/state").json()["next_due"] is not None
    sandbox.advance(3600)
    wait_for(lambda: len(receiver.of("late:1")) == 3)
    assert receiver.types("late:1")[2] == "shipment.picked"


def test_callbacks_out_of_order_overtake_one_another(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.plant(kind="out_of_order_callbacks", operation="picked")
    sandbox.post("/warehouse/shipments", key="order:1", body=shipment("order"))

    wait_for(lambda: len(receiver.of("order:1")) == 3)
    assert receiver.types("order:1")[2] == "shipment.picked"
    became = sandbox.became("warehouse", "order:1")
    assert [entry["type"] for entry in became["callbacks"]] == LIFE


@pytest.mark.parametrize(
    "wish",
    [
        {"kind": "gremlins"},
        {"kind": "error", "operation": "("},
        {"kind": "error", "times": 0},
        {"kind": "error", "status": 200},
        {"kind": "error", "provider": "baker"},
        {"kind": "error", "probability": 0},
        {"kind": "error", "seconds": "long"},
    ],
)
def test_a_fault_that_makes_no_sense_is_not_planted(
    sandbox: Sandbox, wish: dict[str, object]
) -> None:
    answer = sandbox.http.post("/_control/faults", json=wish)

    assert answer.status_code == 422
    assert answer.json()["error"]
    assert sandbox.http.get("/_control/faults").json() == {"faults": []}
