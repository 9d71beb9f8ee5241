"""What the tests on real stores have in common."""

from collections.abc import Iterator

import pytest
from django.db import transaction
from pytest_django.plugin import DjangoDbBlocker

from catalogue.selectors import forget_snapshots
from commerce.kernel.clock import business_time_fixed
from tests.demo import sell_demo


@pytest.fixture(scope="module")
def demo_catalogue(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """The demo catalogue, on sale since the module's `ON_SALE`, or else its `AT`, and loaded once
    for it; each test rolls back to it."""
    module = request.module
    at = module.ON_SALE if hasattr(module, "ON_SALE") else module.AT
    with django_db_blocker.unblock(), business_time_fixed(at), transaction.atomic():
        forget_snapshots()
        sell_demo(at=at)
        yield
        transaction.set_rollback(True)
    forget_snapshots()
