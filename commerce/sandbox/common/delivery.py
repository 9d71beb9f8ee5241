"""Outgoing callbacks and webhooks: stored first, then posted until the receiver answers 2xx."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Event
from urllib.parse import urlsplit

from commerce.sandbox.common.clock import Clock
from commerce.sandbox.common.storage import Database

BACK_OFF = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Real seconds before the next try; the last one repeats."""

GIVE_UP_AFTER = 3 * 24 * 3600.0
"""Real seconds after the first try; as long as real parties keep trying."""

TIME_OUT = 15.0

Signer = Callable[[str, bytes], Mapping[str, str]]
"""Headers that sign (message id, body), made anew for every try: signatures hold the real time."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be posted; `headers` carry the trace of the request that caused it."""

    id: str
    url: str
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    key: int
    message: Message
    tries: int
    first_try: float | None


class DeliveryQueue:
    """The durable queue. Delivery is at least once, and in no promised order."""

    def __init__(self, database: Database, *, clock: Clock, signer: Signer) -> None:
        self._database = database
        self._clock = clock
        self._signer = signer
        self.changed = Event()
        database.define(
            "CREATE TABLE IF NOT EXISTS delivery ("
            " key INTEGER PRIMARY KEY, message_id TEXT NOT NULL, url TEXT NOT NULL,"
            " body TEXT NOT NULL, headers TEXT NOT NULL, due_at REAL NOT NULL,"
            " next_try REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0, first_try REAL,"
            " state TEXT NOT NULL DEFAULT 'pending'"
            "   CHECK (state IN ('pending', 'delivered', 'given_up', 'lost')),"
            " last_answer TEXT);"
            "CREATE INDEX IF NOT EXISTS delivery_pending ON delivery (next_try)"
            " WHERE state = 'pending';"
            "CREATE INDEX IF NOT EXISTS delivery_message ON delivery (message_id);"
        )

    def add(self, message: Message, *, due_at: float | None = None, delay: float = 0.0) -> None:
        """Queue `message`, in the transaction of the caller.

        `due_at` is a business instant (at once if None); `delay` are real seconds on top.
        """
        self._database.insert(
            "INSERT INTO delivery (message_id, url, body, headers, due_at, next_try)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                message.id,
                message.url,
                message.body,
                json.dumps(dict(message.headers)),
                self._clock.now() if due_at is None else due_at,
                self._clock.real() + delay if delay else 0.0,
            ),
        )
        self.changed.set()

    def bring_forward(self, message_id: str, *, delay: float = 0.0) -> None:
        """Let pending copies of a message fall due now, `delay` real seconds from now."""
        self._database.execute(
            "UPDATE delivery SET due_at = min(due_at, ?), next_try = ?"
            " WHERE message_id = ? AND state = 'pending'",
            (self._clock.now(), self._clock.real() + delay if delay else 0.0, message_id),
        )
        self.changed.set()

    def busy(self) -> int:
        """How many are due in business time and not yet delivered, given up or lost."""
        found = self._database.rows(
            "SELECT count(*) FROM delivery WHERE state = 'pending' AND due_at <= ?",
            (self._clock.now(),),
        )
        return int(found[0][0])

    def next_due(self) -> float | None:
        """The next business instant in the future at which a message falls due."""
        found = self._database.rows(
            "SELECT min(due_at) FROM delivery WHERE state = 'pending' AND due_at > ?",
            (self._clock.now(),),
        )
        return None if found[0][0] is None else float(found[0][0])

    def pending_of(self, message_id: str) -> int:
        found = self._database.rows(
            "SELECT count(*) FROM delivery WHERE message_id = ? AND state = 'pending'",
            (message_id,),
        )
        return int(found[0][0])

    def ready(self, *, limit: int, but_not: set[int]) -> list[Delivery]:
        """Messages to try now, oldest first, without those that are being tried."""
        rows = self._database.rows(
            "SELECT * FROM delivery WHERE state = 'pending' AND due_at <= ? AND next_try <= ?"
            " ORDER BY key LIMIT ?",
            (self._clock.now(), self._clock.real(), limit + len(but_not)),
        )
        return [
            Delivery(
                key=row["key"],
                message=Message(
                    id=row["message_id"],
                    url=row["url"],
                    body=row["body"],
                    headers=json.loads(row["headers"]),
                ),
                tries=row["tries"],
                first_try=row["first_try"],
            )
            for row in rows
            if row["key"] not in but_not
        ][:limit]

    def seconds_to_next(self, *, but_not: set[int], at_most: float) -> float:
        """Real seconds until something may be tried."""
        now, real = self._clock.now(), self._clock.real()
        rows = self._database.rows(
            "SELECT key, max(due_at - ?, next_try - ?) AS wait FROM delivery"
            " WHERE state = 'pending' ORDER BY wait LIMIT ?",
            (now, real, len(but_not) + 1),
        )
        waits = [float(row["wait"]) for row in rows if row["key"] not in but_not]
        return min(max(min(waits), 0.0), at_most) if waits else at_most

    def attempt(self, delivery: Delivery) -> None:
        """Post once and store the outcome."""
        message = delivery.message
        body = message.body.encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            **message.headers,
            **self._signer(message.id, body),
        }
        answer = post(message.url, body=body, headers=headers)
        real = self._clock.real()
        first_try = delivery.first_try or real
        if answer.isdigit() and answer.startswith("2"):
            state, next_try = "delivered", real
        elif real - first_try > GIVE_UP_AFTER:
            state, next_try = "given_up", real
        else:
            state = "pending"
            next_try = real + BACK_OFF[min(delivery.tries, len(BACK_OFF) - 1)]
        self._database.execute(
            "UPDATE delivery SET state = ?, next_try = ?, tries = tries + 1, first_try = ?,"
            " last_answer = ? WHERE key = ? AND state = 'pending'",
            (state, next_try, first_try, answer, delivery.key),
        )

    def history(self, *, limit: int = 500) -> list[dict[str, object]]:
        """The last messages with what became of them, newest first."""
        rows = self._database.rows(
            "SELECT key, message_id, url, due_at, next_try, tries, state, last_answer"
            " FROM delivery ORDER BY key DESC LIMIT ?",
            (limit,),
        )
        return [dict(row) for row in rows]


def post(url: str, *, body: bytes, headers: Mapping[str, str]) -> str:
    """The status of the answer as text, or why there was none. Redirects are not followed."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIME_OUT)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, body=body, headers=dict(headers))
        response = connection.getresponse()
        response.read(65536)
        return str(response.status)
    except (OSError, HTTPException, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close()
