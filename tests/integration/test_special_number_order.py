"""A firm orders a special number on the whole system: held, routed once, in force, billed."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from commerce.local.demo.browser import wait_for
from commerce.local.demo.business import Business
from commerce.local.demo.effects import happened
from commerce.local.stack import Stack

FAULTS = (
    {"operation": "POST .*routes$", "kind": "timeout_after_effect", "seconds": 1},
    {"operation": "route.active", "kind": "duplicate_callback"},
)


@pytest.fixture
def faults(stack: Stack) -> Iterator[str]:
    """The network loses its answer and calls back twice."""
    url = f"{stack.info.providers_url}/_control/faults"
    httpx.delete(url, timeout=10).raise_for_status()
    for fault in FAULTS:
        body = {"provider": "network", "times": 1, **fault}
        httpx.post(url, json=body, timeout=10).raise_for_status()
    yield url
    httpx.delete(url, timeout=10)


def test_a_firm_orders_a_special_number_that_is_routed_once_and_billed(
    stack: Stack, faults: str
) -> None:
    firm = Business(stack)
    api = firm.buyer.api
    wanted: dict[str, Any] = {"class": "green", "pattern": "*7"}
    found = api("GET", "numbers", **wanted)["items"]
    msisdn = str(found[0]["msisdn"])
    code = api("POST", "carts", {})["code"]
    choices = [{"role": "number", "offering": "numero-gratuit-0804"}]
    cart = api("POST", f"carts/{code}/bundles", {"bundle": "special-number", "choices": choices})
    line = cart["quote"]["lines"][0]["id"]
    api("PUT", f"carts/{code}/items/{line}/number", {"choice": "new", "msisdn": msisdn})
    use = {"route_to": "01 99 00 12 34", "purpose": "after_sales"}
    cart = api("PUT", f"carts/{code}/items/{line}/use", use)
    placed = api(
        "POST",
        "orders",
        {
            "cart": code,
            "expected_total": cart["quote"]["due_today_gross"],
            "digest": cart["quote"]["digest"],
            "purchase_order_number": "PO-0804",
            "consents": {"terms": True},
        },
        status=201,
    )
    number = placed["number"]
    firm.wait_until_active(number)

    (item,) = api("GET", f"orders/{number}/items")["items"]
    assert (item["state"], item["msisdn"], item["route_to"]) == ("active", msisdn, "0199001234")
    assert item["callers_tariff"]["sign"] == "Service and call free of charge"
    milestones = api("GET", f"orders/{number}/tracking")["milestones"]
    assert [(step["code"], step["state"]) for step in milestones] == [
        ("number_assigned", "done"),
        ("number_routed", "done"),
        ("contract_running", "done"),
    ]
    assert {
        identity: count for identity, count in happened(stack).items() if msisdn in identity
    } == {("network", "route", msisdn): 1}
    planted = httpx.get(faults, timeout=10).json()["faults"]
    assert [(fault["times"], fault["used"]) for fault in planted] == [(1, 1), (1, 1)]

    (contract,) = (
        each
        for each in api("GET", "subscriptions", limit="100")["items"]
        if each["order"] == number
    )
    assert (contract["status"], contract["msisdn"]) == ("active", msisdn)
    (charge,) = contract["items"][0]["charges"]
    assert (charge["code"], charge["amount"]["amount"]) == ("monthly", "19.00")
    assert contract["next_bill_on"] is not None
    bills = api("GET", "invoices", limit="100")["items"]
    (once,) = (bill for bill in bills if bill["order"] == number)
    assert (once["net"]["amount"], once["tax"]["amount"], once["purchase_order_number"]) == (
        "40.00",
        "8.00",
        "PO-0804",
    )

    def told() -> list[str]:
        asked = {"reference": f"{number}/{contract['group']}/{line}.welcome"}
        url = f"{stack.info.providers_url}/_control/messages"
        return [m["text"] for m in httpx.get(url, params=asked, timeout=10).json()["messages"]]

    (text,) = wait_for(told, what="the message that the number is in service")
    shown = f"{msisdn[:4]} {msisdn[4:7]} {msisdn[7:]}"
    assert f"{shown} | Service et appel gratuits" in text
    assert "01 99 00 12 34" in text
