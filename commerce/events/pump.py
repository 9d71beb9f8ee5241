"""The pump: hands due deliveries and timers to the workers and sweeps what nobody finished.

Any number of copies may run. Neither a missing Redis nor a missing PostgreSQL ends it.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event as Flag
from typing import Any

import psycopg
from django.db import Error as DatabaseError
from django.db import close_old_connections, connection
from kombu.exceptions import OperationalError as BrokerError

from commerce.events import retention, tasks
from commerce.events.models import Delivery, Timer
from commerce.events.runner import run_deliveries, run_timers
from commerce.events.selectors import due_deliveries, due_timers
from commerce.events.work import Batch, Due, give_back, lease, sweep

logger = logging.getLogger(__name__)

CHANNEL = "work"
POLL_SECONDS = 1.0
GATHER_SECONDS = 0.03
"""Work that comes together travels together: with 10 ms an order's work took 128 transactions, with
30 ms 77, with 50 ms no fewer, as what is called back meanwhile is taken in by one round."""
SWEEP_SECONDS = 5.0
LONGEST_PAUSE = 10.0
INSIDE, OUTSIDE = 50, 5
"""Rows per message: for work inside the database, and for work that waits for others."""
IN_THE_QUEUE = 1000
"""No more rows than this wait in the queue, so that none outlives its lease there."""
_LEASED = """
SELECT (SELECT count(*) FROM events_delivery WHERE state = 'leased')
     + (SELECT count(*) FROM events_timer WHERE state = 'leased')
"""


def run(stop: Flag) -> None:
    """Pump until `stop` is set."""
    pause = 0.0
    while not stop.wait(pause):
        try:
            with _listening() as wait_for_work:
                pause = 0.0
                retention.begin()
                _pump_until(stop, wait_for_work)
        except (DatabaseError, psycopg.Error, BrokerError, OSError) as error:
            pause = min(max(pause * 2, 0.25), LONGEST_PAUSE)
            logger.warning("pump waits: %s", error, extra={"seconds": pause})
            connection.close()


def hand_out() -> int:
    """One round: lease what is due and send it off; returns how many rows."""
    room, sent = IN_THE_QUEUE - _in_the_queue(), 0
    for due, send, size in _sources():
        while room - sent > 0:
            batch = lease(due, limit=min(size, room - sent))
            if batch is None:
                break
            _send(due.model, batch, send)
            sent += len(batch.ids)
            if len(batch.ids) < size:
                break
    return sent


def _in_the_queue() -> int:
    """How many rows were handed out and have not been begun."""
    with connection.cursor() as cursor:
        cursor.execute(_LEASED)
        return int(cursor.fetchone()[0])


def drain(*, rounds: int = 200) -> int:
    """Carry out here and now all that is due, and what follows from it; returns how many rows.

    For commands and tests that run without workers. Failed work waits for its back-off.
    """
    total = 0
    for _ in range(rounds):
        done = 0
        while batch := lease(due_deliveries(), limit=INSIDE):
            done += run_deliveries(batch)
        while batch := lease(due_timers(), limit=INSIDE):
            done += run_timers(batch)
        if not done:
            break
        total += done
    return total


def _pump_until(stop: Flag, wait_for_work: Callable[[], None]) -> None:
    swept = 0.0
    while not stop.is_set():
        close_old_connections()
        if time.monotonic() - swept > SWEEP_SECONDS:
            for model in (Delivery, Timer):
                sweep(model)
            swept = time.monotonic()
        if hand_out():
            stop.wait(GATHER_SECONDS)
        else:
            wait_for_work()


Send = Callable[[list[int], str], Any]


def _sources() -> Iterator[tuple[Due, Send, int]]:
    yield due_deliveries(outside=False), tasks.deliver.delay, INSIDE
    yield due_deliveries(outside=True), tasks.deliver.delay, OUTSIDE
    yield due_timers(outside=False), tasks.fire.delay, INSIDE
    yield due_timers(outside=True), tasks.fire.delay, OUTSIDE


def _send(model: Any, batch: Batch, send: Send) -> None:
    try:
        send(list(batch.ids), str(batch.token))
    except Exception:
        give_back(model, batch)
        raise


@contextmanager
def _listening() -> Iterator[Callable[[], None]]:
    """A connection of its own that hears of new work; yields a wait of at most a second."""
    parameters = connection.get_connection_params()
    listener = psycopg.connect(
        **{
            name: value
            for name, value in parameters.items()
            if name in {"dbname", "user", "password", "host", "port", "sslmode"}
        },
        autocommit=True,
    )
    with listener:
        listener.execute(f"LISTEN {CHANNEL}")
        logger.info("pump ready")

        def wait() -> None:
            # All that was heard by now is one call: it comes in one packet, however many they are.
            if list(listener.notifies(timeout=POLL_SECONDS, stop_after=1)):
                time.sleep(GATHER_SECONDS)

        yield wait
