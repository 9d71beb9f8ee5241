"""The simulated world: the things that providers keep, and the steps that happen later."""

import json
from collections.abc import Mapping
from dataclasses import replace

from commerce.sandbox.common.clock import Clock
from commerce.sandbox.common.storage import Database
from commerce.sandbox.providers.callbacks import Callbacks
from commerce.sandbox.providers.faults import Faults
from commerce.sandbox.providers.ledger import Ledger
from commerce.sandbox.providers.pace import Pace
from commerce.sandbox.providers.protocol import Call, Json, Party, Refusal, Thing, Verdict

BATCH = 100
"""Steps that happen in one transaction."""


class World:
    """All writes belong to the transaction of the gateway or of the agenda that calls."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        ledger: Ledger,
        callbacks: Callbacks,
        faults: Faults,
        pace: Pace,
        public_url: str,
        parties: Mapping[str, Party],
    ) -> None:
        self.database = database
        self.public_url = public_url
        self._clock = clock
        self._ledger = ledger
        self._callbacks = callbacks
        self._faults = faults
        self._pace = pace
        self._parties = parties
        self._instant: float | None = None
        database.define(
            "CREATE TABLE IF NOT EXISTS thing ("
            " id TEXT PRIMARY KEY, provider TEXT NOT NULL, kind TEXT NOT NULL,"
            " reference TEXT NOT NULL, state TEXT NOT NULL, facts TEXT NOT NULL,"
            " request_key TEXT NOT NULL, trace TEXT NOT NULL);"
            "CREATE INDEX IF NOT EXISTS thing_kind ON thing (kind, state);"
            "CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);"
            "CREATE TABLE IF NOT EXISTS step ("
            " seq INTEGER PRIMARY KEY, thing_id TEXT NOT NULL REFERENCES thing, name TEXT NOT NULL,"
            " due_at REAL NOT NULL, state TEXT NOT NULL DEFAULT 'open');"
            "CREATE INDEX IF NOT EXISTS step_open ON step (due_at, seq) WHERE state = 'open';"
            "CREATE INDEX IF NOT EXISTS step_thing ON step (thing_id) WHERE state = 'open';"
        )

    @property
    def now(self) -> float:
        """Business time; within a step the instant at which it was due."""
        return self._clock.now() if self._instant is None else self._instant

    def next_number(self, name: str) -> int:
        """1, 2, 3 and so on, for each name."""
        return self.next_numbers(name, 1)[0]

    def next_numbers(self, name: str, count: int) -> range:
        row = self.database.row(
            "INSERT INTO counter VALUES (?, ?) ON CONFLICT (name)"
            " DO UPDATE SET value = value + excluded.value RETURNING value",
            (name, count),
        )
        assert row is not None
        return range(row["value"] - count + 1, row["value"] + 1)

    def new_id(self, prefix: str) -> str:
        """An id like `wsh_000001`."""
        return f"{prefix}_{self.next_number(prefix):06d}"

    def create(
        self, call: Call, *, kind: str, thing_id: str, reference: str, state: str, facts: Json
    ) -> Thing:
        """A new thing, made by this call."""
        thing = Thing(
            id=thing_id,
            provider=call.provider,
            kind=kind,
            reference=reference,
            state=state,
            facts=facts,
            request_key=call.key,
            trace=call.trace,
        )
        self.database.insert(
            "INSERT INTO thing VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                thing.id,
                thing.provider,
                kind,
                reference,
                state,
                json.dumps(facts, ensure_ascii=False),
                call.key,
                json.dumps(dict(call.trace)),
            ),
        )
        return thing

    def find(self, provider: str, *, kind: str, thing_id: str) -> Thing:
        """Raises Refusal (404 not_found)."""
        thing = self.get(thing_id)
        if thing is None or (thing.provider, thing.kind) != (provider, kind):
            raise Refusal("not_found", f"there is no {kind} {thing_id}", status=404)
        return thing

    def get(self, thing_id: str) -> Thing | None:
        row = self.database.row("SELECT * FROM thing WHERE id = ?", (thing_id,))
        if row is None:
            return None
        stored = dict(row)
        return Thing(
            **{**stored, "facts": json.loads(row["facts"]), "trace": json.loads(row["trace"])}
        )

    def change(self, thing: Thing, *, state: str = "", **facts: object) -> Thing:
        """Set facts of the thing, and its state unless empty."""
        changed = replace(thing, state=state or thing.state, facts={**thing.facts, **facts})
        self.database.execute(
            "UPDATE thing SET state = ?, facts = ? WHERE id = ?",
            (changed.state, json.dumps(changed.facts, ensure_ascii=False), thing.id),
        )
        return changed

    def effect(self, call: Call, *identity: str, thing: Thing | None = None) -> None:
        """Something happened in the world, known to the business as `identity`."""
        self._ledger.effect(
            call.arrival,
            provider=call.provider,
            identity=identity,
            key=call.key,
            thing_id=thing.id if thing else "",
        )

    def undo(self, thing: Thing, *, by: str) -> None:
        """The effects of the thing are taken back."""
        self._ledger.undo(thing.id, by=by)

    def later(self, thing: Thing, name: str, *, position: float, truly: float) -> float:
        """Let the step `name` happen; `truly` is its instant in the real world. Gives when."""
        due_at = self._pace.due(thing.provider, now=self.now, position=position, truly=truly)
        self.database.insert(
            "INSERT INTO step (thing_id, name, due_at) VALUES (?, ?, ?)", (thing.id, name, due_at)
        )
        return due_at

    def drop_steps(self, thing: Thing) -> None:
        self.database.execute(
            "UPDATE step SET state = 'dropped' WHERE thing_id = ? AND state = 'open'", (thing.id,)
        )

    def suffers(self, thing: Thing, kind: str) -> bool:
        """Whether a planted misfortune of goods strikes the thing now."""
        operation = f"{thing.kind} {thing.reference}"
        struck = self._faults.strike(thing.provider, operation=operation, kinds={kind})
        return struck is not None

    def tell(self, thing: Thing, kind: str, data: Json) -> None:
        """Store the fact and call back."""
        self._callbacks.happened(thing, kind, data, at=self.now)

    def settle(self, thing: Thing, verdict: Verdict) -> None:
        """Nothing more will follow for the request that made the thing."""
        self._ledger.settle(thing.provider, key=thing.request_key, verdict=verdict)

    def open_steps(self) -> list[Json]:
        rows = self.database.rows(
            "SELECT s.name, s.due_at, t.id, t.provider, t.kind, t.reference, t.request_key"
            " FROM step AS s JOIN thing AS t ON t.id = s.thing_id WHERE s.state = 'open'"
            " ORDER BY s.due_at, s.seq LIMIT 50"
        )
        return [dict(row) for row in rows]

    def hurry(self, *, request_key: str | None) -> int:
        """Make what is still to come due now, of one request or of all; how many steps."""
        return self.database.execute(
            "UPDATE step SET due_at = min(due_at, ?) WHERE state = 'open' AND (? IS NULL OR"
            " thing_id IN (SELECT id FROM thing WHERE request_key = ?))",
            (self._clock.now(), request_key, request_key),
        )

    def next_due(self) -> float | None:
        """The earliest instant at which a step is to happen."""
        rows = self.database.rows("SELECT min(due_at) FROM step WHERE state = 'open'")
        return None if rows[0][0] is None else float(rows[0][0])

    def run_due(self, now: float) -> None:
        """Let every step due up to `now` happen, in the order of their instants."""
        while self._run_batch(now):
            pass

    def _run_batch(self, now: float) -> bool:
        with self.database.transaction():
            rows = self.database.rows(
                "SELECT seq, thing_id, name, due_at FROM step WHERE state = 'open'"
                " AND due_at <= ? ORDER BY due_at, seq LIMIT ?",
                (now, BATCH),
            )
            for row in rows:
                self._happen(row["thing_id"], name=row["name"], due_at=row["due_at"])
                self.database.execute("UPDATE step SET state = 'done' WHERE seq = ?", (row["seq"],))
        return len(rows) == BATCH

    def _happen(self, thing_id: str, *, name: str, due_at: float) -> None:
        thing = self.get(thing_id)
        assert thing is not None
        self._instant = due_at
        try:
            self._parties[thing.provider].steps[name](self, thing)
        finally:
            self._instant = None
