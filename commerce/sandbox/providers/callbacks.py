"""Callbacks to the shop: stored as facts, signed, and sent as the planted faults allow."""

import base64
import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

from standardwebhooks import Webhook

from commerce.sandbox.common.clock import Clock, iso
from commerce.sandbox.common.delivery import DeliveryQueue, Message, Signer
from commerce.sandbox.common.storage import Database
from commerce.sandbox.providers.faults import CALLBACK_KINDS, Faults
from commerce.sandbox.providers.protocol import Json, Thing

OVERTAKEN = 0.5
"""Real seconds by which a held callback follows the one that overtook it."""


def standard_webhooks(secret: str) -> Signer:
    """Signs as https://www.standardwebhooks.com says, with the real time; each provider by a secret
    of its own, made of the common one."""

    @cache
    def webhook_of(provider: str) -> Webhook:
        common = base64.b64decode(secret.removeprefix("whsec_"))
        own = hmac.digest(common, f"callbacks:{provider}".encode(), "sha256")
        return Webhook(f"whsec_{base64.b64encode(own).decode()}")

    def sign(message_id: str, body: bytes) -> Mapping[str, str]:
        now = datetime.now(UTC)
        webhook = webhook_of(json.loads(body)["provider"])
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": webhook.sign(message_id, now, body.decode()),
        }

    return sign


class Callbacks:
    """What happened is stored in any case; whether it is told is for the faults to say."""

    def __init__(
        self, database: Database, *, clock: Clock, queue: DeliveryQueue, faults: Faults, url: str
    ) -> None:
        self._database = database
        self._clock = clock
        self._queue = queue
        self._faults = faults
        self._url = url
        database.define(
            "CREATE TABLE IF NOT EXISTS callback ("
            " seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, provider TEXT NOT NULL,"
            " type TEXT NOT NULL, request_key TEXT NOT NULL, reference TEXT NOT NULL,"
            " occurred_at REAL NOT NULL, data TEXT NOT NULL,"
            " fate TEXT NOT NULL CHECK (fate IN ('sent', 'lost', 'held')));"
            "CREATE INDEX IF NOT EXISTS callback_request ON callback (provider, request_key);"
        )

    def happened(self, thing: Thing, kind: str, data: Json, *, at: float) -> None:
        """Store the fact and queue its callback, in the transaction of the caller."""
        message_id = f"cb_{secrets.token_hex(12)}"
        fault = self._faults.strike(thing.provider, operation=kind, kinds=CALLBACK_KINDS)
        committed = fault.kind if fault else ""
        overtaken = self._held(thing)
        fate = {"lost_callback": "lost", "out_of_order_callbacks": "held"}.get(committed, "sent")
        self._database.insert(
            "INSERT INTO callback (id, provider, type, request_key, reference, occurred_at, data,"
            " fate) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                message_id,
                thing.provider,
                kind,
                thing.request_key,
                thing.reference,
                at,
                json.dumps(data, ensure_ascii=False),
                fate,
            ),
        )
        if fate == "lost":
            return
        message = self._message(message_id, thing, kind=kind, data=data, at=at)
        waits = fault is not None and committed in ("late_callback", "out_of_order_callbacks")
        due_at = self._clock.now() + fault.seconds if fault is not None and waits else None
        self._queue.add(message, due_at=due_at)
        if committed == "duplicate_callback":
            self._queue.add(message)
        for held in overtaken:
            self._queue.bring_forward(held, delay=OVERTAKEN)

    def of_request(self, provider: str, key: str) -> list[Json]:
        """All facts of a request so far, told or not, in the order in which they occurred."""
        rows = self._database.rows(
            "SELECT id, type, occurred_at, data FROM callback"
            " WHERE provider = ? AND request_key = ? ORDER BY seq",
            (provider, key),
        )
        return [
            {
                "id": row["id"],
                "type": row["type"],
                "occurred_at": iso(row["occurred_at"]),
                "data": json.loads(row["data"]),
            }
            for row in rows
        ]

    def listed(
        self, *, since: int = 0, provider: str = "", key: str = "", newest: int | None = None
    ) -> list[Json]:
        """Callbacks with how their delivery stands, oldest first."""
        rows = self._database.rows(
            "SELECT c.seq, c.id, c.type, c.provider, c.request_key, c.reference, c.occurred_at,"
            " c.fate, count(d.key) AS copies, coalesce(sum(d.tries), 0) AS attempts,"
            " coalesce(sum(d.state = 'delivered'), 0) AS delivered, max(d.last_answer) AS answer"
            " FROM (SELECT * FROM callback WHERE seq > ? AND (? = '' OR provider = ?)"
            " AND (? = '' OR request_key = ?) ORDER BY seq DESC LIMIT ?) AS c"
            " LEFT JOIN delivery AS d ON d.message_id = c.id GROUP BY c.seq ORDER BY c.seq",
            (since, provider, provider, key, key, -1 if newest is None else newest),
        )
        return [
            {
                "seq": row["seq"],
                "id": row["id"],
                "type": row["type"],
                "provider": row["provider"],
                "request_key": row["request_key"],
                "reference": row["reference"],
                "occurred_at": iso(row["occurred_at"]),
                "state": _state(row["fate"], row["copies"], row["delivered"]),
                "attempts": row["attempts"],
                "deliveries": row["delivered"],
                "last_answer": row["answer"],
            }
            for row in rows
        ]

    def _held(self, thing: Thing) -> list[str]:
        """Callbacks of the same request that wait to be overtaken; they are let go."""
        where = "provider = ? AND request_key = ? AND fate = 'held'"
        of_request = (thing.provider, thing.request_key)
        rows = self._database.rows(f"SELECT id FROM callback WHERE {where}", of_request)
        if rows:
            self._database.execute(f"UPDATE callback SET fate = 'sent' WHERE {where}", of_request)
        return [row["id"] for row in rows]

    def _message(
        self, message_id: str, thing: Thing, *, kind: str, data: Json, at: float
    ) -> Message:
        body = {
            "id": message_id,
            "type": kind,
            "provider": thing.provider,
            "occurred_at": iso(at),
            "reference": thing.reference,
            "request_key": thing.request_key,
            "data": data,
        }
        return Message(
            id=message_id,
            url=f"{self._url}/{thing.provider}",
            body=json.dumps(body, ensure_ascii=False),
            headers=thing.trace,
        )


def _state(fate: str, copies: int, delivered: int) -> str:
    if copies and copies == delivered:
        return "delivered"
    return {"lost": "lost", "held": "held", "sent": "queued"}[fate]
