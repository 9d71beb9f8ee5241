"""On the whole system: fetched in a shop, and ordered before it is there."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from commerce.local.demo.browser import Browser, wait_for
from commerce.local.demo.effects import happened
from commerce.local.demo.paying import GOOD, pay
from commerce.local.stack import Stack

SHOP, PHONE, SIM = "boutique-lyon", "ardoval-x2-128-nuit", "carte-sim"
AHEAD = "ombrine-s1-pro-256-encre"
PATIENCE = 90.0


@pytest.fixture
def visitor(stack: Stack) -> Browser:
    browser = Browser(stack.info.web_url)
    browser.open("/phones/ardoval-x2/")
    return browser


def ordered(browser: Browser, *, code: str, **delivery: Any) -> str:
    """The number of the order of the cart `code`, placed by a stranger and paid."""
    quote = browser.api("POST", f"carts/{code}/checkout", {})["quote"]
    placed = browser.api(
        "POST",
        "orders",
        {
            "cart": code,
            "expected_total": quote["due_today_gross"],
            "digest": quote["digest"],
            "consents": {
                "terms": True,
                "contract_summary_confirmed": True,
                "early_execution_requested": True,
            },
            "customer": {
                "email": f"fetch-{uuid4().hex[:10]}@example.test",
                "first_name": "Maël",
                "last_name": "Guérin",
                "phone": "0639980001",
            },
            "language": "en",
            **delivery,
        },
        status=201,
    )
    number = str(placed["number"])
    session = browser.api("POST", f"orders/{number}/payment-session", {})
    pay(browser, address=session["url"], card=GOOD, name="Maël Guérin")
    return number


def test_a_phone_and_a_sim_are_fetched_in_a_shop(stack: Stack, visitor: Browser) -> None:
    near = visitor.api("GET", f"shops?near=69001&offerings={PHONE},{SIM}")["items"]
    assert (near[0]["code"], near[0]["has_all"]) == (SHOP, True)
    code = visitor.api("POST", "carts", {})["code"]
    choices = [("handset", PHONE), ("plan", "horizon-130"), ("sim", SIM)]
    bundle = {
        "bundle": "handset-and-plan",
        "term": 24,
        "choices": [{"role": role, "offering": offering} for role, offering in choices],
    }
    visitor.api("POST", f"carts/{code}/bundles", bundle)
    number = ordered(visitor, code=code, pick_up_at=SHOP)

    wait_for(
        lambda: visitor.api("GET", f"orders/{number}")["state"] == "completed",
        what=f"the end of {number}",
        seconds=PATIENCE,
    )
    order = visitor.api("GET", f"orders/{number}")
    assert (order["deliver_to"], order["pick_up_at"]["code"]) == (None, SHOP)
    items = {i["role"]: i for i in visitor.api("GET", f"orders/{number}/items")["items"]}
    for role in ("handset", "sim"):
        (share,) = items[role]["shares"]
        assert (share["partner"], share["kind"], share["quantity"]) == (SHOP, "shop", 1)
    assert items["handset"]["imei"].startswith("99003")
    assert items["sim"]["iccid"].startswith("89")

    fetched = {
        identity: times
        for identity, times in happened(stack).items()
        if any(number in part for part in identity) and identity[1] in ("pick_up", "ship")
    }
    references = {f"{number}/{items[role]['line']}" for role in ("handset", "sim")}
    assert fetched == {("shops", "pick_up", reference): 1 for reference in references}
    told = httpx.get(
        f"{stack.info.providers_url}/_control/messages",
        params={"to": "+33639980001", "channel": "sms"},
        timeout=10,
    ).json()["messages"]
    (ready,) = [m["text"] for m in told if number in m["text"] and "ready at" in m["text"]]
    assert "Boutique Lyon Tisserands, 5 montée des Tisserands, 69001 Lyon" in ready


def test_what_is_still_to_come_is_ordered_for_its_day(stack: Stack, visitor: Browser) -> None:
    code = visitor.api("POST", "carts", {})["code"]
    cart = visitor.api("POST", f"carts/{code}/items", {"offering": AHEAD})
    (supply,) = cart["supply"]
    (share,) = supply["shares"]
    assert (share["expected_on"], share["leaves_on"]) == ("2026-12-08", "2026-12-09")
    address = {
        "name": "Maël Guérin",
        "line1": "3 rue du Port",
        "postcode": "44000",
        "city": "Nantes",
    }
    number = ordered(visitor, code=code, deliver_to=address)

    def waiting() -> list[str]:
        steps = visitor.api("GET", f"orders/{number}/tracking")["milestones"]
        return [step["state"] for step in steps if step["code"] == "parcel_prepared"]

    wait_for(lambda: waiting() == ["ahead"], what="the plan", seconds=PATIENCE)
    (item,) = visitor.api("GET", f"orders/{number}/items")["items"]
    assert [s["expected_on"] for s in item["shares"]] == ["2026-12-08"]
    sent = [identity for identity in happened(stack) if any(number in p for p in identity)]
    assert not [identity for identity in sent if identity[1] == "ship"]
