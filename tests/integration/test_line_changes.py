"""On the whole system: a running line is changed by orders; the network is told once, and the bills
promised afterwards are those that were shown before."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from commerce.local.demo.browser import Browser, wait_for
from commerce.local.demo.effects import happened
from commerce.local.demo.errors import StoryBroken
from commerce.local.demo.paying import GOOD, pay
from commerce.local.stack import Stack

PATIENCE = 90.0
AGREED = {"terms": True, "contract_summary_confirmed": True, "early_execution_requested": True}


class Owner:
    """A customer with one running line: a plan without commitment, an eSIM and an option."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.browser = Browser(stack.info.web_url)
        page = self.browser.open("/account/register/")
        form = next(form for form in page.forms if "password" in form.kinds.values())
        self.browser.send(
            form,
            first_name="Inès",
            last_name="Faure",
            email=f"line-{uuid4().hex[:10]}@example.test",
            password="sept-mers-et-un-phare",
        )
        self.api = self.browser.api

    def begin(self) -> dict[str, Any]:
        """The contract, once it runs."""
        code = self.api("POST", "carts", {})["code"]
        choices = [("plan", "horizon-130"), ("sim", "esim"), ("option", "vigie-securite")]
        bundle = {
            "bundle": "plan-only",
            "term": 0,
            "choices": [{"role": role, "offering": offering} for role, offering in choices],
        }
        self.api("POST", f"carts/{code}/bundles", bundle)
        quote = self.api("POST", f"carts/{code}/checkout", {})["quote"]
        placed = self.api("POST", "orders", {"cart": code, **self.seen(quote)}, status=201)
        self.pay(placed["number"])
        self.settle(placed["number"])
        (contract,) = self.api("GET", "subscriptions")["items"]
        return dict(contract)

    def seen(self, quote: dict[str, Any]) -> dict[str, Any]:
        return {
            "expected_total": quote["due_today_gross"],
            "digest": quote["digest"],
            "consents": AGREED,
            "language": "en",
        }

    def pay(self, number: str) -> None:
        url = self.api("POST", f"orders/{number}/payment-session", {})["url"]
        pay(self.browser, address=url, card=GOOD, name="Inès Faure")

    def settle(self, number: str) -> None:
        wait_for(
            lambda: self.api("GET", f"orders/{number}")["state"] == "completed",
            what=f"the end of {number}",
            seconds=PATIENCE,
        )

    def change(self, line: int, **wanted: Any) -> tuple[str, dict[str, Any]]:
        """Quoted, ordered at that price, and carried out: the order's number and the quote."""
        number, shown = self.place(line, **wanted)
        self.settle(number)
        return number, shown

    def place(self, line: int, **wanted: Any) -> tuple[str, dict[str, Any]]:
        shown = self.api("POST", f"subscriptions/{line}/change-quotes", wanted)
        seen = {**self.seen(shown["quote"]), "digest": shown["digest"]}
        placed = self.api("POST", f"subscriptions/{line}/changes", {**wanted, **seen}, status=201)
        return str(placed["number"]), shown


def test_a_line_gets_another_esim_and_another_number(stack: Stack) -> None:
    owner = Owner(stack)
    line = owner.begin()
    pk, old, msisdn = line["id"], line["iccid"], line["msisdn"]

    wanted = {"kind": "sim", "choices": [{"role": "sim", "offering": "esim"}], "reason": "reissue"}
    order, _ = owner.place(pk, **wanted)
    # The old SIM works, and the order waits, until the customer has installed the new one.
    assert owner.api("GET", f"subscriptions/{pk}")["iccid"] == old
    profile = wait_for(lambda: installed(owner, order), what="the new profile", seconds=PATIENCE)
    owner.settle(order)
    contract = owner.api("GET", f"subscriptions/{pk}")
    assert (contract["iccid"], contract["msisdn"]) == (profile, msisdn)
    told = {
        i: n
        for i, n in happened(stack).items()
        if (order in " ".join(i) or old in i) and i[0] != "messages"
    }
    assert told == {
        ("smdp", "esim", f"{order}/sim"): 1,
        ("smdp", "esim_confirm", f"{order}/sim"): 1,
        ("smdp", "esim_release", f"{order}/sim"): 1,
        ("network", "swap", msisdn, f"{order}/change"): 1,
        ("network", "end_sim", old): 1,
    }

    number, shown = owner.place(pk, kind="number", reason="wish")
    assert shown["quote"]["due_today_gross"]["amount"] == "15.00"
    owner.pay(number)
    owner.settle(number)
    contract = owner.api("GET", f"subscriptions/{pk}")
    assert contract["msisdn"] not in ("", msisdn)
    assert contract["iccid"] == profile
    assert happened(stack)["network", "change", msisdn, f"{number}/change"] == 1


