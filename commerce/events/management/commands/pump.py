"""`manage.py pump`: runs until it is told to stop."""

import signal
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand

from commerce.events.pump import run


class Command(BaseCommand):
    help = "Hand due work to the workers; any number of copies may run."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda *_: stop.set())
        run(stop)
