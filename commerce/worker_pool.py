"""The processes of a worker that carry work out."""

from signal import SIGKILL

from celery.concurrency.prefork import TaskPool


class WorkerPool(TaskPool):  # type: ignore[misc]
    """Begins its work also where one of its processes was killed while the broker was waited for.

    Celery counts these as unable to start and ends the worker. Another takes the place of each as
    soon as the worker looks after them, as it does later.
    """

    def did_start_ok(self) -> bool:
        """False if a process ended by a fault of its own."""
        ended = {process.exitcode for process in self._pool._pool}
        return ended <= {None, -SIGKILL}
