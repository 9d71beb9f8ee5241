"""The mixed orders: strangers on the web, callers and their agent, a firm's programs."""

import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from commerce.local.demo.browser import Browser, Program
from commerce.local.demo.call_centre import CallCentre
from commerce.local.demo.effects import Identity
from commerce.local.demo.errors import StoryBroken
from commerce.local.demo.paying import GOOD, NEEDS_BANK, pay
from commerce.local.demo.shopper import CONSENTS
from commerce.local.stack import Stack
from commerce.markets.fr.rio import key_of
from tests.chaos.changing import CHANGES, PASSWORD, Owner
from tests.chaos.patience import PatientTransport

PHONE, PLAN, CASE = "ardoval-x2-128-nuit", "horizon-130", "coque-ardoval-x2"
ADDRESS = {
    "name": "Camille Martin",
    "line1": "8 rue des Lilas",
    "postcode": "75020",
    "city": "Paris",
}
PAUSE = 2.0
TRIES = 60
"""A story that breaks off before there is an order is told again from its beginning."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One order to be placed, or two where a change of its line follows; `place` makes what must be
    unique (mail, number) unique."""

    kind: str
    place: int


SHARES: Mapping[str, int] = {
    "card": 28,
    "port": 22,
    "content": 16,
    "caller": 8,
    "line": 17,
    "bulk": 3,
    "sim": 2,
    "number": 2,
    "plan": 2,
}
"""Of a hundred wishes: a SIM card and a new number; a number kept on an eSIM; content and options;
prepared by an agent; a firm's line; a firm's lines in bulk; a plan alone that gets another SIM,
number or plan, by a second order, once its line runs."""


