"""A worker's part: carry out the rows of one message, each in a transaction of its own, as long as
the message has its share of the worker's time."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from commerce.events.models import Delivery, Timer
from commerce.events.queues import in_turn
from commerce.events.registry import Handler, subscription, timer_handler
from commerce.events.work import (
    RUN_LEASE,
    SHARE,
    Batch,
    LostLease,
    Postponed,
    claim,
    fail,
    postpone,
    release,
)
from commerce.kernel.clock import business_time_fixed, machine_now
from commerce.kernel.trace import traced

# Of every row: written out, because building them anew costs more than running them.
_DELIVERED = """
UPDATE events_delivery SET state = 'done', token = NULL, lease_until = NULL, last_error = ''
 WHERE id = %s AND token = %s AND state = 'running'
"""
_FORGET = "DELETE FROM events_timer WHERE id = %s AND token = %s AND generation = %s"


def run_deliveries(batch: Batch) -> int:
    """Carry out what `batch` still holds; returns how many were begun. May be repeated."""
    began = machine_now()
    claimed = claim(Delivery, batch)
    if claimed is None:
        return 0
    rows = (
        Delivery.objects.filter(pk__in=claimed.ids, token=claimed.token)
        .select_related("event")
        .order_by(*Delivery.first_by)
    )
    return _run_all(Delivery, claimed, list(rows), _deliver, began=began)


def run_timers(batch: Batch) -> int:
    """Carry out what `batch` still holds; returns how many were begun. May be repeated."""
    began = machine_now()
    claimed = claim(Timer, batch)
    if claimed is None:
        return 0
    rows = Timer.objects.filter(pk__in=claimed.ids, token=claimed.token).order_by(*Timer.first_by)
    return _run_all(Timer, claimed, list(rows), _fire, began=began)


def _run_all(
    model: Any,
    batch: Batch,
    rows: list[Any],
    act: Callable[[Any, UUID, datetime], None],
    *,
    began: datetime,
) -> int:
    """`began`: before the rows were claimed, as their lease counts from there."""
    begun, until = 0, began + RUN_LEASE
    try:
        with business_time_fixed():
            for row in rows:
                if begun and machine_now() >= began + SHARE:
                    release(model, batch)
                    break
                begun += 1
                with traced(row.trace_id), in_turn(row.turn):
                    try:
                        act(row, batch.token, until)
                    except Postponed as later:
                        postpone(row, token=batch.token, until=later.until)
                    except Exception as error:
                        fail(row, token=batch.token, error=error)
    except BaseException:
        release(model, batch)
        raise
    return begun


def _deliver(row: Delivery, token: UUID, _until: datetime) -> None:
    entry = subscription(row.subscriber)

    def end() -> None:
        with connection.cursor() as cursor:
            cursor.execute(_DELIVERED, [row.pk, token])
            if not cursor.rowcount:
                raise LostLease(str(row))

    _carry_out(entry.handler, row.event.payload, durable=entry.durable, end=end)


def _fire(row: Timer, token: UUID, until: datetime) -> None:
    entry = timer_handler(row.handler)

    def end() -> None:
        with connection.cursor() as cursor:
            cursor.execute(_FORGET, [row.pk, token, row.generation])
            gone = cursor.rowcount
        # Within the lease nobody else can hold the row: it was set anew or cancelled meanwhile.
        if not gone and machine_now() >= until:
            raise LostLease(str(row))

    _carry_out(entry.handler, row.payload, durable=entry.durable, end=end)


def _carry_out(handler: Handler, payload: Any, *, durable: bool, end: Callable[[], None]) -> None:
    if durable:
        with transaction.atomic():
            handler(payload)
            end()
    else:
        handler(payload)
        end()
