"""Customers who change the line that they have: another SIM, another number, another plan."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import httpx

from commerce.local.demo.browser import Browser, wait_for
from commerce.local.demo.effects import Identity
from commerce.local.stack import Stack

PATIENCE = 600.0
AGREED = {"terms": True, "contract_summary_confirmed": True, "early_execution_requested": True}
PASSWORD = "sept-mers-et-un-phare"
LOADED = ("Downloaded", "Installed", "Enabled")
BEGINS, THEN = "horizon-130", "grand-large-300"
CHANGES: dict[str, dict[str, Any]] = {
    "sim": {
        "kind": "sim",
        "choices": [{"role": "sim", "offering": "esim"}],
        "reason": "reissue",
    },
    "number": {"kind": "number", "reason": "wish"},
    "plan": {"kind": "plan", "choices": [{"role": "plan", "offering": THEN}]},
}
"""What is asked for, by the kind of wish."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order, and what is to be paid for it today."""

    number: str
    due: bool


@dataclass(frozen=True, slots=True)
class Owner:
    """A customer with an account, who has ordered a plan alone, and wants a change of `kind` once
    it runs."""

    browser: Browser
    kind: str

    def begin(self) -> Ordered:
        """Raises StoryBroken."""
        api = self.browser.api
        code = str(api("POST", "carts", {})["code"])
        choices = [{"role": "plan", "offering": BEGINS}, {"role": "sim", "offering": "esim"}]
        api("POST", f"carts/{code}/bundles", {"bundle": "plan-only", "term": 0, "choices": choices})
        quote = api("POST", f"carts/{code}/checkout", {})["quote"]
        return self._ordered("orders", {"cart": code}, quote, digest=quote["digest"])

    def running(self) -> dict[str, Any]:
        """The contract. Raises StoryBroken when it takes too long to run."""

        def found() -> dict[str, Any] | None:
            lines = self.browser.api("GET", "subscriptions")["items"]
            return next((line for line in lines if line["msisdn"] and line["iccid"]), None)

        return wait_for(
            found,
            what=f"the line that is to get another {self.kind}",
            seconds=PATIENCE,
            every=2,
        )

    def change(self, line: int) -> Ordered:
        """Raises StoryBroken."""
        wanted = CHANGES[self.kind]
        shown = self.browser.api("POST", f"subscriptions/{line}/change-quotes", wanted)
        place = f"subscriptions/{line}/changes"
        return self._ordered(place, wanted, shown["quote"], digest=shown["digest"])

    def _ordered(
        self, place: str, wanted: dict[str, Any], quote: dict[str, Any], *, digest: str
    ) -> Ordered:
        due = quote["due_today_gross"]
        seen = {"expected_total": due, "digest": digest, "consents": AGREED, "language": "en"}
        placed = self.browser.api("POST", place, {**wanted, **seen})
        return Ordered(str(placed["number"]), float(due["amount"]) > 0)

    def install(self, stack: Stack, *, number: str) -> None:
        """Load the eSIM of the order into a phone, as soon as there is one: the line waits for it.

        Raises StoryBroken when none comes.
        """

        def installed() -> bool:
            items = self.browser.api("GET", f"orders/{number}/items")["items"]
            iccid = next(str(item["iccid"]) for item in items if item["role"] == "sim")
            url = f"{stack.info.providers_url}/_control/profiles/{iccid}/download"
            try:
                answer = httpx.post(url, timeout=10) if iccid else None
            except httpx.HTTPError:
                return False
            # A phone that has it already was loaded by the time before, whose answer was lost.
            return answer is not None and (
                answer.is_success or any(state in answer.text for state in LOADED)
            )

        wait_for(installed, what=f"the eSIM of {number}", seconds=PATIENCE, every=2)

    def expects(self, number: str, *, before: dict[str, Any]) -> Collection[Identity]:
        """What the order of the change leads to, by what the line was `before`."""
        line, order = str(before["msisdn"]), f"{number}/change"
        if self.kind != "sim":
            return {("network", "change", line, order)}
        steps = {("smdp", step, f"{number}/sim") for step in ("esim", "esim_confirm")}
        return steps | {
            ("smdp", "esim_release", f"{number}/sim"),
            ("network", "swap", line, order),
            ("network", "end_sim", str(before["iccid"])),
        }
