"""The sandbox's own motion: timed happenings and deliveries, in background threads."""

import logging
import time
from threading import Lock, Thread
from typing import Protocol

from commerce.sandbox.common.clock import Clock
from commerce.sandbox.common.delivery import Delivery, DeliveryQueue

logger = logging.getLogger(__name__)

LONGEST_WAIT = 30.0
PARALLEL = 4


class Agenda(Protocol):
    """Things that happen by themselves at business instants (an expiry, a cut-over)."""

    def next_due(self) -> float | None:
        """The earliest instant at which something is to happen; overdue ones count."""

    def run_due(self, now: float) -> None:
        """Let everything due up to `now` happen, durably; may be called again after a crash."""


class Runner:
    """Sleeps until something is due; woken by new messages and by the clock."""

    def __init__(
        self, *, clock: Clock, queue: DeliveryQueue, agendas: tuple[Agenda, ...] = ()
    ) -> None:
        self._clock = clock
        self._queue = queue
        self._agendas = agendas
        self._in_flight: set[int] = set()
        self._lock = Lock()
        self._stopping = False
        self._thread = Thread(target=self._run, name="runner", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._queue.changed.set()
        self._thread.join(timeout=5)

    def wake(self) -> None:
        self._queue.changed.set()

    def busy(self) -> int:
        """Messages not yet delivered and happenings not yet run, of those due now."""
        now = self._clock.now()
        dues = [agenda.next_due() for agenda in self._agendas]
        return self._queue.busy() + sum(1 for due in dues if due is not None and due <= now)

    def next_due(self) -> float | None:
        """The next business instant, after now, at which something happens by itself."""
        now = self._clock.now()
        dues = [self._queue.next_due(), *(agenda.next_due() for agenda in self._agendas)]
        return min((due for due in dues if due is not None and due > now), default=None)

    def _run(self) -> None:
        while not self._stopping:
            self._queue.changed.clear()
            try:
                wait = self._step()
            except Exception:
                logger.exception("a step of the sandbox failed; it is tried again")
                wait = 1.0
            self._queue.changed.wait(wait)

    def _step(self) -> float:
        """Do what is due; the real seconds to sleep afterwards."""
        for agenda in self._agendas:
            due = agenda.next_due()
            if due is not None and due <= self._clock.now():
                agenda.run_due(self._clock.now())
        with self._lock:
            flying = set(self._in_flight)
        free = PARALLEL - len(flying)
        if free > 0:
            for delivery in self._queue.ready(limit=free, but_not=flying):
                with self._lock:
                    self._in_flight.add(delivery.key)
                    flying.add(delivery.key)
                Thread(target=self._deliver, args=(delivery,), daemon=True).start()
        if len(flying) >= PARALLEL:
            return LONGEST_WAIT
        return min(
            self._seconds_to_agenda(),
            self._queue.seconds_to_next(but_not=flying, at_most=LONGEST_WAIT),
        )

    def _seconds_to_agenda(self) -> float:
        due = [agenda.next_due() for agenda in self._agendas]
        waits = [instant - self._clock.now() for instant in due if instant is not None]
        return min(max(min(waits), 0.0), LONGEST_WAIT) if waits else LONGEST_WAIT

    def _deliver(self, delivery: Delivery) -> None:
        """One try, in a thread that a stop need not wait for: what is cut off is tried again."""
        try:
            self._queue.attempt(delivery)
        except Exception:
            if not self._stopping:
                logger.exception("delivery %s broke; it is tried again", delivery.key)
                time.sleep(1)
        with self._lock:
            self._in_flight.discard(delivery.key)
        self._queue.changed.set()
