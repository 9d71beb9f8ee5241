"""Things to do later, or soon: rows with a due time, carried out like deliveries."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db import connection

from commerce.events.models import Timer
from commerce.events.queues import WorkQueue, current_turn, in_turn, placed
from commerce.events.registry import timer_handler
from commerce.kernel.clock import machine_now
from commerce.kernel.trace import current_trace

ClockName = Literal["business", "machine"]
# Every callback and every round sets some: written out, because building it anew costs more than
# running it. A new generation tells a run that is under way that it may not erase the timer.
_SET = """
INSERT INTO events_timer (next_at, trace_id, key, handler, due_at, clock, payload, queue, turn,
                          generation, state, attempts, lease_until, token, last_error)
SELECT %s::timestamptz, %s, key, handler, due_at, clock, payload::jsonb, queue, turn,
       gen_random_uuid(), 'pending', 0, NULL, NULL, ''
  FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::text[],
              %s::int[]) AS given (key, handler, due_at, clock, payload, queue, turn)
ON CONFLICT (key) DO UPDATE SET
    next_at = excluded.next_at, trace_id = excluded.trace_id, handler = excluded.handler,
    due_at = excluded.due_at, clock = excluded.clock, payload = excluded.payload,
    queue = excluded.queue, turn = excluded.turn,
    generation = excluded.generation, state = excluded.state, attempts = excluded.attempts,
    lease_until = excluded.lease_until, token = excluded.token, last_error = excluded.last_error
"""


@dataclass(frozen=True, slots=True)
class Due:
    """One timer to be set; see `schedule`. `turn`: if it is not that of the present work."""

    key: str
    handler: str
    due_at: datetime
    payload: Mapping[str, Any]
    clock: ClockName = "business"
    turn: int | None = None


def schedule(
    *,
    key: str,
    handler: str,
    due_at: datetime,
    payload: Mapping[str, Any],
    clock: ClockName = "business",
) -> None:
    """Call `handler` with `payload` once `due_at` has come on `clock`.

    A key that is already set is replaced, also while its handler runs: it then runs again. May be
    called in a transaction (the timer exists if that commits) or outside of one.

    Raises:
        UnknownHandler: no handler of that name is registered.
    """
    schedule_all([Due(key, handler, due_at, payload, clock)])


def soon(*, key: str, handler: str, payload: Mapping[str, Any]) -> None:
    """Carry on with this work at once, in a worker: due now on the machine's clock."""
    schedule(key=key, handler=handler, due_at=machine_now(), payload=payload, clock="machine")


def schedule_all(timers: Iterable[Due]) -> None:
    """As `schedule`, for many keys (each at most once) in one statement."""
    rows = [_row(timer) for timer in sorted(timers, key=lambda timer: timer.key)]
    if rows:
        with connection.cursor() as cursor:
            columns = [list(column) for column in zip(*rows, strict=True)]
            cursor.execute(_SET, [machine_now(), current_trace(), *columns])


def _row(timer: Due) -> tuple[Any, ...]:
    handler = timer_handler(timer.handler)
    queue, turn = handler.queue, 0
    if queue is not WorkQueue.SETTLING:
        # What is set once and for all, like the next look at a calendar, would keep its turn.
        with in_turn(current_turn() if timer.turn is None else timer.turn):
            queue, turn = placed(queue)
    payload = json.dumps(dict(timer.payload), ensure_ascii=False)
    return (timer.key, handler.name, timer.due_at, str(timer.clock), payload, str(queue), turn)


def cancel(key: str) -> bool:
    """Forget the timer; True if there was one. A handler that already runs is not stopped."""
    return bool(cancel_all([key]))


def cancel_all(keys: Iterable[str]) -> int:
    """As `cancel`, for many keys in one statement; how many there were."""
    return Timer.objects.filter(key__in=list(keys)).delete()[0]


def due_at(key: str) -> datetime | None:
    """When the timer is due on its own clock; None if there is none."""
    return Timer.objects.filter(key=key).values_list("due_at", flat=True).first()
