"""A stand-in for worker and pump within the test's process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from django.db import connection


@contextmanager
def working(work: Callable[[], int]) -> Iterator[None]:
    """Call `work` again and again in a thread until the block ends."""
    stop = Event()

    def run() -> None:
        while not stop.is_set():
            work()
            stop.wait(0.05)
        connection.close()

    thread = Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
