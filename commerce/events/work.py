"""Leasing, claiming and ending work, alike for deliveries and timers.

A row goes from the pump (`lease`) through the queue to a worker (`claim`), which ends it on the
condition that its token is still the row's. A message that comes twice, or late, claims nothing.
"""

import logging
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar
from uuid import UUID, uuid4

from django.db import connection
from django.db.models import F, Q

from commerce.events.models import WorkItem, WorkState
from commerce.events.queues import WorkQueue
from commerce.kernel.clock import machine_now

logger = logging.getLogger(__name__)

CHANNEL = "work"
"""Where the pump hears that there is some."""
QUEUE_LEASE = timedelta(seconds=60)
IN_TRANSIT = timedelta(seconds=5)
"""By then a message has come to the broker, and what was taken from there is claimed."""
RUN_LEASE = timedelta(seconds=60)
SHARE = timedelta(seconds=1)
"""What of a message is not begun by then goes back: the queues share a worker's time, not
the number of messages, as one row may take a thousand times as long as another."""
TRIES = 8
LONGEST_BACK_OFF = 60.0

Item = TypeVar("Item", bound=WorkItem)


@dataclass(frozen=True, slots=True)
class Due:
    """Pending rows whose time has come: a condition with its order, and the values in it."""

    model: type[WorkItem]
    text: str
    values: tuple[Any, ...]


# Of every message: written out, because building them anew costs more than running them.
_LEASE = """
WITH due AS MATERIALIZED (
    SELECT first.id, first.turn
      FROM unnest(%s::text[], %s::int[]) AS wanted (queue, room),
   LATERAL (SELECT id, turn FROM {table}
             WHERE state = 'pending' AND queue = wanted.queue AND {due}
             LIMIT wanted.room FOR UPDATE SKIP LOCKED) AS first)
UPDATE {table} AS held SET state = 'leased', token = %s, lease_until = %s
  FROM due WHERE held.id = due.id RETURNING held.queue, due.turn, held.id
"""
_CLAIM = """
WITH ours AS MATERIALIZED (
    SELECT id FROM {table} WHERE id = ANY(%s) AND token = %s AND state = 'leased'
       FOR UPDATE SKIP LOCKED)
UPDATE {table} AS held SET state = 'running', token = %s, lease_until = %s
  FROM ours WHERE held.id = ours.id RETURNING held.id
"""
_RELEASE = """
WITH back AS (
    UPDATE {table} SET state = 'pending', token = NULL, lease_until = NULL
     WHERE id = ANY(%s) AND token = %s AND state = 'running' RETURNING id)
SELECT pg_notify(%s, '') WHERE EXISTS (SELECT FROM back)
"""


class Postponed(Exception):
    """Raised by a handler that reaches outside: not now, and it is no failed try."""

    def __init__(self, until: datetime | None) -> None:
        super().__init__(f"postponed until {until}")
        self.until = until or machine_now()


class LostLease(Exception):
    """The row went to another worker meanwhile; this one's effects are undone."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that were handed out together under one token."""

    ids: tuple[int, ...]
    token: UUID

    def parted(self, size: int) -> Iterator[Self]:
        """In pieces of at most `size` rows, under the same token."""
        for start in range(0, len(self.ids), size):
            yield replace(self, ids=self.ids[start : start + size])


def lease(due: Due, *, room: Mapping[WorkQueue, int]) -> dict[WorkQueue, Batch]:
    """Take of the rows `due` that no other pump is taking as many as there is `room` for in each
    queue; those whose turn it is first. Without what there is none of."""
    token = uuid4()
    queues, rooms = [str(queue) for queue in room], list(room.values())
    with connection.cursor() as cursor:
        given = [queues, rooms, *due.values, token, machine_now() + QUEUE_LEASE]
        cursor.execute(_LEASE.format(table=due.model._meta.db_table, due=due.text), given)
        taken: dict[WorkQueue, list[int]] = {}
        for queue, _, pk in sorted(cursor.fetchall()):
            taken.setdefault(WorkQueue(queue), []).append(pk)
    return {queue: Batch(tuple(ids), token) for queue, ids in taken.items()}


