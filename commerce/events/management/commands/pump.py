"""`manage.py pump`: runs until it is told to stop."""

import signal
from typing import Any

from django.core.management.base import BaseCommand

from commerce.events.pump import Stop, run


class Command(BaseCommand):
    help = "Hand due work to the workers; any number of copies may run."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = Stop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, stop.set)
        run(stop)
