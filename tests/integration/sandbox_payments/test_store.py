"""What is asked at every step of the sandbox stays quick, whatever it holds."""

from pathlib import Path

from commerce.sandbox.common.storage import Database
from commerce.sandbox.payments.store import NEXT_DUE, Store


def test_when_something_changes_next_is_answered_by_an_index(tmp_path: Path) -> None:
    database = Database(tmp_path / "sandbox.sqlite3")
    assert Store(database).next_due() is None
    (plan,) = database.rows(f"EXPLAIN QUERY PLAN {NEXT_DUE}")
    assert "USING COVERING INDEX resource_due" in plan["detail"]
