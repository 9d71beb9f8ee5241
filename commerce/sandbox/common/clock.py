"""Business time of a sandbox: real time plus an offset that only grows, kept in the database."""

import time
from datetime import UTC, datetime

from commerce.sandbox.common.storage import Database


class ClockMovedBack(Exception):
    """The new offset is smaller than the present one."""


class Clock:
    """`now` is business time and `real` machine time, both in seconds since 1970 (UTC)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.define(
            "CREATE TABLE IF NOT EXISTS clock"
            " (id INTEGER PRIMARY KEY CHECK (id = 1), offset_seconds REAL NOT NULL);"
            "INSERT OR IGNORE INTO clock VALUES (1, 0);"
        )
        self._offset = float(database.rows("SELECT offset_seconds FROM clock")[0][0])

    @property
    def offset(self) -> float:
        return self._offset

    def now(self) -> float:
        return time.time() + self._offset

    def real(self) -> float:
        return time.time()

    def advance_to(self, offset: float) -> None:
        """Set the offset in seconds; the same one again changes nothing.

        Raises:
            ClockMovedBack: business time never runs backwards.
        """
        with self._database.transaction():
            if offset < self._offset:
                raise ClockMovedBack(f"the offset is already {self._offset} seconds")
            self._database.execute("UPDATE clock SET offset_seconds = ?", (offset,))
            self._offset = offset


def iso(instant: float) -> str:
    """The instant as ISO 8601 in UTC."""
    return datetime.fromtimestamp(instant, UTC).isoformat()
