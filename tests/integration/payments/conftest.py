"""Our payments, talking to the payment sandbox as its own process."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.test import Client

from commerce.events.models import OutboxEvent
from commerce.events.pump import drain
from commerce.kernel.money import Money
from commerce.payments.gateway import gateway
from commerce.payments.models import PaymentAttempt
from commerce.payments.ports import PayLine
from commerce.payments.services.checkout import open_session, request_payment
from tests.integration.sandbox_payments.harness import (
    API_KEY,
    SECRET,
    PaymentSandbox,
    type_card,
)
from tests.integration.sandbox_providers.harness import Receiver, wait_for


@dataclass
class Shop:
    """What a test does as the customer, the browser and the provider's webhook sender."""

    sandbox: PaymentSandbox
    forwarded: int = 0

    def ask(self, key: str, *, amount: str = "449.00") -> None:
        with transaction.atomic():
            request_payment(
                key=key,
                amount=Money.of(amount),
                party_id=None,
                reference=f"order-of-{key}",
                lines=(PayLine("Lumen X1", Money.of(amount)),),
                email="ada@example.test",
                language="fr",
                success_url="http://shop.invalid/done?session={CHECKOUT_SESSION_ID}",
                cancel_url="http://shop.invalid/cart",
            )

    def pay(self, key: str, *, card: str = "4242424242424242") -> int:
        return type_card(open_session(key=key), card).status_code

    def webhooks(self, key: str, *, kinds: tuple[str, ...]) -> list[Any]:
        """The webhooks of these types for the payment, as they arrived."""

        def mine() -> list[Any] | None:
            found = [
                entry
                for entry in list(self.sandbox.receiver.received)
                if entry.body["type"] in kinds
                and entry.body["data"]["object"].get("metadata", {}).get("key") == key
            ]
            return found if len({entry.body["type"] for entry in found}) == len(kinds) else None

        return wait_for(mine)

    def tell(self, *webhooks: Any) -> list[int]:
        """Hand webhooks to our door and carry out what follows."""
        statuses = [
            Client()
            .post(
                "/webhooks/stripe",
                entry.raw,
                content_type="application/json",
                headers={"Stripe-Signature": entry.headers["stripe-signature"]},
            )
            .status_code
            for entry in webhooks
        ]
        drain()
        return statuses

    def effects(self, key: str) -> list[tuple[str, int]]:
        """What was done to the money at the provider: (kind, cents)."""
        return self.sandbox.effects(PaymentAttempt.objects.get(key=key).intent_id)

    def sessions(self, key: str) -> int:
        """How many hosted pages the provider made for the payment."""
        made = self.sandbox.client().v1.checkout.sessions.list({"limit": 100})
        return sum((entry.to_dict()["metadata"] or {}).get("key") == key for entry in made.data)


def told(key: str) -> list[str]:
    """The names of the events about a payment, in the order in which they happened."""
    return list(
        OutboxEvent.objects.filter(payload__key=key)
        .order_by("occurred_at")
        .values_list("name", flat=True)
    )


@pytest.fixture(scope="module")
def payment_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaymentSandbox]:
    receiver = Receiver()
    running = PaymentSandbox(tmp_path_factory.mktemp("payments"), receiver)
    yield running
    running.kill()
    receiver.stop()


@pytest.fixture
def shop(db: None, payment_sandbox: PaymentSandbox, settings: LazySettings) -> Iterator[Shop]:
    settings.STRIPE_API_BASE = payment_sandbox.url
    settings.STRIPE_API_KEY = API_KEY
    settings.STRIPE_WEBHOOK_SECRET = SECRET
    settings.PROVIDER_TIMEOUT_SECONDS = 2.0
    gateway.cache_clear()
    yield Shop(payment_sandbox)
    gateway.cache_clear()
    payment_sandbox.control("DELETE", "faults")
