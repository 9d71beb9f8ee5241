"""The durable store of API objects: each is kept as the JSON document that the API answers."""

import json
import sqlite3
from dataclasses import dataclass, field

from commerce.sandbox.common.storage import Database
from commerce.sandbox.payments.errors import Document

INDEXED = ("customer", "payment_intent", "charge", "status", "type")


NEXT_DUE = "SELECT min(due_at) AS due FROM resource WHERE due_at IS NOT NULL"
"""With its condition the index answers; without it every object that there ever was is looked at,
and that at every step."""


@dataclass(slots=True)
class Resource:
    """`private` is what the API never shows: a test card's behaviour, a page's token, a trace."""

    kind: str
    body: Document
    private: Document = field(default_factory=dict)

    @property
    def id(self) -> str:
        found: str = self.body["id"]
        return found


class Store:
    """Objects newest first, as Stripe lists them. Writes join the transaction of the caller."""

    def __init__(self, database: Database) -> None:
        self._database = database
        columns = ", ".join(f"{name} TEXT" for name in INDEXED)
        database.define(
            "CREATE TABLE IF NOT EXISTS resource ("
            " seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,"
            f" created INTEGER NOT NULL, due_at INTEGER, {columns},"
            " body TEXT NOT NULL, private TEXT NOT NULL);"
            "CREATE INDEX IF NOT EXISTS resource_kind ON resource (kind, seq);"
            "CREATE INDEX IF NOT EXISTS resource_customer ON resource (customer, kind)"
            " WHERE customer IS NOT NULL;"
            "CREATE INDEX IF NOT EXISTS resource_payment ON resource (payment_intent, kind)"
            " WHERE payment_intent IS NOT NULL;"
            "CREATE INDEX IF NOT EXISTS resource_charge ON resource (charge, kind)"
            " WHERE charge IS NOT NULL;"
            "CREATE INDEX IF NOT EXISTS resource_due ON resource (due_at) WHERE due_at IS NOT NULL;"
        )

    def add(self, resource: Resource) -> None:
        self._database.insert(
            "INSERT INTO resource (id, kind, created, due_at, customer, payment_intent, charge,"
            " status, type, body, private) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (resource.id, resource.kind, _created(resource), *_columns(resource)),
        )

    def save(self, resource: Resource) -> None:
        self._database.execute(
            "UPDATE resource SET due_at = ?, customer = ?, payment_intent = ?, charge = ?,"
            " status = ?, type = ?, body = ?, private = ? WHERE id = ?",
            (*_columns(resource), resource.id),
        )

    def find(self, kind: str, wanted: str) -> Resource | None:
        row = self._database.row("SELECT * FROM resource WHERE id = ? AND kind = ?", (wanted, kind))
        return None if row is None else _resource(row)

    def seq_of(self, kind: str, wanted: str) -> int | None:
        row = self._database.row(
            "SELECT seq FROM resource WHERE id = ? AND kind = ?", (wanted, kind)
        )
        return None if row is None else int(row["seq"])

    def where(
        self,
        kind: str,
        *,
        conditions: tuple[tuple[str, object], ...] = (),
        oldest_first: bool = False,
        limit: int = -1,
    ) -> list[Resource]:
        """Objects of `kind` for which each SQL condition (`"seq < ?"`, value) holds."""
        clauses = "".join(f" AND {condition}" for condition, _ in conditions)
        direction = "ASC" if oldest_first else "DESC"
        rows = self._database.rows(
            f"SELECT * FROM resource WHERE kind = ?{clauses} ORDER BY seq {direction} LIMIT ?",
            (kind, *(value for _, value in conditions), limit),
        )
        return [_resource(row) for row in rows]

    def next_due(self) -> float | None:
        """The earliest instant at which an object changes by itself."""
        row = self._database.row(NEXT_DUE)
        return None if row is None or row["due"] is None else float(row["due"])

    def due(self, now: float) -> list[Resource]:
        rows = self._database.rows(
            "SELECT * FROM resource WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY due_at, seq",
            (now,),
        )
        return [_resource(row) for row in rows]


def _created(resource: Resource) -> int:
    """Mandates don't say it; they keep it to themselves."""
    found: int = resource.body.get("created") or resource.private["created"]
    return found


def _columns(resource: Resource) -> tuple[object, ...]:
    body = resource.body
    indexed = (body.get(name) for name in INDEXED)
    return (
        resource.private.get("due_at"),
        *(value if isinstance(value, str) else None for value in indexed),
        json.dumps(body, ensure_ascii=False),
        json.dumps(resource.private, ensure_ascii=False),
    )


def _resource(row: sqlite3.Row) -> Resource:
    return Resource(
        kind=row["kind"], body=json.loads(row["body"]), private=json.loads(row["private"])
    )
