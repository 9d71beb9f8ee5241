"""The whole system under faults and kills: every order completes, every effect happens once."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import httpx
import pytest

from commerce.local.demo.bills import read_back
from commerce.local.demo.browser import wait_for
from commerce.local.demo.business import Business
from commerce.local.demo.call_centre import CallCentre
from commerce.local.demo.effects import Identity, expected_of, happened
from commerce.local.demo.orders import Told
from commerce.local.demo.play import Client
from commerce.local.demo.shopper import Shopper
from commerce.local.stack import Stack
from commerce.markets.fr.rio import key_of

PATIENCE = 300.0
"""Seconds: leases and growing intervals of asking add up; the end is asserted, not its time."""

PROVIDER_FAULTS: tuple[Mapping[str, Any], ...] = (
    {"provider": "warehouse", "operation": "POST .*shipments$", "kind": "error", "times": 2},
    {"provider": "warehouse", "operation": "shipment.picked", "kind": "late_callback"},
    {"provider": "warehouse", "operation": "shipment.shipped", "kind": "out_of_order_callbacks"},
    {"provider": "smdp", "operation": "downloadOrder$", "kind": "timeout_after_effect"},
    {"provider": "smdp", "operation": "confirmOrder$", "kind": "timeout_before_effect"},
    {"provider": "porting", "operation": "POST .*requests$", "kind": "timeout_after_effect"},
    {"provider": "porting", "operation": "port.completed", "kind": "lost_callback"},
    {"provider": "network", "operation": "line.activated", "kind": "duplicate_callback"},
)
"""Silences last one second, so that the callbacks come before the call has an answer."""

PAYMENT_FAULTS: tuple[Mapping[str, Any], ...] = (
    {"route": "POST /v1/checkout/sessions$", "kind": "error", "times": 1},
    {"route": "POST .*/capture$", "kind": "timeout_after_effect", "times": 1, "seconds": 1},
    {"route": "amount_capturable_updated", "kind": "duplicate_webhook", "times": 1},
)


def shopper(stack: Stack, *, number: str) -> Shopper:
    """A shopper who keeps `number`; nobody else does."""
    kept = number.replace(" ", "")
    rio = f"02PA1B2C3{key_of(operator='02', quality='P', reference='A1B2C3', number=kept)}"
    return Shopper(stack, number=number, rio=rio)


def times(stack: Stack, told: Told) -> dict[Identity, int]:
    """How often each effect happened that the order must lead to."""
    audit = read_back(stack, numbers=[told.number], until=date(2000, 1, 1))
    items = audit.orders[told.number]["items"]
    found = happened(stack)
    return {identity: found[identity] for identity in expected_of(told, items=items)}


@pytest.fixture
def faults(stack: Stack) -> Iterator[None]:
    """Both sandboxes misbehave, until the test is over."""
    providers = f"{stack.info.providers_url}/_control/faults"
    payments = f"{stack.info.payments_url}/_control/faults"
    for fault in PROVIDER_FAULTS:
        body = {"times": 1, "seconds": 1, **fault}
        httpx.post(providers, json=body, timeout=10).raise_for_status()
    for fault in PAYMENT_FAULTS:
        httpx.post(payments, json=fault, timeout=10).raise_for_status()
    yield
    httpx.delete(providers, timeout=10)
    httpx.delete(payments, timeout=10)


def test_an_order_completes_once_when_every_party_fails_in_its_own_way(
    stack: Stack, faults: None
) -> None:
    client = shopper(stack, number="06 39 98 77 01")
    told = client.order()
    client.wait_until_active(told.number, seconds=PATIENCE)
    found = times(stack, told)
    assert set(found.values()) == {1}, found
    struck = httpx.get(f"{stack.info.providers_url}/_control/faults", timeout=10).json()["faults"]
    assert [fault for fault in struck if not fault["used"]] == []


def test_killed_workers_and_a_forgetful_redis_change_nothing(stack: Stack) -> None:
    web, phone, firm = shopper(stack, number="06 39 98 77 02"), CallCentre(stack), Business(stack)
    clients: tuple[Client, ...] = (web, phone, firm)
    told = [client.order() for client in clients]
    fleet = told[-1].number
    wait_for(lambda: firm.state(fleet) == "in_progress", what="the start of the fleet")
    stack.kill("worker")
    stack.kill("redis")
    stack.wait_ready("redis")
    stack.wait_ready("worker")
    for client, one in zip(clients, told, strict=True):
        client.wait_until_active(one.number, seconds=PATIENCE)
    found = [times(stack, one) for one in told]
    assert [set(counted.values()) for counted in found] == [{1}, {1}, {1}], found
    assert [len(counted) for counted in found] == [9, 6, 75]
    assert web.browser.api("GET", f"orders/{told[0].number}")["placed_by"] == "Camille Martin"
    assert "Nadia" in phone.agent.open("/agent/").text
