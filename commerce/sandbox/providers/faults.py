"""Planted misbehaviour of providers: durable, counted, and repeatable where it is by chance."""

import random
import re
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace

from commerce.sandbox.common.clock import Clock
from commerce.sandbox.common.faults import FaultRefused
from commerce.sandbox.common.storage import Database
from commerce.sandbox.providers.protocol import Json

SECONDS = {
    "latency": 2.0,
    "error": 0.0,
    "timeout_before_effect": 30.0,
    "timeout_after_effect": 30.0,
    "refuse": 0.0,
    "outage": 0.0,
    "duplicate_callback": 0.0,
    "lost_callback": 0.0,
    "late_callback": 5.0,
    "out_of_order_callbacks": 60.0,
    "partial_stock": 0.0,
    "lost_parcel": 0.0,
    "buyer_refuses": 0.0,
}
"""The kinds, each with its usual duration."""

CALLBACK_KINDS = frozenset(kind for kind in SECONDS if "callback" in kind)
GOODS_KINDS = frozenset({"partial_stock", "lost_parcel", "buyer_refuses"})
"""What happens to things on their way; `operation` looks at `shipment <reference>`, or at
`invoice <reference>`."""
REQUEST_KINDS = frozenset(SECONDS) - CALLBACK_KINDS - GOODS_KINDS

CHANGES = "^(POST|PATCH) "
"""Questions are spared unless the expression names them or the provider is out altogether."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`times` None: until deleted; `provider` empty: any.

    `seconds` are real for requests and business time for callbacks.
    """

    id: int
    provider: str
    operation: str
    kind: str
    times: int | None
    seconds: float
    status: int
    probability: float
    seed: int
    code: str
    after: bool
    planted_at: float
    matched: int = 0
    used: int = 0

    def strikes(self) -> bool:
        """By chance; the same seed draws the same sequence."""
        if self.probability >= 1:
            return True
        draw = random.Random(f"{self.seed}:{self.matched}").random()
        return draw < self.probability


class Faults:
    """Kept in memory for speed and in the database for life."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        database.define(
            "CREATE TABLE IF NOT EXISTS provider_fault ("
            " id INTEGER PRIMARY KEY, provider TEXT NOT NULL, operation TEXT NOT NULL,"
            " kind TEXT NOT NULL, times INTEGER, seconds REAL NOT NULL, status INTEGER NOT NULL,"
            " probability REAL NOT NULL, seed INTEGER NOT NULL, code TEXT NOT NULL,"
            " after INTEGER NOT NULL, planted_at REAL NOT NULL,"
            " matched INTEGER NOT NULL DEFAULT 0, used INTEGER NOT NULL DEFAULT 0);"
        )
        self._planted = {
            row["id"]: Fault(**{**dict(row), "after": bool(row["after"])})
            for row in database.rows("SELECT * FROM provider_fault ORDER BY id")
        }

    def plant(self, wish: Json, *, providers: Collection[str]) -> Fault:
        """Raises FaultRefused with a sentence when the wish makes no sense."""
        fault = _understood(wish, planted_at=self._clock.real())
        if fault.provider and fault.provider not in providers:
            raise FaultRefused(f"provider is one of {', '.join(sorted(providers))}")
        names = [name for name in asdict(fault) if name != "id"]
        with self._database.transaction():
            key = self._database.insert(
                f"INSERT INTO provider_fault ({', '.join(names)})"
                f" VALUES ({', '.join('?' * len(names))})",
                [getattr(fault, name) for name in names],
            )
            self._planted[key] = replace(fault, id=key)
        return self._planted[key]

    def strike(self, provider: str, *, operation: str, kinds: Collection[str]) -> Fault | None:
        """Use one of the planted faults of these kinds, the oldest that strikes."""
        if not self._planted:
            return None
        with self._database.transaction():
            for fault in list(self._planted.values()):
                if fault.kind in kinds and self._concerns(fault, provider, operation):
                    struck = fault.strikes()
                    self._count(fault, struck=struck)
                    if struck:
                        return fault
        return None

    def listed(self) -> list[Json]:
        return [asdict(fault) for fault in self._planted.values()]

    def outages(self) -> dict[str, int]:
        """Providers that are out at present, with the fault's number."""
        return {
            fault.provider: fault.id
            for fault in self._planted.values()
            if fault.kind == "outage" and self._concerns(fault, fault.provider, "")
        }

    def clear(self, number: int | None = None) -> int:
        """Remove one fault or all; how many were removed."""
        with self._database.transaction():
            gone = [key for key in self._planted if number in (None, key)]
            for key in gone:
                self._database.execute("DELETE FROM provider_fault WHERE id = ?", (key,))
                del self._planted[key]
        return len(gone)

    def _concerns(self, fault: Fault, provider: str, operation: str) -> bool:
        if fault.provider and fault.provider != provider:
            return False
        if fault.kind == "outage":
            over = fault.seconds and self._clock.real() >= fault.planted_at + fault.seconds
            return not over and bool(re.search(fault.operation, operation))
        used_up = fault.times is not None and fault.used >= fault.times
        return not used_up and bool(re.search(fault.operation, operation))

    def _count(self, fault: Fault, *, struck: bool) -> None:
        counted = replace(fault, matched=fault.matched + 1, used=fault.used + struck)
        self._database.execute(
            "UPDATE provider_fault SET matched = ?, used = ? WHERE id = ?",
            (counted.matched, counted.used, fault.id),
        )
        self._planted[fault.id] = counted


def _understood(wish: Json, *, planted_at: float) -> Fault:
    kind = wish.get("kind")
    if kind not in SECONDS:
        raise FaultRefused(f"kind is one of {', '.join(SECONDS)}")
    spared = CHANGES if kind in REQUEST_KINDS and kind != "outage" else ""
    try:
        times = wish.get("times", 1)
        fault = Fault(
            id=0,
            provider=str(wish.get("provider") or ""),
            operation=str(wish.get("operation") or spared),
            kind=str(kind),
            times=None if times is None else int(times),
            seconds=float(wish.get("seconds") or SECONDS[kind]),
            status=int(wish.get("status") or (503 if kind == "outage" else 500)),
            probability=float(wish.get("probability", 1)),
            seed=int(wish.get("seed") or 0),
            code=str(wish.get("code") or "refused"),
            after=bool(wish.get("after", False)),
            planted_at=planted_at,
        )
        re.compile(fault.operation)
    except (TypeError, ValueError, re.error) as error:
        raise FaultRefused(f"not a fault: {error}") from error
    if (fault.times is not None and fault.times < 1) or fault.seconds < 0:
        raise FaultRefused("times is at least 1 (null: until deleted), seconds at least 0")
    if not 400 <= fault.status <= 599 or not 0 < fault.probability <= 1:
        raise FaultRefused("status is 400 to 599, probability above 0 and at most 1")
    return fault
