"""What Celery carries: ids and a token. State lives in PostgreSQL."""

from uuid import UUID

from celery import shared_task
from kombu.exceptions import OperationalError

from commerce.events.queues import WorkQueue
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


def waiting(queue: WorkQueue) -> int:
    """How many messages of `queue` the broker has that no worker has taken.

    Raises OperationalError when it can't be asked.
    """
    with deliver.app.connection_for_read() as connection:
        try:
            with connection.channel() as channel:
                return int(channel.queue_declare(queue=str(queue), passive=True).message_count)
        except connection.channel_errors:
            return 0  # Redis has no lists that are empty.
        except connection.connection_errors as error:
            raise OperationalError(str(error)) from error