def installed(owner: Owner, order: str) -> str:
    """The ICCID of the eSIM that the order brings, once a phone could download it."""
    items = owner.api("GET", f"orders/{order}/items")["items"]
    iccid = next(str(item["iccid"]) for item in items if item["role"] == "sim")
    url = f"{owner.stack.info.providers_url}/_control/profiles/{iccid}/download"
    return iccid if iccid and httpx.post(url).is_success else ""


def partner_told(stack: Stack, what: str, *, by: str) -> None:
    """No order waits for a content partner: he may hear of it only afterwards."""
    wait_for(
        lambda: any(i[:2] == ("content", what) and by in " ".join(i) for i in happened(stack)),
        what=f"{what} by {by}",
        seconds=PATIENCE,
    )


def test_a_line_is_changed_by_orders(stack: Stack) -> None:
    owner = Owner(stack)
    line = owner.begin()
    pk, msisdn = line["id"], line["msisdn"]

    wanted = {
        "kind": "add",
        "choices": [
            {"role": "option", "offering": "escale-monde"},
            {"role": "content", "offering": "ondine-musique"},
        ],
    }
    added, shown = owner.change(pk, **wanted)
    told = {
        identity: times
        for identity, times in happened(stack).items()
        if added in " ".join(identity) and identity[0] != "messages"
    }
    assert told == {
        ("network", "change", msisdn, f"{added}/change"): 1,
        ("content", "entitle", f"{added}/content-1", "music"): 1,
    }
    contract = owner.api("GET", f"subscriptions/{pk}")
    running = {item["offering"]: item["id"] for item in contract["items"]}
    assert set(running) == {
        "horizon-130", "esim", "vigie-securite", "escale-monde", "ondine-musique",
    }  # fmt: skip
    first, second = shown["bills"][:2]
    more = float(second["after"]["amount"]) - float(second["before"]["amount"])
    assert round(more, 2) == 24.98  # 14.99 and 9.99
    # Added on the bill day itself, a whole month more stands on the next bill.
    assert first["on"] == contract["next_bill_on"]

    stop, nothing = owner.change(pk, kind="suspend", block="lost_sim")
    assert [bill["before"] for bill in nothing["bills"]] == [
        bill["after"] for bill in shown["bills"]
    ]
    assert [bill["after"] for bill in nothing["bills"]] == [
        bill["before"] for bill in nothing["bills"]
    ]
    partner_told(stack, "suspend_entitlement", by=stop)
    contract = owner.api("GET", f"subscriptions/{pk}")
    assert (contract["status"], contract["blocks"]) == ("suspended", ["lost_sim"])
    with pytest.raises(StoryBroken, match="line_suspended"):
        owner.api("POST", f"subscriptions/{pk}/change-quotes", wanted)
    go, _ = owner.change(pk, kind="resume", block="lost_sim")
    partner_told(stack, "resume_entitlement", by=go)
    contract = owner.api("GET", f"subscriptions/{pk}")
    assert (contract["status"], contract["blocks"]) == ("active", [])
    held = [identity for identity in happened(stack) if identity[1] in ("suspend", "resume")]
    assert sorted((i[1], i[-1]) for i in held if stop in i[-1] or go in i[-1]) == [
        ("resume", f"{go}:change:modify-{running['horizon-130']}.resume:1"),
        ("suspend", f"{stop}:change:modify-{running['horizon-130']}.suspend:1"),
    ]
    assert sorted(
        (identity[1], identity[-1])
        for identity in happened(stack)
        if identity[:2] in (("content", "suspend_entitlement"), ("content", "resume_entitlement"))
    ) == [
        ("resume_entitlement", f"{go}:change:modify-{running['ondine-musique']}.resume:1"),
        ("suspend_entitlement", f"{stop}:change:modify-{running['ondine-musique']}.suspend:1"),
    ]

    removed = {
        "kind": "remove",
        "items": [running["vigie-securite"], running["ondine-musique"]],
    }
    number, then = owner.change(pk, **removed)
    assert [bill["before"] for bill in then["bills"]] == [bill["after"] for bill in shown["bills"]]
    partner_told(stack, "end_entitlement", by=number)
    (ended,) = [i for i in happened(stack) if i[:2] == ("content", "end_entitlement")][-1:]
    assert f"{number}:change:delete-{running['ondine-musique']}.end:1" in ended
    items = owner.api("GET", f"subscriptions/{pk}")["items"]
    assert {i["offering"] for i in items if i["until_on"]} == {"vigie-securite", "ondine-musique"}