def wishes(count: int, *, seed: int) -> list[Wish]:
    """A mix of `count` orders in random order, each kind in its share and at least once."""
    kinds = [kind for kind, share in SHARES.items() for _ in range(max(1, count * share // 100))]
    drawn = random.Random(seed)
    while len(kinds) < count:
        kinds.append("card")
    drawn.shuffle(kinds)
    return [Wish(kind, place) for place, kind in enumerate(kinds[:count])]


class Buyers:
    """Places orders on a running stack, whatever is killed meanwhile; used by many threads."""

    def __init__(self, stack: Stack, *, run: int, bulk: int) -> None:
        self._stack, self._run, self._bulk = stack, run, bulk
        keys = {entry["role"]: entry for entry in stack.info.credentials["api_clients"]}
        self._buyer, self._approver = (
            Program(
                stack.info.web_url,
                client_id=keys[role]["client_id"],
                client_secret=keys[role]["client_secret"],
                transport=PatientTransport(),
            )
            for role in ("buyer", "approver")
        )
        self.owners: list[Owner] = []
        self.changed: dict[str, Collection[Identity]] = {}
        self._kinds: Mapping[str, Callable[[Wish], str]] = {
            "card": self._bundle,
            "port": self._bundle,
            "content": self._bundle,
            "caller": self._caller,
            "line": self._fleet,
            "bulk": self._fleet,
            **dict.fromkeys(CHANGES, self._own_line),
        }

    def place(self, wish: Wish) -> str:
        """The number of the order, once it is accepted and paid for.

        Raises StoryBroken or httpx.HTTPError when it could not be had with much patience.
        """
        return self._kinds[wish.kind](wish)

    def _browser(self) -> Browser:
        return Browser(self._stack.info.web_url, transport=PatientTransport())

    def _bundle(self, wish: Wish) -> str:
        browser = self._browser()
        number = str(self._ordered(browser, wish)["number"])
        paid(browser, number=number, card=NEEDS_BANK if wish.place % 3 else GOOD)
        return number

    def _ordered(self, browser: Browser, wish: Wish) -> dict[str, Any]:
        cart = str(browser.api("POST", "carts", {})["code"])
        bundle = {
            "bundle": "handset-and-plan",
            "term": 24,
            "choices": [{"role": role, "offering": code} for role, code in _lines(wish)],
        }
        filled = browser.api("POST", f"carts/{cart}/bundles", bundle)
        if wish.kind == "port":
            plan = next(line["id"] for line in filled["quote"]["lines"] if line["role"] == "plan")
            kept = _kept(self._run * 10_000 + wish.place)
            browser.api("PUT", f"carts/{cart}/items/{plan}/number", kept)
        quote = browser.api("POST", f"carts/{cart}/checkout", {})["quote"]
        return browser.api(
            "POST",
            "orders",
            {
                "cart": cart,
                "expected_total": quote["due_today_gross"],
                "digest": quote["digest"],
                "consents": CONSENTS,
                "customer": {
                    "email": f"chaos{self._run}-{wish.place}@example.test",
                    "first_name": "Camille",
                    "last_name": "Martin",
                },
                "deliver_to": ADDRESS,
            },
        )

    def _own_line(self, wish: Wish) -> str:
        owner = Owner(self._registered(wish), wish.kind)
        ordered = owner.begin()
        paid(owner.browser, number=ordered.number, card=GOOD)
        self.owners.append(owner)
        return ordered.number

    def change(self, owner: Owner) -> str:
        """The number of the order that changes what the owner ordered, once it is paid for; what it
        must lead to stands in `changed`. Raises as `place`."""
        before = owner.running()
        ordered = owner.change(before["id"])
        if ordered.due:
            paid(owner.browser, number=ordered.number, card=GOOD)
        if owner.kind == "sim":
            owner.install(self._stack, number=ordered.number)
        self.changed[ordered.number] = owner.expects(ordered.number, before=before)
        return ordered.number

    def _registered(self, wish: Wish) -> Browser:
        """As with callers: what breaks off begins anew, as another customer."""
        told = ""
        for attempt in range(TRIES):
            browser = self._browser()
            try:
                page = browser.open("/account/register/")
                form = next(form for form in page.forms if "password" in form.kinds.values())
                browser.send(
                    form,
                    first_name="Inès",
                    last_name="Faure",
                    email=f"owner{self._run}-{wish.place}-{attempt}@example.test",
                    password=PASSWORD,
                )
                browser.api("GET", "subscriptions")
            except (StoryBroken, httpx.HTTPError, StopIteration) as error:
                told = str(error)
                time.sleep(PAUSE)
                continue
            return browser
        raise StoryBroken(f"the owner {wish.place} could not register: {told}")

    def _caller(self, wish: Wish) -> str:
        """Pages are not sent twice: what breaks off before there is an order begins anew."""
        for attempt in range(TRIES):
            again = f"{self._run}-{wish.place}-{attempt}"
            phone = f"06{21_000_000 + (self._run * 1000 + wish.place) * 20 + attempt:08}"
            story = _Caller(self._stack, email=f"caller{again}@example.test", phone=phone)
            try:
                return story.order().number
            except (StoryBroken, httpx.HTTPError):
                if story.number:
                    story.finish()
                    return story.number
        raise StoryBroken(f"the caller {wish.place} could not be served")

    def _fleet(self, wish: Wish) -> str:
        lines = [_fleet_line(index) for index in range(self._bulk if wish.kind == "bulk" else 1)]
        order = {"purchase_order_number": f"PO-{wish.place}", "terms": True, "lines": lines}
        placed = self._buyer.api("POST", "fleet-orders", order)
        number = str(placed["number"])
        if placed["state"] == "awaiting_approval":
            self._approver.api("POST", f"orders/{number}/approve", {"note": "yes"})
        return number


class _Caller(CallCentre):
    """Remembers the order that it has made, so that it can be paid for after all."""

    number = ""

    def __init__(self, stack: Stack, *, email: str, phone: str) -> None:
        super().__init__(stack, email=email, phone=phone)
        self.customer = Browser(stack.info.web_url, transport=PatientTransport())
        self.agent = Browser(stack.info.web_url, transport=PatientTransport())

    def _send(self, code: str) -> str:
        self.number = super()._send(code)
        return self.number

    def finish(self) -> None:
        """Accept and pay, as often as it takes; then nobody waits for the agent's note."""
        told = ""
        for _ in range(TRIES):
            state = self.state(self.number)
            if state == "awaiting_payment":
                paid(self.customer, number=self.number, card=GOOD)
                return
            if state != "awaiting_acceptance":
                return
            try:
                self._accept_and_pay()
            except (StoryBroken, httpx.HTTPError) as error:
                told = str(error)
                time.sleep(PAUSE)
        raise StoryBroken(f"{self.number} was not accepted: {told}")


def paid(browser: Browser, *, number: str, card: str) -> None:
    """Pay on the hosted page until the shop knows of it."""
    told = ""
    for _ in range(TRIES):
        try:
            session = browser.api("POST", f"orders/{number}/payment-session", {})
            pay(browser, address=session["url"], card=card, name="Camille Martin")
        except (StoryBroken, httpx.HTTPError) as error:
            told = str(error)
            # It may be paid for, and the shop not know it yet.
            time.sleep(PAUSE)
            if browser.api("GET", f"orders/{number}")["state"] == "awaiting_payment":
                continue
        return
    raise StoryBroken(f"{number} could not be paid for: {told}")


def _lines(wish: Wish) -> Iterator[tuple[str, str]]:
    yield "handset", PHONE
    yield "plan", PLAN
    yield "sim", "esim" if wish.kind == "port" else "carte-sim"
    if wish.kind == "card":
        yield "accessory", CASE
    if wish.kind == "content":
        yield "option", "vigie-securite"
        yield "content", "ondine-musique"


def _kept(place: int) -> dict[str, Any]:
    """A number of its own to be kept, with its RIO; each third line has a temporary one."""
    number = f"06{13_000_000 + place:08}"
    key = key_of(operator="02", quality="P", reference="A1B2C3", number=number)
    lent = place % 3 == 0
    return {"choice": "port", "msisdn": number, "rio": f"02PA1B2C3{key}", "temporary": lent}


def _fleet_line(index: int) -> dict[str, Any]:
    return {
        "user_name": f"Ada Aubry {index}",
        "user_email": f"ada{index}@rivoire.example",
        "plan": "flotte-50",
        "handset": "halvik-bureau-128-graphite",
        "sim": "carte-sim",
        "term": 24,
        "site": "Atelier",
        "cost_centre": "EM-01",
    }
