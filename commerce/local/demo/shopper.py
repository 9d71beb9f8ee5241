"""The first order: a shopper on the web keeps a number, pays by a card that needs the bank."""

from collections import Counter
from typing import Any

from commerce.local.demo.browser import Browser, plain_text, wait_for
from commerce.local.demo.errors import StoryBroken
from commerce.local.demo.orders import (
    WAREHOUSE,
    Told,
    cents,
    money,
    promised_by,
    words,
)
from commerce.local.demo.paying import NEEDS_BANK, pay
from commerce.local.stack import Stack

PHONE, CASE, PLAN, SIM = "ardoval-x2-128-nuit", "coque-ardoval-x2", "horizon-130", "esim"
NUMBER, RIO, WRONG_RIO = "06 39 98 12 34", "02PA1B2C3RE+", "02PA1B2C3RE0"
CONSENTS = {
    "terms": True,
    "contract_summary_confirmed": True,
    "early_execution_requested": True,
}
DONE = "completed"


def login_of(stack: Stack, role: str) -> dict[str, str]:
    """The demo login of that role."""
    return next(entry for entry in stack.info.credentials["logins"] if entry["role"] == role)


def log_in(browser: Browser, *, login: dict[str, str], at: str = "/account/login/") -> None:
    """Raises StoryBroken when the door stays shut."""
    page = browser.open(at)
    form = next(form for form in page.forms if "password" in form.kinds.values())
    values = {
        form.field_of("email", "text"): login["login"],
        form.field_of("password"): login["password"],
    }
    page = browser.send(form, **values)
    if any("password" in form.kinds.values() for form in page.forms):
        raise StoryBroken(f"{login['login']} can't log in: {plain_text(page.text)[:300]}")


class Shopper:
    """Camille, who has an account, and keeps `number` by its `rio`."""

    def __init__(self, stack: Stack, *, number: str = NUMBER, rio: str = RIO) -> None:
        self.browser = Browser(stack.info.web_url)
        self.number, self.rio = number, rio
        self.story: list[str] = []
        self._login = login_of(stack, "shopper")

    def order(self) -> Told:
        """Everything from the log-in to the payment."""
        log_in(self.browser, login=self._login)
        quote = self._fill_cart()
        placed = self._place(quote)
        number = str(placed["number"])
        self._pay(number)
        return Told(
            title="A shopper on the web storefront",
            number=number,
            story=tuple(self.story),
            promised=promised_by(quote),
            asked=Counter([("handset", PHONE), ("plan", PLAN), ("accessory", CASE), ("sim", SIM)]),
            services={},
            ships={"handset": WAREHOUSE, "accessory": WAREHOUSE},
            ports=(self.number.replace(" ", ""),),
            paid=cents(money(quote["due_today_gross"])),
        )

    def state(self, number: str) -> str:
        """As the customer's own page of the order has it."""
        return str(self.browser.api("GET", f"orders/{number}")["state"])

    def wait_until_active(self, number: str, *, seconds: float = 90) -> None:
        wait_for(lambda: self.state(number) == DONE, what=f"the end of {number}", seconds=seconds)

    def _fill_cart(self) -> dict[str, Any]:
        api = self.browser.api
        offer = api("GET", f"offerings/{PHONE}")
        self.story.append(f"looks at {words(offer['name'])} and starts a bundle with it")
        self.cart = str(api("POST", "carts", {})["code"])
        bundle = {
            "bundle": "handset-and-plan",
            "term": 24,
            "choices": [
                {"role": "handset", "offering": PHONE},
                {"role": "plan", "offering": PLAN},
                {"role": "accessory", "offering": CASE},
                {"role": "sim", "offering": SIM},
            ],
        }
        cart = api("POST", f"carts/{self.cart}/bundles", bundle)
        plan = next(line["id"] for line in cart["quote"]["lines"] if line["role"] == "plan")
        at = f"carts/{self.cart}/items/{plan}/number"
        kept = {"choice": "port", "msisdn": self.number}
        refusal = api("PUT", at, {**kept, "rio": WRONG_RIO}, status=400)
        self.story.append(f"types a wrong RIO and is told: “{refusal['detail']}”")
        api("PUT", at, {**kept, "rio": self.rio})
        self.story.append(f"keeps the number {self.number} with the RIO {self.rio}")
        quote: dict[str, Any] = api("POST", f"carts/{self.cart}/checkout", {})["quote"]
        return quote

    def _place(self, quote: dict[str, Any]) -> dict[str, Any]:
        placed = self.browser.api(
            "POST",
            "orders",
            {
                "cart": self.cart,
                "expected_total": quote["due_today_gross"],
                "digest": quote["digest"],
                "consents": CONSENTS,
                "language": "en",
            },
            status=201,
        )
        self.story.append(
            "confirms the contract summary, asks for early execution and orders for "
            f"{quote['due_today_gross']['amount']} EUR"
        )
        return placed

    def _pay(self, number: str) -> None:
        session = self.browser.api("POST", f"orders/{number}/payment-session", {})
        pay(self.browser, address=session["url"], card=NEEDS_BANK, name="Camille Martin")
        self.story.append(
            "pays by card on the provider's page; the bank asks for authentication and gets it"
        )
