"""Planted misbehaviour: durable, each planted fault strikes a stated number of times."""

import random
import re
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from commerce.sandbox.common.storage import Database


class FaultRefused(Exception):
    """The planted fault makes no sense; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Strikes `times` more operations whose name matches the regular expression `route`."""

    id: int
    route: str
    kind: str
    times: int
    seconds: float
    status: int
    probability: float
    struck: int = 0


class Faults:
    """`kinds` are those that this sandbox knows how to commit."""

    def __init__(self, database: Database, *, kinds: Collection[str]) -> None:
        self._database = database
        self._kinds = frozenset(kinds)
        self._random = random.Random()
        database.define(
            "CREATE TABLE IF NOT EXISTS fault ("
            " id INTEGER PRIMARY KEY, route TEXT NOT NULL, kind TEXT NOT NULL,"
            " times INTEGER NOT NULL, seconds REAL NOT NULL, status INTEGER NOT NULL,"
            " probability REAL NOT NULL, struck INTEGER NOT NULL DEFAULT 0);"
        )

    def plant(self, wish: dict[str, Any]) -> Fault:
        """Plant `{route, kind, times=1, seconds=0, status=500, probability=1, seed=None}`.

        Raises:
            FaultRefused: an unknown kind, a broken expression or a value out of range.
        """
        try:
            route, kind = str(wish.get("route", ".*")), str(wish["kind"])
            re.compile(route)
            times, seconds = int(wish.get("times", 1)), float(wish.get("seconds", 0))
            status, probability = int(wish.get("status", 500)), float(wish.get("probability", 1))
            if wish.get("seed") is not None:
                self._random.seed(int(wish["seed"]))
        except (KeyError, TypeError, ValueError, re.error) as error:
            raise FaultRefused(f"not a fault: {error!r}") from error
        if kind not in self._kinds:
            raise FaultRefused(f"kind is one of {', '.join(sorted(self._kinds))}")
        if times < 1 or seconds < 0 or not 100 <= status <= 599 or not 0 < probability <= 1:
            raise FaultRefused("times >= 1, seconds >= 0, status 100-599, 0 < probability <= 1")
        key = self._database.insert(
            "INSERT INTO fault (route, kind, times, seconds, status, probability)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (route, kind, times, seconds, status, probability),
        )
        return Fault(key, route, kind, times, seconds, status, probability)

    def strike(self, operation: str, *, kinds: Collection[str]) -> Fault | None:
        """Use up one of the planted faults of these kinds for `operation`; the oldest first."""
        with self._database.transaction():
            for fault in self._planted():
                if fault.kind not in kinds or not re.search(fault.route, operation):
                    continue
                if fault.probability < 1 and self._random.random() >= fault.probability:
                    continue
                self._database.execute(
                    "UPDATE fault SET times = times - 1, struck = struck + 1 WHERE id = ?",
                    (fault.id,),
                )
                return fault
        return None

    def listed(self) -> list[dict[str, Any]]:
        """Planted faults with how often each struck, the used up ones (times 0) too."""
        return [asdict(fault) for fault in self._planted(used_up=True)]

    def clear(self) -> int:
        return self._database.execute("DELETE FROM fault")

    def _planted(self, *, used_up: bool = False) -> list[Fault]:
        rows = self._database.rows(
            "SELECT id, route, kind, times, seconds, status, probability, struck FROM fault"
            " WHERE times > ? ORDER BY id",
            (-1 if used_up else 0,),
        )
        return [Fault(*row) for row in rows]
