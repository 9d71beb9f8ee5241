"""What the shopper buys of a third party on her telephone bill, and what must come of it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from typing import Any

import httpx

from commerce.kernel.periods import add_months
from commerce.local.demo.browser import Browser
from commerce.local.demo.errors import StoryBroken
from commerce.local.stack import Stack

Identity = tuple[str, ...]
SINGLE, MONTHLY = "lune-42", "lune-plus"
PAID = ("delivered", "undelivered")


@dataclass
class Purchases:
    """One thing is bought once, another month after month from `since` on; `browser` is logged in
    as the holder of the line `number`."""

    stack: Stack
    browser: Browser
    number: str
    story: list[str] = field(default_factory=list)
    since: datetime = field(default_factory=lambda: datetime.now(UTC))

    def buy(self) -> None:
        """At the merchant's, with our page in between. Raises StoryBroken."""
        for product in (SINGLE, MONTHLY):
            self._buy(product)
        self.since = datetime.now(UTC)

    def expected(self, *, until: datetime) -> Iterator[Identity]:
        """All that the merchant must have sold by then, each once."""
        yield ("merchant", "sold", SINGLE, self.number, "0")
        months = 0
        while self._month(months) <= until:
            yield ("merchant", "sold", MONTHLY, self.number, str(months))
            months += 1

    def _month(self, number: int) -> datetime:
        day = add_months(self.since.date(), number)
        return datetime.combine(day, self.since.time(), UTC)

    def _buy(self, product: str) -> None:
        shop = self.browser.open(self.stack.info.merchant_url)
        form = next(each for each in shop.forms if each.values.get("product") == product)
        question = self.browser.send(form, number=self.number)
        said = self.browser.send(question.form_with("do"), do="yes")
        way = re.search(r'href="([^"]+/back\?paymentId=[^"]+)"', said.text)
        if way is None:
            raise StoryBroken(f"{said.address} does not lead back to the merchant")
        done = self.browser.open(unescape(way[1]))
        if "it is yours" not in done.text:
            raise StoryBroken(f"the merchant did not deliver {product}")
        self.story.append(f"buys {product} at Éditions Lune and says yes to it on our page")


def sold(stack: Stack) -> Iterator[Identity]:
    """What the merchant's books say was paid, by what and for which month; and each sale of which
    the operator's list says something else."""
    ledger = _ask(stack, "ledger")
    for sale in ledger["sales"]:
        if sale["state"] in PAID:
            month = sale["reference"].rpartition("-")[2] if sale["held"] else "0"
            number = "0" + str(sale["number"]).removeprefix("+33")
            yield ("merchant", "sold", sale["product"], number, month)
    found = _ask(stack, "comparison")
    for difference in ("not_ours", "not_his", "differ"):
        yield from (("merchant", difference, reference) for reference in found[difference])


def _ask(stack: Stack, what: str) -> Mapping[str, Any]:
    answer = httpx.get(f"{stack.info.merchant_url}/_control/{what}", timeout=20)
    answer.raise_for_status()
    told: Mapping[str, Any] = answer.json()
    return told
