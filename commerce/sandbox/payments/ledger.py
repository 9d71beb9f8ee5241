"""What arrived and what it did to money, written before any answer leaves."""

import json
from dataclasses import dataclass
from typing import Any

from commerce.sandbox.common.clock import Clock, iso
from commerce.sandbox.common.storage import Database
from commerce.sandbox.payments.errors import Document


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as it came in, before it is judged; `amount` in minor units where one was sent."""

    request_id: str
    method: str
    path: str
    idempotency_key: str | None
    metadata: dict[str, str]
    amount: int | None


class Ledger:
    """Two append-only tables: arrivals (with their outcome) and money effects."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        database.define(
            "CREATE TABLE IF NOT EXISTS arrival ("
            " seq INTEGER PRIMARY KEY, request_id TEXT NOT NULL UNIQUE, at REAL NOT NULL,"
            " real_at REAL NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,"
            " idempotency_key TEXT, metadata TEXT NOT NULL, amount INTEGER, outcome TEXT);"
            "CREATE TABLE IF NOT EXISTS effect ("
            " seq INTEGER PRIMARY KEY, at REAL NOT NULL, real_at REAL NOT NULL, kind TEXT NOT NULL"
            "   CHECK (kind IN ('authorised', 'captured', 'refunded', 'cancelled')),"
            " payment_intent TEXT NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL,"
            " metadata TEXT NOT NULL, request_id TEXT, idempotency_key TEXT, reference TEXT);"
        )

    def arrived(self, arrival: Arrival) -> None:
        self._database.insert(
            "INSERT INTO arrival (request_id, at, real_at, method, path, idempotency_key,"
            " metadata, amount) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                arrival.request_id,
                self._clock.now(),
                self._clock.real(),
                arrival.method,
                arrival.path,
                arrival.idempotency_key,
                json.dumps(arrival.metadata),
                arrival.amount,
            ),
        )

    def answered(self, request_id: str, outcome: str) -> None:
        """`outcome` is the status, or what was done instead of answering."""
        self._database.execute(
            "UPDATE arrival SET outcome = ? WHERE request_id = ?", (outcome, request_id)
        )

    def effect(
        self,
        kind: str,
        *,
        payment_intent: Document,
        amount: int,
        reference: str | None,
        request_id: str | None,
        idempotency_key: str | None,
    ) -> None:
        """Money was authorised, captured, refunded or released; `amount` in minor units."""
        self._database.insert(
            "INSERT INTO effect (at, real_at, kind, payment_intent, amount, currency, metadata,"
            " request_id, idempotency_key, reference) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._clock.now(),
                self._clock.real(),
                kind,
                payment_intent["id"],
                amount,
                payment_intent["currency"],
                json.dumps(payment_intent["metadata"]),
                request_id,
                idempotency_key,
                reference,
            ),
        )

    def since(self, position: dict[str, int]) -> dict[str, Any]:
        """Rows after the given `seq` of each table, oldest first."""
        return {
            table: [_readable(dict(row)) for row in self._rows(table, position.get(table, 0))]
            for table in ("arrival", "effect")
        }

    def _rows(self, table: str, after: int) -> list[Any]:
        return self._database.rows(f"SELECT * FROM {table} WHERE seq > ? ORDER BY seq", (after,))


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    return row | {
        "at": iso(row["at"]),
        "real_at": iso(row["real_at"]),
        "metadata": json.loads(row["metadata"]),
    }
