"""What Celery carries: ids and a token. State lives in PostgreSQL."""

from uuid import UUID

from celery import shared_task

from commerce.events.runner import run_deliveries, run_timers
from commerce.events.work import Batch


@shared_task(name="commerce.events.tasks.deliver")  # type: ignore[untyped-decorator]
def deliver(ids: list[int], token: str) -> None:
    """Deliver the events of these rows, if they are still leased under `token`."""
    run_deliveries(Batch(tuple(ids), UUID(token)))


@shared_task(name="commerce.events.tasks.fire")  # type: ignore[untyped-decorator]
def fire(ids: list[int], token: str) -> None:
    """Fire the timers of these rows, if they are still leased under `token`."""
    run_timers(Batch(tuple(ids), UUID(token)))
