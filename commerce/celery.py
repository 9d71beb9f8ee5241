"""The Celery app: carries short messages; the state they speak of lives in PostgreSQL."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_prerun, worker_process_init
from django.conf import settings
from django.db import close_old_connections

from commerce.events.queues import WorkQueue
from commerce.garbage import settle
from commerce.settings.environment import in_sentences

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commerce.settings.development")

app = Celery("faisceau")
with in_sentences():
    app.config_from_object(settings.CELERY)
# A worker that is not told which takes work from all of them, in turn.
app.conf.task_queues = {
    str(queue): {"exchange": str(queue), "routing_key": str(queue)} for queue in WorkQueue
}
app.conf.task_default_queue = str(WorkQueue.SETTLING)
app.autodiscover_tasks()


@task_prerun.connect  # type: ignore[untyped-decorator]
def keep_good_connections(**_: Any) -> None:
    """As a request does: a connection that is too old goes, another is tried before its use."""
    close_old_connections()


@worker_process_init.connect  # type: ignore[untyped-decorator]
def settle_down(**_: Any) -> None:
    """As the web process does."""
    settle()


def reach_broker() -> None:
    """Raises when the broker to which this process would send hangs or is not there."""
    patience = {"socket_connect_timeout": 1, "socket_timeout": 1}
    with app.connection_for_write(transport_options=patience) as connection:
        connection.connect()


@setup_logging.connect  # type: ignore[untyped-decorator]
def keep_django_logging(**_: Any) -> None:
    """Celery logs through Django's structured logging."""
