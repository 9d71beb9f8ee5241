"""A kill at any point loses nothing that was answered."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Timer

import httpx

from tests.integration.sandbox_providers.harness import (
    Receiver,
    Sandbox,
    shipment,
    sms,
    wait_for,
)


def test_everything_answered_before_a_kill_is_there_after_it(slow_sandbox: Sandbox) -> None:
    answered: list[str] = []

    def send(number: int) -> None:
        with suppress(httpx.TransportError):
            key = f"kill:{number}"
            if slow_sandbox.post("/messages/sms", key=key, body=sms(key)).status_code == 202:
                answered.append(key)

    Timer(0.5, slow_sandbox.kill).start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, range(2000)))
    slow_sandbox.start()

    ledger = slow_sandbox.http.get("/_control/ledger?parts=effects,arrivals").json()
    kept = {row["key"] for row in ledger["effects"]}
    assert 0 < len(answered) < 2000
    assert set(answered) <= kept
    assert len(kept) == len(ledger["effects"])
    assert slow_sandbox.became("messages", answered[-1])["status"] == "done"
    assert "open" not in {row["outcome"] for row in ledger["arrivals"]}


def test_clock_steps_faults_and_callbacks_survive_a_kill(
    slow_sandbox: Sandbox, receiver: Receiver
) -> None:
    slow_sandbox.post("/warehouse/shipments", key="survive:1", body=shipment("survive"))
    slow_sandbox.plant(kind="lost_callback", operation="shipped", times=3)
    receiver.failures = 1
    slow_sandbox.advance(3600)
    wait_for(lambda: len(receiver.of("survive:1")) == 1)
    slow_sandbox.kill()
    slow_sandbox.start()

    wait_for(lambda: len(receiver.of("survive:1")) == 2)
    assert receiver.types("survive:1") == ["shipment.picked"] * 2
    slow_sandbox.advance(86400)
    wait_for(lambda: len(receiver.of("survive:1")) == 3)
    assert receiver.types("survive:1")[2] == "shipment.delivered"
    assert slow_sandbox.became("warehouse", "survive:1")["status"] == "done"
    faults = slow_sandbox.http.get("/_control/faults").json()["faults"]
    assert [(fault["used"], fault["times"]) for fault in faults] == [(1, 3)]
