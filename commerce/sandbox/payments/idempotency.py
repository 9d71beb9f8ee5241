"""Idempotency keys: the first answer is kept for 24 hours of machine time and given again."""

import hashlib
import json
from dataclasses import dataclass
from threading import Lock

from commerce.sandbox.common.clock import Clock
from commerce.sandbox.common.storage import Database
from commerce.sandbox.payments.errors import ApiError, Document

KEPT_SECONDS = 24 * 3600
LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answers; a replayed one names the request that it was first given to."""

    status: int
    body: str
    original_request: str
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Keyed:
    """A POST with its key; `fingerprint` stands for its parameters."""

    key: str
    path: str
    fingerprint: str


def keyed(key: str, *, path: str, pairs: list[tuple[str, str]]) -> Keyed:
    """The request as it is compared; the order of its parameters does not matter.

    Raises:
        ApiError: the key is longer than 255 characters.
    """
    if len(key) > LONGEST_KEY:
        raise ApiError(
            400,
            "idempotency_error",
            f"Keys for idempotent requests can be at most {LONGEST_KEY} characters.",
            before_execution=True,
        )
    text = json.dumps(sorted(pairs))
    return Keyed(key, path, hashlib.sha256(text.encode()).hexdigest())


class Idempotency:
    """Answers are in the database; keys under way only in memory, for a crash ends them."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._running: set[str] = set()
        self._lock = Lock()
        database.define(
            "CREATE TABLE IF NOT EXISTS idempotency ("
            " key TEXT PRIMARY KEY, path TEXT NOT NULL, fingerprint TEXT NOT NULL,"
            " status INTEGER NOT NULL, body TEXT NOT NULL, request_id TEXT NOT NULL,"
            " real_at REAL NOT NULL);"
            "CREATE INDEX IF NOT EXISTS idempotency_age ON idempotency (real_at);"
        )

    def start(self, request: Keyed) -> Answer | None:
        """The stored answer, or None: then this request runs and must call `stop` at its end.

        Raises:
            ApiError: 409 while the key is under way; 400 for other parameters or another path.
        """
        with self._lock:
            if request.key in self._running:
                raise ApiError(
                    409,
                    "idempotency_error",
                    "There is currently another in-progress request using this Idempotent Key"
                    " (that probably means you submitted twice, and the other request is still"
                    f" going through): {request.key}. Please try again later.",
                    code="idempotency_key_in_use",
                )
            found = self._find(request)
            if found is None:
                self._running.add(request.key)
            return found

    def stop(self, request: Keyed) -> None:
        with self._lock:
            self._running.discard(request.key)

    def keep(self, request: Keyed, *, status: int, body: Document, request_id: str) -> None:
        """Store the answer, in the transaction of its effects."""
        self._database.insert(
            "INSERT INTO idempotency VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                request.key,
                request.path,
                request.fingerprint,
                status,
                encoded(body),
                request_id,
                self._clock.real(),
            ),
        )

    def _find(self, request: Keyed) -> Answer | None:
        self._database.execute(
            "DELETE FROM idempotency WHERE real_at < ?", (self._clock.real() - KEPT_SECONDS,)
        )
        row = self._database.row("SELECT * FROM idempotency WHERE key = ?", (request.key,))
        if row is None:
            return None
        if row["path"] != request.path:
            raise self._conflict(
                "Keys for idempotent requests can only be used for the same endpoint they were"
                f" first used for ('{request.path}' vs '{row['path']}'). Try using a key other"
                f" than '{request.key}' if you meant to execute a different request."
            )
        if row["fingerprint"] != request.fingerprint:
            raise self._conflict(
                "Keys for idempotent requests can only be used with the same parameters they were"
                f" first used with. Try using a key other than '{request.key}' if you meant to"
                " execute a different request."
            )
        return Answer(row["status"], row["body"], row["request_id"], replayed=True)

    def _conflict(self, message: str) -> ApiError:
        return ApiError(400, "idempotency_error", message)


def encoded(body: Document) -> str:
    """The JSON text of an answer, laid out as Stripe's is."""
    return json.dumps(body, ensure_ascii=False, indent=2)
