"""What is kept for a time only: one timer goes through all purges, hour by hour."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction

from commerce.events import timers
from commerce.events.models import Timer, TimerClock
from commerce.events.registry import purges
from commerce.kernel.clock import machine_now

logger = logging.getLogger(__name__)

TIMER = "retention"
EVERY = timedelta(hours=1)


def begin() -> None:
    """Make sure that the timer is set; the pump calls this when it starts."""
    first = Timer(key=TIMER, handler=TIMER, due_at=machine_now() + EVERY, clock=TimerClock.MACHINE)
    first.next_at = machine_now()
    Timer.objects.bulk_create([first], ignore_conflicts=True)


def on_retention_due(payload: Mapping[str, Any]) -> None:
    """Timer, machine time. Each purge removes or blanks what its own clock says is over.

    One that fails is tried again in an hour and keeps no other from its work.
    """
    timers.schedule(
        key=TIMER, handler=TIMER, due_at=machine_now() + EVERY, payload={}, clock="machine"
    )
    for name, purge in purges().items():
        try:
            with transaction.atomic():
                count = purge()
        except Exception:
            logger.exception("purge failed", extra={"what": name})
            continue
        if count:
            logger.info("purged", extra={"what": name, "rows": count})
