"""The payment sandbox as its own process, driven by the official client."""

import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import stripe

from tests.integration.sandbox_providers.harness import Received, Receiver, wait_for

ROOT = Path(__file__).resolve().parents[3]
API_KEY = "sk_test_of_the_shop"
SECRET = "whsec_of_the_shop"
SUCCESS = "http://shop.invalid/done?session={CHECKOUT_SESSION_ID}"
CANCEL = "http://shop.invalid/cart"


@dataclass
class PaymentSandbox:
    """One process on a free port; `kill` and `start` keep its database."""

    folder: Path
    receiver: Receiver
    webhook_events: str = ""
    process: subprocess.Popen[bytes] | None = None
    port: int = field(init=False)

    def __post_init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = {
            **os.environ,
            "SANDBOX_PORT": str(self.port),
            "SANDBOX_DB": str(self.folder / "payments.sqlite"),
            "SANDBOX_PUBLIC_URL": self.url,
            "STRIPE_API_KEY": API_KEY,
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "STRIPE_WEBHOOK_URL": self.receiver.url,
            "SANDBOX_WEBHOOK_EVENTS": self.webhook_events,
        }
        with (self.folder / "sandbox.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "commerce.sandbox.payments"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )
        wait_for(self._answers)

    def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def client(self, *, key: str = API_KEY, seconds: float = 10) -> stripe.StripeClient:
        """The official client, without its own retries."""
        return stripe.StripeClient(
            key,
            base_addresses={"api": self.url},
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=seconds),
        )

    def control(self, method: str, path: str, body: object = None) -> Any:
        answer = httpx.request(method, f"{self.url}/_control/{path}", json=body, timeout=10)
        assert answer.is_success, answer.text
        return answer.json()

    def plant(self, route: str, kind: str, **more: object) -> None:
        self.control("POST", "faults", {"route": route, "kind": kind, **more})

    def effects(self, payment_intent: str) -> list[tuple[str, int]]:
        """What was done to the money of one intent, in order: (kind, minor units)."""
        rows = self.control("GET", "ledger")["effects"]
        return [
            (row["kind"], row["amount"]) for row in rows if row["payment_intent"] == payment_intent
        ]

    def advance(self, seconds: float) -> None:
        now = self.control("GET", "state")["offset_seconds"]
        self.control("PUT", "clock", {"offset_seconds": now + seconds})

    def events(self, object_id: str) -> list[Received]:
        """The webhooks that came for one object."""
        return [
            entry
            for entry in list(self.receiver.received)
            if entry.body["data"]["object"]["id"] == object_id
        ]

    def event_types(self, object_id: str) -> list[str]:
        return sorted(entry.body["type"] for entry in self.events(object_id))

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=1).is_success
        except httpx.HTTPError:
            return False


def line(name: str, cents: int, *, quantity: int = 1) -> dict[str, Any]:
    """A line item as our shop sends it."""
    return {
        "price_data": {
            "currency": "eur",
            "unit_amount": cents,
            "product_data": {"name": name},
        },
        "quantity": quantity,
    }


def session_of(sandbox: PaymentSandbox, **more: Any) -> stripe.checkout.Session:
    """An open Checkout Session over 149.80 €."""
    wishes: Any = {
        "mode": "payment",
        "line_items": [line("Handset", 12_900), line("Case", 1_040, quantity=2)],
        "success_url": SUCCESS,
        "cancel_url": CANCEL,
        "customer_email": "ada@example.com",
        **more,
    }
    return sandbox.client().v1.checkout.sessions.create(wishes)


def type_card(
    page: str, number: str, *, expiry: str = "12 / 34", cvc: str = "123", name: str = "Ada Martin"
) -> httpx.Response:
    """Submit the form of the hosted page, as a browser without scripts would."""
    typed = {"number": number, "expiry": expiry, "cvc": cvc, "name": name}
    return httpx.post(page, data=typed, timeout=10)


def payment(sandbox: PaymentSandbox, **more: Any) -> stripe.PaymentIntent:
    """A confirmed intent over 20.00 €, by card and without redirects."""
    wishes: Any = {
        "amount": 2_000,
        "currency": "eur",
        "payment_method": "pm_card_visa",
        "payment_method_types": ["card"],
        "confirm": True,
        **more,
    }
    return sandbox.client().v1.payment_intents.create(wishes)
