"""What an owner sees of his endpoints and of what was sent to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Prefetch, Q

from commerce.events.models import (
    EndpointState,
    WebhookAttempt,
    WebhookEndpoint,
    WebhookMessage,
    WebhookState,
)
from commerce.kernel.errors import NotFound


@dataclass(frozen=True, slots=True)
class EndpointView:
    """All instants are machine time. `waiting` are the messages that are still to arrive."""

    id: UUID
    url: str
    name: str
    types: tuple[str, ...]
    state: EndpointState
    failing_since: datetime | None
    old_until: datetime | None
    created_at: datetime
    created_by: str
    waiting: int


@dataclass(frozen=True, slots=True)
class AttemptView:
    at: datetime
    status: int | None
    said: str


@dataclass(frozen=True, slots=True)
class MessageView:
    """One event for one endpoint; `attempts` are its tries, the newest first."""

    id: UUID
    type: str
    state: WebhookState
    occurred_at: datetime
    next_at: datetime | None
    attempts: tuple[AttemptView, ...]

    @property
    def webhook_id(self) -> str:
        """As it goes out."""
        return f"msg_{self.id.hex}"


def endpoints_of(party_id: int | None) -> tuple[EndpointView, ...]:
    """An owner's endpoints, the oldest first; None is the operator."""
    rows = (
        WebhookEndpoint.objects.filter(party_id=party_id)
        .annotate(waiting=Count("messages", filter=Q(messages__state=WebhookState.PENDING)))
        .order_by("created_at", "id")
    )
    return tuple(_view(row, waiting=row.waiting) for row in rows)


def endpoint_of(party_id: int | None, *, endpoint_id: UUID) -> EndpointView:
    """Raises NotFound `unknown_endpoint`, also for another owner's."""
    found = next((each for each in endpoints_of(party_id) if each.id == endpoint_id), None)
    if found is None:
        raise NotFound("There is no such endpoint.", code="unknown_endpoint")
    return found


def messages_of(
    party_id: int | None, *, endpoint_id: UUID, limit: int = 50
) -> Sequence[MessageView]:
    """What was sent to an endpoint, the newest first. Raises NotFound `unknown_endpoint`."""
    endpoint = endpoint_of(party_id, endpoint_id=endpoint_id)
    tries = Prefetch("tries", queryset=WebhookAttempt.objects.order_by("-id"))
    rows = (
        WebhookMessage.objects.filter(endpoint_id=endpoint.id)
        .select_related("event")
        .prefetch_related(tries)
        .order_by("-created_at", "-id")[:limit]
    )
    return tuple(
        MessageView(
            row.pk,
            row.type,
            WebhookState(row.state),
            row.event.occurred_at,
            row.next_at,
            tuple(AttemptView(each.at, each.status, each.said) for each in row.tries.all()),
        )
        for row in rows
    )


def _view(row: WebhookEndpoint, *, waiting: int) -> EndpointView:
    return EndpointView(
        row.pk,
        row.url,
        row.name,
        tuple(row.types),
        EndpointState(row.state),
        row.failing_since,
        row.old_until,
        row.created_at,
        row.created_by,
        waiting,
    )