def give_back(model: type[Item], batch: Batch) -> None:
    """Undo a lease whose message could not be sent."""
    model._default_manager.filter(
        pk__in=batch.ids, token=batch.token, state=WorkState.LEASED
    ).update(state=WorkState.PENDING, token=None, lease_until=None)


def claim(model: type[Item], batch: Batch) -> Batch | None:
    """Start on the rows of `batch` that are still leased under its token, under a new token."""
    token = uuid4()
    with connection.cursor() as cursor:
        given: list[Any] = [list(batch.ids), batch.token, token, machine_now() + RUN_LEASE]
        cursor.execute(_CLAIM.format(table=model._meta.db_table), given)
        ids = tuple(pk for (pk,) in cursor.fetchall())
    return Batch(ids, token) if ids else None


def release(model: type[WorkItem], batch: Batch) -> None:
    """Put back what a worker didn't get to, in its old place, and wake the pump; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            _RELEASE.format(table=model._meta.db_table), [list(batch.ids), batch.token, CHANNEL]
        )


def fail(item: WorkItem, *, token: UUID, error: Exception) -> None:
    """Note a failed try: again later with back-off, or parked for an operator after `TRIES`."""
    attempts = item.attempts + 1
    parked = attempts >= TRIES
    changed = (
        type(item)
        ._default_manager.filter(pk=item.pk, token=token)
        .update(
            state=WorkState.PARKED if parked else WorkState.PENDING,
            attempts=attempts,
            next_at=machine_now() + back_off(attempts),
            token=None,
            lease_until=None,
            last_error=f"{type(error).__name__}: {error}"[:2000],
        )
    )
    if changed:
        logger.log(
            logging.ERROR if parked else logging.WARNING,
            "work failed",
            exc_info=error,
            extra={"work": str(item), "attempts": attempts, "parked": parked},
        )


def postpone(item: WorkItem, *, token: UUID, until: datetime) -> None:
    """Let it wait, at most half a second longer, so that not all that waited come at once."""
    later = until + timedelta(seconds=random.uniform(0, 0.5))  # noqa: S311  no secret
    type(item)._default_manager.filter(pk=item.pk, token=token).update(
        state=WorkState.PENDING, next_at=later, token=None, lease_until=None
    )


def sweep(model: type[Item], *, lost_in: Collection[WorkQueue] = ()) -> int:
    """Free the rows whose lease has run out, and those that wait in a queue that the broker has
    nothing of. A run that died counts as a try; waiting doesn't, with a worker neither: of what it
    held of a message it was at the first, and a row that ends its worker takes no others along."""
    now = machine_now()
    held: dict[str, Any] = {"token": None, "lease_until": None}
    late = model._default_manager.filter(lease_until__lt=now)
    running = late.filter(state=WorkState.RUNNING)
    begun = list(running.order_by("token", *model.first_by).distinct("token").values_list("pk"))
    tried = running.filter(pk__in=[pk for (pk,) in begun])
    parked = tried.filter(attempts__gte=TRIES - 1).update(
        state=WorkState.PARKED,
        attempts=F("attempts") + 1,
        last_error="the worker died while running this",
        **held,
    )
    died = tried.update(state=WorkState.PENDING, attempts=F("attempts") + 1, next_at=now, **held)
    kept = running.update(state=WorkState.PENDING, **held)
    leased = model._default_manager.filter(state=WorkState.LEASED)
    lost = Q(queue__in=list(lost_in), lease_until__lt=now + QUEUE_LEASE - IN_TRANSIT)
    waited = leased.filter(Q(lease_until__lt=now) | lost).update(state=WorkState.PENDING, **held)
    return parked + died + kept + waited


def retry_parked(model: type[Item], *, ids: Sequence[int]) -> int:
    """Give parked rows a fresh set of tries; returns how many there were."""
    return model._default_manager.filter(pk__in=ids, state=WorkState.PARKED).update(
        state=WorkState.PENDING, attempts=0, next_at=machine_now(), last_error=""
    )


def back_off(attempts: int) -> timedelta:
    """Half a second, doubled with each try, at most a minute; spread by half either way."""
    seconds = min(0.5 * 2 ** (attempts - 1), LONGEST_BACK_OFF)
    return timedelta(seconds=seconds * random.uniform(0.5, 1.5))  # noqa: S311  no secret
