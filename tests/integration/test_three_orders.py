"""The whole system under faults: every order completes, every effect happens once."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import httpx
import pytest

from commerce.local.demo.bills import read_back
from commerce.local.demo.business import LINES, Business
from commerce.local.demo.call_centre import CallCentre
from commerce.local.demo.effects import Identity, expected_of, happened
from commerce.local.demo.orders import Told
from commerce.local.demo.play import Client
from commerce.local.demo.shopper import Shopper
from commerce.local.stack import Stack
from commerce.markets.fr.rio import key_of

PATIENCE = 120.0
"""Seconds: leases and growing intervals of asking add up; the end is asserted, not its time."""

ALL = 1 + 1 + LINES
"""Lines of the three orders."""
EFFECTS = [9, 6, 3 * LINES]
"""What the orders must lead to outside; the firm: a phone, a SIM card and a line each."""

PROVIDER_FAULTS: tuple[Mapping[str, Any], ...] = (
    # Every order: whoever asks, the answer is late or comes twice.
    {
        "provider": "warehouse",
        "operation": "shipment.picked",
        "kind": "late_callback",
        "times": ALL,
    },
    {
        "provider": "network",
        "operation": "line.activated",
        "kind": "duplicate_callback",
        "times": ALL,
    },
    {"provider": "warehouse", "operation": "POST .*shipments$", "kind": "error", "times": 3},
    {"provider": "warehouse", "operation": "shipment.shipped", "kind": "out_of_order_callbacks"},
    {"provider": "messages", "operation": "POST ", "kind": "error", "times": 2},
    {"provider": "messages", "operation": "POST ", "kind": "timeout_after_effect", "times": 2},
    # The shopper alone brings a number and has an eSIM.
    {"provider": "smdp", "operation": "downloadOrder$", "kind": "timeout_after_effect"},
    {"provider": "smdp", "operation": "confirmOrder$", "kind": "timeout_before_effect"},
    {"provider": "porting", "operation": "POST .*requests$", "kind": "error"},
    {"provider": "porting", "operation": "POST .*requests$", "kind": "timeout_after_effect"},
    {"provider": "porting", "operation": "port.completed", "kind": "lost_callback"},
    # The caller alone has a content service.
    {"provider": "content", "operation": "POST .*entitlements$", "kind": "error"},
    {"provider": "content", "operation": "POST .*entitlements$", "kind": "timeout_after_effect"},
    # The firm alone is shipped to by a supplier.
    {"provider": "dropship", "operation": "POST .*shipments$", "kind": "error", "times": 3},
    {
        "provider": "dropship",
        "operation": "POST .*shipments$",
        "kind": "timeout_after_effect",
        "times": 2,
    },
    {"provider": "dropship", "operation": "POST .*shipments$", "kind": "timeout_before_effect"},
    {"provider": "dropship", "operation": "shipment.picked", "kind": "lost_callback"},
    {"provider": "dropship", "operation": "shipment.picked", "kind": "late_callback", "times": 2},
    {"provider": "dropship", "operation": "shipment.shipped", "kind": "out_of_order_callbacks"},
    {
        "provider": "dropship",
        "operation": "shipment.delivered",
        "kind": "duplicate_callback",
        "times": 2,
    },
)
"""Each order meets a 5xx, a time-out after the effect, a callback twice and a late one.

Those on what every line needs are planted once per line, the others where only one order goes.
Silences last one second, so that the callbacks come before the call has an answer.
"""

PAYMENT_FAULTS: tuple[Mapping[str, Any], ...] = (
    {"route": "POST /v1/checkout/sessions$", "kind": "error", "times": 2},
    {"route": "POST .*/capture$", "kind": "timeout_after_effect", "times": 2, "seconds": 1},
    {"route": "amount_capturable_updated", "kind": "duplicate_webhook", "times": 2},
)
"""Once for each of the two who pay by card."""


def shopper(stack: Stack, *, number: str) -> Shopper:
    """A shopper who keeps `number`; nobody else does."""
    kept = number.replace(" ", "")
    rio = f"02PA1B2C3{key_of(operator='02', quality='P', reference='A1B2C3', number=kept)}"
    return Shopper(stack, number=number, rio=rio)


def times(stack: Stack, told: Sequence[Told]) -> list[dict[Identity, int]]:
    """Of each order: how often each effect happened that it must lead to."""
    audit = read_back(stack, numbers=[one.number for one in told], until=date(2000, 1, 1))
    found = happened(stack)
    return [
        {
            identity: found[identity]
            for identity in expected_of(one, items=audit.orders[one.number]["items"])
        }
        for one in told
    ]


def doubled(stack: Stack) -> list[Identity]:
    """What happened more than once, messages among it."""
    return [identity for identity, count in happened(stack).items() if count > 1]


@pytest.fixture
def faults(stack: Stack) -> Iterator[None]:
    """Both sandboxes misbehave, until the test is over."""
    providers = f"{stack.info.providers_url}/_control/faults"
    payments = f"{stack.info.payments_url}/_control/faults"
    for url in (providers, payments):
        httpx.delete(url, timeout=10).raise_for_status()
    for fault in PROVIDER_FAULTS:
        body = {"times": 1, "seconds": 1, **fault}
        httpx.post(providers, json=body, timeout=10).raise_for_status()
    for fault in PAYMENT_FAULTS:
        httpx.post(payments, json=fault, timeout=10).raise_for_status()
    yield
    httpx.delete(providers, timeout=10)
    httpx.delete(payments, timeout=10)


def test_every_order_completes_once_when_every_party_fails_in_its_own_way(
    stack: Stack, faults: None
) -> None:
    web = shopper(stack, number="06 39 98 77 01")
    phone = CallCentre(stack, email="ines.autre@example.test", phone="06 39 98 40 18")
    channels: tuple[Client, ...] = (web, phone, Business(stack))
    told = [client.order() for client in channels]
    for client, one in zip(channels, told, strict=True):
        client.wait_until_active(one.number, seconds=PATIENCE)
    found = times(stack, told)
    assert [set(counted.values()) for counted in found] == [{1}, {1}, {1}], found
    assert [len(counted) for counted in found] == EFFECTS
    assert doubled(stack) == []
    planted = httpx.get(f"{stack.info.providers_url}/_control/faults", timeout=10).json()["faults"]
    assert [fault for fault in planted if fault["used"] != fault["times"]] == []
    planted = httpx.get(f"{stack.info.payments_url}/_control/faults", timeout=10).json()["faults"]
    assert [fault["struck"] for fault in planted] == [2, 2, 2]
