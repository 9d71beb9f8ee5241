"""Which endpoints hear of an event: decided in the transaction in which it happened."""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from commerce.events import timers
from commerce.events.models import OutboxEvent, WebhookMessage
from commerce.events.queues import turn_of
from commerce.events.registry import ToldOutside, told_outside
from commerce.kernel.clock import business_now, machine_now
from commerce.kernel.trace import current_trace

TIMER = "webhooks.send"
TEST = "webhook.test"
"""What an endpoint is sent when its owner tries it, whatever it asked to hear of."""

_LISTENING = """
  JOIN unnest(%(names)s::text[], %(types)s::text[], %(to_party)s::boolean[],
              %(on_request)s::boolean[])
       AS told (name, type, to_party, on_request) ON told.name = event.name
  JOIN events_webhookendpoint AS endpoint
    ON endpoint.state = 'active'
   AND (endpoint.party_id IS NULL
        OR told.to_party AND endpoint.party_id = (event.payload ->> 'party_id')::bigint)
   AND (endpoint.types ? told.type OR endpoint.types = '[]' AND NOT told.on_request)
"""
# One that is paused or was given up counts: what it missed can be told it again.
_ASKED_FOR = """
SELECT told.name, endpoint.party_id
  FROM unnest(%(names)s::text[], %(types)s::text[], %(to_party)s::boolean[])
       AS told (name, type, to_party)
  JOIN events_webhookendpoint AS endpoint
    ON endpoint.types ? told.type
   AND (endpoint.party_id IS NULL OR told.to_party AND endpoint.party_id = ANY(%(parties)s))
"""
_MESSAGES = """
INSERT INTO events_webhookmessage AS message
       (id, endpoint_id, event_id, type, state, attempts, next_at, created_at)
SELECT gen_random_uuid(), endpoint.id, event.id, told.type, 'pending', 0, %(now)s, %(now)s
"""
# Whoever removes an endpoint waits for those who tell it something: their transaction would fail.
# One statement whatever the number of events and endpoints, as every event runs it.
_WRITE = f"""
WITH event AS (
    INSERT INTO events_outboxevent (id, name, payload, trace_id, occurred_at)
    SELECT id, name, payload, trace_id, occurred_at
      FROM jsonb_to_recordset(%(events)s::jsonb)
           AS given (id uuid, name text, payload jsonb, trace_id text, occurred_at timestamptz)
    RETURNING id, name, payload)
{_MESSAGES}
  FROM event {_LISTENING}
   FOR KEY SHARE OF endpoint
RETURNING id
"""  # noqa: S608  nothing of a caller's is in the text
# What happened between two instants, for one endpoint: what was missed is written, what is there
# begins anew under its own id, so that a receiver that has it knows.
_TELL_AGAIN = f"""
{_MESSAGES}
  FROM events_outboxevent AS event {_LISTENING}
   AND endpoint.id = %(endpoint)s
 WHERE event.name = ANY(%(names)s)
   AND event.occurred_at >= %(since)s AND event.occurred_at < %(until)s
 ORDER BY event.occurred_at
 LIMIT %(most)s
    ON CONFLICT (endpoint_id, event_id) DO UPDATE
   SET state = 'pending', attempts = 0, next_at = excluded.next_at
RETURNING id
"""  # noqa: S608  nothing of a caller's is in the text


def write(rows: Sequence[OutboxEvent]) -> None:
    """Store the events, and a message for each endpoint that wants to hear of one; in the caller's
    transaction."""
    if rows:
        written = _run(
            _WRITE,
            tuple(
                told_outside()[name] for name in {row.name for row in rows} & set(told_outside())
            ),
            # As one document: to quote each of many payloads in an array costs more than the rest.
            events=json.dumps(
                [
                    {
                        "id": str(row.pk),
                        "name": row.name,
                        "payload": row.payload,
                        "trace_id": row.trace_id,
                        "occurred_at": row.occurred_at.isoformat(),
                    }
                    for row in rows
                ],
                ensure_ascii=False,
            ),
        )
        now = machine_now()
        timers.schedule_all(due(pk, now) for pk in written)


def asked_for(told: Collection[ToldOutside], *, parties: Collection[int]) -> set[tuple[str, int]]:
    """Of events told on request, by name and party, those that an endpoint has asked for."""
    values = _values(told) | {"parties": list(parties)}
    with connection.cursor() as cursor:
        cursor.execute(_ASKED_FOR, values)
        found = cursor.fetchall()
    return {
        (name, party)
        for name, listener in found
        for party in (parties if listener is None else (listener,))
    }


def tell_again(
    *, endpoint_id: object, since: datetime, until: datetime, most: int, type_: str = ""
) -> int:
    """Tell one endpoint once more what happened from `since` to before `until` (business time),
    the oldest `most` of it; of one type, if it is given. Answers how many messages."""
    chosen = tuple(each for each in told_outside().values() if type_ in ("", each.name))
    written = _run(_TELL_AGAIN, chosen, endpoint=endpoint_id, since=since, until=until, most=most)
    send_many(written)
    return len(written)


def send_many(messages: Iterable[object]) -> None:
    """Send them now, each further twenty a turn later: they hold up nobody who has few."""
    now = machine_now()
    timers.schedule_all(
        due(pk, now, turn=turn_of(position)) for position, pk in enumerate(messages)
    )


def tell_test(*, endpoint_id: UUID, party_id: int | None, by: str) -> UUID:
    """One message for one endpoint; nobody else hears of it, and it is never told again."""
    event = OutboxEvent.objects.create(
        name=TEST,
        payload={"party_id": party_id, "endpoint": str(endpoint_id), "sent_by": by},
        trace_id=current_trace(),
        occurred_at=business_now(),
    )
    now = machine_now()
    message = WebhookMessage.objects.create(
        endpoint_id=endpoint_id, event=event, type=TEST, next_at=now
    )
    timers.schedule_all([due(message.pk, now)])
    return message.pk


def due(message_id: object, at: datetime, *, turn: int | None = None) -> timers.Due:
    """The timer that sends one message."""
    key, payload = f"webhook:{message_id}", {"message": str(message_id)}
    return timers.Due(key, TIMER, at, payload, "machine", turn)


def _run(statement: str, told: Sequence[ToldOutside], **values: Any) -> list[UUID]:
    """The messages that were written."""
    named = _values(told) | {"now": machine_now()}
    with connection.cursor() as cursor:
        cursor.execute(statement, named | values)
        return [pk for (pk,) in cursor.fetchall()]


def _values(told: Collection[ToldOutside]) -> dict[str, Any]:
    return {
        "names": [each.event.__name__ for each in told],
        "types": [each.name for each in told],
        "to_party": [each.to_party for each in told],
        "on_request": [each.on_request for each in told],
    }
