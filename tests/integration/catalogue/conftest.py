"""The demo catalogue in PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.db import transaction
from pytest_django.plugin import DjangoDbBlocker

from catalogue.selectors import forget_snapshots
from commerce.kernel.clock import business_time_fixed
from tests.demo import sell_demo

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.fixture
def at() -> Iterator[datetime]:
    with business_time_fixed(AT):
        forget_snapshots()
        yield AT
        forget_snapshots()


@pytest.fixture(scope="module")
def on_sale(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock(), business_time_fixed(AT), transaction.atomic():
        sell_demo(at=AT)
        yield
        transaction.set_rollback(True)


@pytest.fixture
def shop(on_sale: None, db: None, at: datetime) -> datetime:
    """On sale since now, and loaded once for the module: each test rolls back to it."""
    return at


@pytest.fixture
def committed_shop(transactional_db: None, at: datetime) -> datetime:
    """Committed, so that threads with connections of their own see it. Such tests stand in modules
    of their own: what a module has on sale in `shop` nobody else sees."""
    sell_demo(at=at)
    return at
