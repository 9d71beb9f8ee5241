"""The second order: a half-filled cart is handed over to an agent, who sends a link to pay."""

import re
from collections import Counter
from typing import Any

import httpx

from commerce.local.demo.browser import Browser, wait_for
from commerce.local.demo.errors import StoryBroken
from commerce.local.demo.orders import WAREHOUSE, Told, cents, money, promised_by
from commerce.local.demo.paying import GOOD, pay_on
from commerce.local.demo.shopper import log_in, login_of
from commerce.local.stack import Stack

PHONE, PLAN, SIM, CONTENT = "noctile-un-128-craie", "horizon-130", "carte-sim", "lanterne-video"
CALLER, EMAIL = "06 39 98 40 17", "ines.morvan@example.test"
PERSON = {"first_name": "Inès", "last_name": "Morvan"}
PASSWORD = "une-phrase-assez-longue-2026"
ADDRESS = {"line1": "3 rue du Port", "postcode": "29200", "city": "Brest"}


class CallCentre:
    """Inès, who begins on the web and is known by `email` and `phone`; Nadia, who answers it."""

    def __init__(self, stack: Stack, *, email: str = EMAIL, phone: str = CALLER) -> None:
        self.email, self.phone = email, phone
        self.customer = Browser(stack.info.web_url)
        self.agent = Browser(stack.info.web_url)
        self.story: list[str] = []
        self._login = login_of(stack, "agent")
        self._inbox = f"{stack.info.providers_url}/_control/messages"

    def order(self) -> Told:
        """From the half-filled cart to the payment on the customer's own device."""
        self._register()
        code = self._begin_cart()
        self._call(code)
        quote = self._prepare(code)
        number = self._send(code)
        self._accept_and_pay()
        self._note(number)
        return Told(
            title="A half-filled cart handed over to the call centre",
            number=number,
            story=tuple(self.story),
            promised=promised_by(quote),
            asked=Counter([("handset", PHONE), ("plan", PLAN), ("sim", SIM), ("content", CONTENT)]),
            services={CONTENT: "video"},
            ships={"handset": WAREHOUSE, "sim": WAREHOUSE},
            paid=cents(money(quote["due_today_gross"])),
        )

    def state(self, number: str) -> str:
        """As the customer's account has it."""
        return str(self.customer.api("GET", f"orders/{number}")["state"])

    def wait_until_active(self, number: str, *, seconds: float = 90) -> None:
        wait_for(
            lambda: self.state(number) == "completed",
            what=f"the end of {number}",
            seconds=seconds,
        )

    def _register(self) -> None:
        page = self.customer.open("/account/register/")
        form = page.form_with("first_name", "last_name", "password")
        who = {**PERSON, "email": self.email, "phone": self.phone}
        self.customer.send(form, **who, password=PASSWORD)

    def _begin_cart(self) -> str:
        """A phone and a plan; the SIM is still missing. Handed over by its code."""
        api = self.customer.api
        code = str(api("POST", "carts", {})["code"])
        bundle = {
            "bundle": "handset-and-plan",
            "term": 24,
            "choices": [
                {"role": "handset", "offering": PHONE},
                {"role": "plan", "offering": PLAN},
            ],
        }
        cart = api("POST", f"carts/{code}/bundles", bundle)
        if cart["orderable"]:
            raise StoryBroken(f"the cart {code} lacks a SIM and says that it can be ordered")
        spoken = str(api("POST", f"carts/{code}/hand-over", {})["code"])
        self.story.append(f"fills a cart by half on the web and reads out its code {spoken}")
        return spoken

    def _call(self, code: str) -> None:
        """The agent finds the caller, checks who it is and opens the cart."""
        log_in(self.agent, login=self._login)
        page = self.agent.open(f"/agent/?q={self.email}")
        begin = next(
            form
            for form in page.forms
            if form.action.endswith("/agent/contacts/") and form.values.get("party")
        )
        reason = next(value for value in begin.choices["reason"] if value)
        page = self.agent.send(begin, reason=reason)
        page = self.agent.send(page.form_with("facts"), facts=["email", "phone"], passed="yes")
        self.story.append("is asked two facts by Nadia Benali; both answers are right")
        self.agent.send(page.form_with("code"), code=code)

    def _prepare(self, code: str) -> dict[str, Any]:
        """What the caller still wants; the same prices as on the web."""
        before = self.agent.api("GET", f"carts/{code}")
        group = before["bundles"][0]["group"]
        for role, offering in (("content", CONTENT), ("sim", SIM)):
            page = self.agent.open(f"/agent/cart/{code}/?group={group}&role={role}")
            form = next(form for form in page.forms if offering in form.choices.get("offering", ()))
            self.agent.send(form, offering=offering)
        quote: dict[str, Any] = self.agent.api("GET", f"carts/{code}")["quote"]
        self.story.append(
            f"gets {CONTENT} and a SIM card added by the agent: "
            f"{money(before['quote']['due_today_gross'])} EUR today become "
            f"{money(quote['due_today_gross'])} EUR"
        )
        return quote

    def _send(self, code: str) -> str:
        page = self.agent.open(f"/agent/cart/{code}/")
        form = page.form_to("/send/$")
        asked = {name: value for name, value in ADDRESS.items() if name in form.names}
        page = self.agent.send(form, **asked)
        found = re.search(r"F-\d{4}-\d+", page.address)
        if not found:
            raise StoryBroken(f"no order came of the cart {code}: {page.address}")
        return found.group()

    def _accept_and_pay(self) -> None:
        """The customer reads the message and goes the way that it shows."""
        link = wait_for(self._link, what="the message with the link", seconds=40)
        page = self.customer.open(link)
        form = page.form_with("early", "summary", "terms")
        page = self.customer.send(form, early="now", summary="on", terms="on")
        pay_on(self.customer, page=page, card=GOOD, name="Inès Morvan")
        self.story.append(
            "opens the link from the SMS, confirms the contract summary and pays by card"
        )

    def _link(self) -> str | None:
        told = httpx.get(self._inbox, params={"to": self.phone, "channel": "sms"}, timeout=10)
        for message in reversed(told.json()["messages"]):
            found = re.search(r"https?://\S+/accept/[\w-]+/?", message["text"])
            if found:
                return found.group()
        return None

    def _note(self, number: str) -> None:
        page = self.agent.open("/agent/contact/")
        ends = page.form_to("/agent/contact/end/$")
        self.agent.send(ends, note=f"{number} prepared, link sent by SMS.")
        self.story.append("hangs up; the agent's note stands on the timeline")
