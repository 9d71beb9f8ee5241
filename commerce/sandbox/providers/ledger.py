"""The durable ledger: every arrival, every effect, and the answer remembered under each key."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from commerce.sandbox.common.clock import Clock, iso
from commerce.sandbox.common.storage import Database
from commerce.sandbox.providers.protocol import Answer, Json, Verdict

TABLES = """
CREATE TABLE IF NOT EXISTS arrival (
  seq INTEGER PRIMARY KEY, provider TEXT NOT NULL, operation TEXT NOT NULL, key TEXT,
  at REAL NOT NULL, real_at REAL NOT NULL, outcome TEXT NOT NULL, status INTEGER,
  traceparent TEXT, fault TEXT);
CREATE INDEX IF NOT EXISTS arrival_key ON arrival (provider, key);
CREATE TABLE IF NOT EXISTS effect (
  seq INTEGER PRIMARY KEY, arrival INTEGER NOT NULL REFERENCES arrival, provider TEXT NOT NULL,
  purpose TEXT NOT NULL, identity TEXT NOT NULL, key TEXT NOT NULL, thing_id TEXT,
  at REAL NOT NULL, undone_at REAL, undone_by TEXT);
CREATE INDEX IF NOT EXISTS effect_identity ON effect (provider, identity);
CREATE INDEX IF NOT EXISTS effect_thing ON effect (thing_id);
CREATE INDEX IF NOT EXISTS effect_arrival ON effect (arrival);
CREATE TABLE IF NOT EXISTS request (
  provider TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, status INTEGER NOT NULL,
  answer TEXT NOT NULL, verdict TEXT NOT NULL, thing_id TEXT,
  PRIMARY KEY (provider, key)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is stored under an idempotency key."""

    fingerprint: str
    answer: Answer


def fingerprint(method: str, path: str, body: Json) -> str:
    """Equal for requests that say the same; the order of members does not count."""
    said = json.dumps([method, path, body], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()


class Ledger:
    """Writes join the transaction of the caller."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        database.define(TABLES)

    def arrived(
        self, provider: str, *, operation: str, key: str | None, trace: Mapping[str, str]
    ) -> int:
        """Store an arrival whose outcome is still open; its number."""
        return self._database.insert(
            "INSERT INTO arrival (provider, operation, key, at, real_at, outcome, traceparent)"
            " VALUES (?, ?, ?, ?, ?, 'open', ?)",
            (
                provider,
                operation,
                key,
                self._clock.now(),
                self._clock.real(),
                trace.get("traceparent"),
            ),
        )

    def concluded(
        self, arrival: int, *, outcome: str, status: int | None, fault: str | None = None
    ) -> None:
        """`status` is None when no answer was given."""
        self._database.execute(
            "UPDATE arrival SET outcome = ?, status = ?, fault = ? WHERE seq = ?",
            (outcome, status, fault, arrival),
        )

    def effect(
        self, arrival: int, *, provider: str, identity: tuple[str, ...], key: str, thing_id: str
    ) -> None:
        """Store that something happened; the first part of `identity` is the purpose."""
        self._database.insert(
            "INSERT INTO effect (arrival, provider, purpose, identity, key, thing_id, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                arrival,
                provider,
                identity[0],
                json.dumps(identity, ensure_ascii=False),
                key,
                thing_id,
                self._clock.now(),
            ),
        )

    def undo(self, thing_id: str, *, by: str) -> None:
        """Mark every effect in force of the thing as undone, and why."""
        self._database.execute(
            "UPDATE effect SET undone_at = ?, undone_by = ? WHERE thing_id = ?"
            " AND undone_at IS NULL",
            (self._clock.now(), by, thing_id),
        )

    def remember(self, provider: str, *, key: str, said: str, answer: Answer) -> None:
        self._database.insert(
            "INSERT INTO request VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                provider,
                key,
                said,
                answer.status,
                json.dumps(answer.body, ensure_ascii=False),
                answer.verdict,
                answer.thing_id,
            ),
        )

    def settle(self, provider: str, *, key: str, verdict: Verdict) -> None:
        """Nothing more will follow for this request."""
        self._database.execute(
            "UPDATE request SET verdict = ? WHERE provider = ? AND key = ?",
            (verdict, provider, key),
        )

    def remembered(self, provider: str, *, key: str) -> Remembered | None:
        row = self._database.row(
            "SELECT * FROM request WHERE provider = ? AND key = ?", (provider, key)
        )
        if row is None:
            return None
        answer = Answer(
            row["status"], json.loads(row["answer"]), Verdict(row["verdict"]), row["thing_id"]
        )
        return Remembered(row["fingerprint"], answer)

    def last(self) -> int:
        return int(self._database.rows("SELECT coalesce(max(seq), 0) FROM arrival")[0][0])

    def arrivals(
        self, *, since: int = 0, provider: str = "", newest: int | None = None
    ) -> list[Json]:
        """Arrivals after the number `since`, oldest first; `newest` keeps only the last so many."""
        rows = self._database.rows(
            "SELECT * FROM (SELECT * FROM arrival WHERE seq > ? AND (? = '' OR provider = ?)"
            " ORDER BY seq DESC LIMIT ?) ORDER BY seq",
            (since, provider, provider, -1 if newest is None else newest),
        )
        return [{**dict(row), "at": iso(row["at"]), "real_at": iso(row["real_at"])} for row in rows]

    def effects(self, *, since: int = 0, provider: str = "") -> list[Json]:
        rows = self._database.rows(
            "SELECT seq, arrival, provider, purpose, identity, key, at, undone_at, undone_by"
            " FROM effect WHERE arrival > ? AND (? = '' OR provider = ?) ORDER BY seq",
            (since, provider, provider),
        )
        return [
            {
                **dict(row),
                "identity": json.loads(row["identity"]),
                "at": iso(row["at"]),
                "undone_at": None if row["undone_at"] is None else iso(row["undone_at"]),
            }
            for row in rows
        ]

    def by_identity(
        self, *, since: int = 0, provider: str = "", doubled_only: bool = False
    ) -> list[Json]:
        """Effects counted by business identity; more than one in force means doubled."""
        rows = self._database.rows(
            "SELECT provider, identity, count(*) AS effects, count(undone_at) AS undone,"
            " json_group_array(DISTINCT key) AS keys FROM effect"
            " WHERE arrival > ? AND (? = '' OR provider = ?) GROUP BY provider, identity"
            " HAVING count(*) - count(undone_at) > ? ORDER BY min(seq)",
            (since, provider, provider, 1 if doubled_only else -1),
        )
        return [self._counted(dict(row)) for row in rows]

    def totals(self) -> dict[str, Json]:
        """Arrivals and effects per provider."""
        totals: dict[str, Json] = {}
        for table in ("arrival", "effect"):
            for row in self._database.rows(
                f"SELECT provider, count(*) AS number FROM {table} GROUP BY provider"
            ):
                totals.setdefault(row["provider"], {"arrival": 0, "effect": 0})[table] = row[
                    "number"
                ]
        return totals

    def _counted(self, row: Json) -> Json:
        keys = json.loads(row["keys"])
        marks = ",".join("?" * len(keys))
        found = self._database.rows(
            f"SELECT count(*) FROM arrival WHERE provider = ? AND key IN ({marks})",
            (row["provider"], *keys),
        )
        return {
            **row,
            "identity": json.loads(row["identity"]),
            "in_force": row["effects"] - row["undone"],
            "arrivals": int(found[0][0]),
            "keys": keys,
        }
