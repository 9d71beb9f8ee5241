"""Who is killed, when: drawn from a seed, while orders are under way."""

import os
import random
import signal
import threading
import time
from collections import Counter
from contextlib import suppress

import httpx
import psycopg

from commerce.local.errors import StackError
from commerce.local.stack import Stack
from tests.bench.memory import family

WHOLE = {"worker": 12, "pump": 10, "redis": 12, "providers": 10, "payments": 6, "web": 5}
"""Process groups that die as a whole, by weight."""
CHILDREN = {"worker": 35, "web": 10}
"""Of these a single process dies: one that carries out work or answers."""
RISING = 12.0
"""Seconds in which a group that was killed comes back; it is not killed again before."""
RESTARTS = 60.0
"""Seconds from one restart of PostgreSQL to the next."""
OUTAGES = 45.0
OUTAGE_SECONDS = 12
PARTIES = (
    "warehouse", "dropship", "porting", "smdp", "network", "content", "messages", "einvoicing",
)  # fmt: skip
_IN_FLIGHT = """
SELECT count(*) FROM orchestration_effect AS effect
  JOIN orchestration_task AS task ON task.id = effect.task_id
 WHERE effect.state = 'sent' AND task.state = 'running'
"""


class Killer(threading.Thread):
    """Kills until it is told to stop; what it did is counted in `kills` and `in_flight`."""

    def __init__(self, stack: Stack, *, seed: int, pause: float) -> None:
        super().__init__(name="killer", daemon=True)
        self._stack, self._pause = stack, pause
        self._drawn = random.Random(seed)
        self._stopping = threading.Event()
        self._killed_at: dict[str, float] = {}
        self.kills: Counter[str] = Counter()
        self.in_flight = 0
        self.restarts = 0
        self.outages = 0
        self.failure = ""

    def run(self) -> None:
        spent = 0.0
        while not self._stopping.wait(wait := self._drawn.uniform(0.5, 1.5) * self._pause):
            before, spent = spent, spent + wait
            try:
                if before // RESTARTS != spent // RESTARTS:
                    self._stack.kill("postgres", signal.SIGINT)
                    self._stack.wait_ready("postgres")
                    self.restarts += 1
                    continue
                if before // OUTAGES != spent // OUTAGES:
                    self._outage()
                self._kill()
            except StackError as error:
                self.failure = str(error)
                return

    def stop(self) -> None:
        """Then wait until everything runs again."""
        self._stopping.set()
        self.join()
        for name in self._stack.pids | dict.fromkeys(WHOLE, 0):
            self._stack.wait_ready(name)

    def _kill(self) -> None:
        choices = [*((name, True) for name in WHOLE), *((name, False) for name in CHILDREN)]
        weights = [*WHOLE.values(), *CHILDREN.values()]
        name, whole = self._drawn.choices(choices, weights)[0]
        drawn = self._drawn.random()
        if time.monotonic() - self._killed_at.get(name, -RISING) < RISING:
            return
        flying = self._flying()
        if whole:
            self._stack.kill(name)
            self._killed_at[name] = time.monotonic()
            if name == "web":
                # Else nobody would order anything: it takes longest to come back.
                self._stack.wait_ready(name)
        elif not self._kill_child(name, drawn=drawn):
            return
        self.kills[name if whole else f"one of {name}"] += 1
        self.in_flight += flying

    def _kill_child(self, name: str, *, drawn: float) -> bool:
        """False if it is being started and has none."""
        root = self._stack.pids.get(name)
        children = sorted({*family(root)} - {root}) if root else []
        if not children:
            return False
        with suppress(ProcessLookupError):
            os.kill(children[int(drawn * len(children))], signal.SIGKILL)
        return True

    def _outage(self) -> None:
        """A provider is away altogether for a while."""
        fault = {
            "provider": self._drawn.choice(PARTIES),
            "kind": "outage",
            "seconds": OUTAGE_SECONDS,
        }
        with suppress(httpx.HTTPError):
            url = f"{self._stack.info.providers_url}/_control/faults"
            httpx.post(url, json=fault, timeout=5).raise_for_status()
            self.outages += 1

    def _flying(self) -> bool:
        """Whether a request to a provider is on its way at this moment."""
        with (
            suppress(psycopg.Error),
            psycopg.connect(self._stack.info.database_url, connect_timeout=2) as connection,
        ):
            row = connection.execute(_IN_FLIGHT).fetchone()
            return bool(row and row[0])
        return False
