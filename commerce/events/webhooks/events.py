"""What webhooks tell the rest of the house."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from commerce.events.outbox import Event


@dataclass(frozen=True, slots=True)
class WebhookEndpointFailed(Event):
    """An endpoint has answered nothing well since `since` (machine time), and hears of nothing more
    until it is resumed."""

    party_id: int | None
    endpoint: UUID
    url: str
    since: datetime
