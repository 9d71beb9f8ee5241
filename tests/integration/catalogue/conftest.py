"""The demo catalogue in PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalogue.selectors import forget_snapshots
from catalogue.services.imports import import_catalogue
from commerce.kernel.clock import business_time_fixed

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
DEMO = Path(__file__).resolve().parents[3] / "catalogue" / "demo"


@pytest.fixture
def at() -> Iterator[datetime]:
    with business_time_fixed(AT):
        forget_snapshots()
        yield AT
        forget_snapshots()


@pytest.fixture
def shop(db: None, at: datetime) -> datetime:
    import_catalogue(DEMO, at=at)
    return at


@pytest.fixture
def committed_shop(transactional_db: None, at: datetime) -> datetime:
    """Committed, so that threads with connections of their own see it."""
    import_catalogue(DEMO, at=at)
    return at
