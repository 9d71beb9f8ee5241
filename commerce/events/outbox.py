"""The transactional outbox: what happened is told in the transaction in which it happened."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from django.db import connection

from commerce.events.models import Delivery, OutboxEvent
from commerce.events.queues import placed
from commerce.events.registry import Subscription, ToldOutside, subscribers_of, told_outside
from commerce.events.webhooks.telling import asked_for, write
from commerce.kernel.clock import business_now
from commerce.kernel.money import Money
from commerce.kernel.trace import current_trace
from commerce.rows import insert


@dataclass(frozen=True, slots=True)
class Event:
    """Base of frozen dataclasses in the past tense (`OrderPlaced`); the class name is its name."""

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values: dates in ISO 8601, amounts as text.

        Raises:
            TypeError: a field holds something else than scalars and lists of them.
        """
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def publish(event: Event) -> None:
    """Tell `event` to everyone who subscribes to it, once the transaction is committed.

    Raises:
        RuntimeError: no transaction is open; the event could outlive what it tells of.
    """
    publish_all([event])


def publish_all(events: Iterable[Event]) -> None:
    """As `publish`, for many: two statements whatever their number, a third where webhooks tell
    of them. Those that are told on request cost one that asks whether anybody wants them, and are
    written only then."""
    if not connection.in_atomic_block:
        raise RuntimeError("publish() needs the transaction in which the event happened")
    now, trace = business_now(), current_trace()
    rows = [
        OutboxEvent(
            name=type(event).__name__, payload=event.to_json(), trace_id=trace, occurred_at=now
        )
        for event in _wanted(tuple(events))
    ]
    write(rows)
    insert(
        _delivery(row, subscription, trace=trace)
        for row in rows
        for subscription in subscribers_of(row.name)
    )


def _wanted(events: Sequence[Event]) -> Sequence[Event]:
    """Without those that are told on request and that nobody has asked for."""
    offered = [told for each in events if (told := _on_request(each)) is not None]
    if not offered:
        return events
    asked = asked_for(set(offered), parties={_party(each) for each in events if _on_request(each)})
    return [
        each
        for each in events
        if _on_request(each) is None or (type(each).__name__, _party(each)) in asked
    ]


def _on_request(event: Event) -> ToldOutside | None:
    told = told_outside().get(type(event).__name__)
    return told if told is not None and told.on_request else None


def _party(event: Event) -> int:
    """Whom an event that is told on request concerns: each of them names that."""
    party: int = event.party_id  # type: ignore[attr-defined]
    return party


def _delivery(event: OutboxEvent, to: Subscription, *, trace: str) -> Delivery:
    queue, turn = placed(to.queue)
    return Delivery(event=event, subscriber=to.name, queue=queue, turn=turn, trace_id=trace)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Money):
        return {"amount": str(value.amount), "currency": value.currency}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    raise TypeError(f"an event can't carry a {type(value).__name__}")
