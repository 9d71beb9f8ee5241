"""What every part of the payment sandbox works with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from commerce.sandbox.common.clock import Clock
from commerce.sandbox.common.delivery import DeliveryQueue
from commerce.sandbox.common.faults import Faults
from commerce.sandbox.common.settings import SandboxSettings, required
from commerce.sandbox.common.storage import Database
from commerce.sandbox.payments.forms import Params
from commerce.sandbox.payments.ledger import Ledger
from commerce.sandbox.payments.store import Store

API_VERSION = "2026-10-28.endive"
"""The version of Stripe's API whose answers are imitated."""


@dataclass(frozen=True, slots=True)
class PaymentSettings:
    """Without `webhook_url` no webhook is sent; events can still be read. `webhook_events` are the
    types that the endpoint wishes to hear of; none: all."""

    base: SandboxSettings
    api_key: str
    webhook_secret: str
    webhook_url: str
    merchant: str
    webhook_events: frozenset[str] = frozenset()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        return cls(
            base=SandboxSettings.from_environment(environment),
            api_key=required(environment, "STRIPE_API_KEY"),
            webhook_secret=required(environment, "STRIPE_WEBHOOK_SECRET"),
            webhook_url=environment.get("STRIPE_WEBHOOK_URL", ""),
            merchant=environment.get("SANDBOX_MERCHANT", "Faisceau"),
            webhook_events=frozenset(environment.get("SANDBOX_WEBHOOK_EVENTS", "").split()),
        )

    def tells(self, event_type: str) -> bool:
        """Whether a webhook carries events of that type."""
        wished = self.webhook_events
        return bool(self.webhook_url) and (not wished or event_type in wished)


@dataclass(frozen=True, slots=True)
class Origin:
    """What caused a change: a request of the API, or (all empty) the hosted page or time itself."""

    operation: str = ""
    request_id: str | None = None
    idempotency_key: str | None = None
    trace: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One request of the API; `ids` are the identifiers in its path."""

    params: Params
    origin: Origin
    ids: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.ids[0]


@dataclass(frozen=True, slots=True)
class World:
    settings: PaymentSettings
    database: Database
    clock: Clock
    store: Store
    ledger: Ledger
    queue: DeliveryQueue
    faults: Faults

    def now(self) -> int:
        """Business time in whole seconds, as `created` holds it."""
        return int(self.clock.now())
