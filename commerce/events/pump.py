"""The pump: hands due deliveries and timers to the workers and sweeps what nobody finished.

Any number of copies may run. Neither a missing Redis nor a missing PostgreSQL ends it.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Any

import psycopg
from django.db import Error as DatabaseError
from django.db import close_old_connections, connection
from kombu.exceptions import OperationalError as BrokerError

from commerce.events import tasks
from commerce.events.models import Delivery, Timer, WorkItem
from commerce.events.queues import WorkQueue
from commerce.events.registry import beginnings
from commerce.events.runner import run_deliveries, run_timers
from commerce.events.selectors import due_deliveries, due_timers
from commerce.events.work import CHANNEL, Batch, give_back, lease, sweep

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
GATHER_SECONDS = 0.03
"""Work that comes together travels together: with 10 ms an order's work took 128 transactions, with
30 ms 77, with 50 ms no fewer, as what is called back meanwhile is taken in by one round."""
SWEEP_SECONDS = 5.0
LONGEST_PAUSE = 10.0
INSIDE, OUTSIDE = 50, 5
"""Rows per message: for work inside the database, and for work that waits for others."""
IN_THE_QUEUE, BULK_IN_THE_QUEUE = 500, 50
"""No more rows than this wait in a queue, so that none outlives its lease there: eight a second are
enough for that. And what large orders have handed out is soon done, so that the next may be
somebody else's."""
_LEASED = """
SELECT 'events_delivery', queue, count(*)
  FROM events_delivery WHERE state = 'leased' GROUP BY queue
UNION ALL
SELECT 'events_timer', queue, count(*) FROM events_timer WHERE state = 'leased' GROUP BY queue
"""
Place = tuple[type[WorkItem], WorkQueue]
"""Rows of one kind, in one queue."""


class Stop:
    """A wish to stop that a signal handler may make at any moment, also while it is waited for.

    `threading.Event` may not be set there: it takes a lock that the interrupted wait may hold, and
    the process would wait for itself.
    """

    def __init__(self) -> None:
        self._wished = False
        self._bell: SimpleQueue[None] = SimpleQueue()  # Its `put` may interrupt itself.

    def set(self, *_: object) -> None:
        self._wished = True
        self._bell.put(None)

    def is_set(self) -> bool:
        return self._wished

    def wait(self, seconds: float) -> bool:
        """Until it is wished, at most so long; whether it is."""
        if not self._wished:
            with suppress(Empty):
                self._bell.get(timeout=seconds)
        return self._wished


def run(stop: Stop) -> None:
    """Pump until `stop` is set."""
    pause = 0.0
    while not stop.wait(pause):
        try:
            with _listening() as wait_for_work:
                pause = 0.0
                for begin in beginnings().values():
                    begin()
                _pump_until(stop, wait_for_work)
        except (DatabaseError, psycopg.Error, BrokerError, OSError) as error:
            pause = min(max(pause * 2, 0.25), LONGEST_PAUSE)
            logger.warning("pump waits: %s", error, extra={"seconds": pause})
            connection.close()


def hand_out() -> int:
    """One round: lease what is due, as far as its queue has room, and send it off; returns how many
    rows.

    Deliveries and timers have half of each queue; what one of them has no work for, the other gets.
    """
    held, idle = _handed_out(), set[Place]()
    before = held.total()
    kinds = ((due_deliveries(), tasks.deliver), (due_timers(), tasks.fire))
    for share in (2, 1):
        for due, task in kinds:
            room = _room(due.model, held, idle, share=share)
            leased = lease(due, room=room) if room else {}
            _send(due.model, leased, task=task)
            for queue, wanted in room.items():
                taken = len(leased[queue].ids) if queue in leased else 0
                held[due.model, queue] += taken
                if taken < wanted:
                    idle.add((due.model, queue))
    return held.total() - before


def _handed_out() -> Counter[Place]:
    """How many rows of each kind wait in each queue: handed out, and not begun."""
    models = {model._meta.db_table: model for model in (Delivery, Timer)}
    with connection.cursor() as cursor:
        cursor.execute(_LEASED)
        return Counter(
            {(models[table], WorkQueue(queue)): count for table, queue, count in cursor.fetchall()}
        )


def _room(
    model: type[WorkItem], held: Counter[Place], idle: Set[Place], *, share: int
) -> dict[WorkQueue, int]:
    """How many rows more of one kind may wait in each queue that is not `idle`, if that kind is to
    have one of `share` equal parts of it."""
    room = {}
    for queue in WorkQueue:
        most = BULK_IN_THE_QUEUE if queue is WorkQueue.BULK else IN_THE_QUEUE
        free = most - held[Delivery, queue] - held[Timer, queue]
        left = min(free, most // share - held[model, queue])
        if left > 0 and (model, queue) not in idle:
            room[queue] = left
    return room


def sweep_up() -> int:
    """Free what nobody finished, and what was lost with its messages: a broker that forgets, or a
    worker that takes some along, holds nothing up. Returns how many rows."""
    lost_in = {queue for _, queue in _handed_out() if not tasks.waiting(queue)}
    return sum(sweep(model, lost_in=lost_in) for model in (Delivery, Timer))


def drain(*, rounds: int = 200) -> int:
    """Carry out here and now all that is due, and what follows from it; returns how many rows.

    For commands and tests that run without workers. Failed work waits for its back-off.
    """
    total = 0
    for _ in range(rounds):
        done = 0
        while leased := lease(due_deliveries(), room=dict.fromkeys(WorkQueue, INSIDE)):
            done += sum(run_deliveries(batch) for batch in leased.values())
        while leased := lease(due_timers(), room=dict.fromkeys(WorkQueue, INSIDE)):
            done += sum(run_timers(batch) for batch in leased.values())
        if not done:
            break
        total += done
    return total


def _pump_until(stop: Stop, wait_for_work: Callable[[], None]) -> None:
    swept = 0.0
    while not stop.is_set():
        close_old_connections()
        if time.monotonic() - swept > SWEEP_SECONDS:
            sweep_up()
            swept = time.monotonic()
        if hand_out():
            stop.wait(GATHER_SECONDS)
        else:
            wait_for_work()


def _send(model: type[WorkItem], leased: Mapping[WorkQueue, Batch], *, task: Any) -> None:
    parts = [
        (queue, part)
        for queue, batch in leased.items()
        for part in batch.parted(INSIDE if queue is WorkQueue.SETTLING else OUTSIDE)
    ]
    for place, (queue, part) in enumerate(parts):
        try:
            task.apply_async((list(part.ids), str(part.token)), queue=str(queue))
        except Exception:
            for _, unsent in parts[place:]:
                give_back(model, unsent)
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
