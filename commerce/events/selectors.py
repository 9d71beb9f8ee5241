"""What is due, what is under way, what is parked."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Min, Q, QuerySet

from commerce.events.models import Delivery, Timer, TimerClock, WorkState
from commerce.events.registry import (
    busy_checks,
    housekeeping_names,
)
from commerce.events.work import Due
from commerce.kernel.clock import business_now, machine_now

OPEN = [WorkState.PENDING, WorkState.LEASED, WorkState.RUNNING]
HELD = [WorkState.LEASED, WorkState.RUNNING]
_OPEN = Q(state=WorkState.PENDING) | Q(state__in=HELD)
"""Asked so, an index has each part; what is done is not looked at."""


_DELIVERIES = "next_at <= %s ORDER BY turn, next_at, id"
_TIMERS = (
    "(clock = 'business' AND due_at <= %s OR clock = 'machine' AND due_at <= %s)"
    " AND next_at <= %s ORDER BY turn, due_at, id"
)


def due_deliveries() -> Due:
    """Pending deliveries whose next try has come: whose turn it is, then the oldest first."""
    return Due(Delivery, _DELIVERIES, (machine_now(),))


def due_timers() -> Due:
    """Pending timers that are due on their own clock and may be tried, in the same order."""
    machine = machine_now()
    return Due(Timer, _TIMERS, (business_now(), machine, machine))


def next_business_instant() -> datetime | None:
    """When the next timer of the business clock is due; parked ones don't count."""
    at: datetime | None = _business_timers().aggregate(at=Min("due_at"))["at"]
    return at


def last_business_instant(*, until: datetime) -> datetime | None:
    """The same of the last one that is due by `until`."""
    found = _business_timers().filter(due_at__lte=until).aggregate(at=Max("due_at"))
    at: datetime | None = found["at"]
    return at


def _business_timers() -> QuerySet[Timer]:
    return Timer.objects.filter(clock=TimerClock.BUSINESS, state__in=OPEN)


@dataclass(frozen=True, slots=True)
class Parked:
    """Work that failed too often; `kind` is delivery or timer."""

    kind: str
    id: int
    name: str
    error: str
    trace_id: str


def parked(*, limit: int = 100) -> tuple[Parked, ...]:
    """What waits for an operator, newest first."""
    deliveries = Delivery.objects.filter(state=WorkState.PARKED).order_by("-pk")[:limit]
    timers = Timer.objects.filter(state=WorkState.PARKED).order_by("-pk")[:limit]
    return (
        *(Parked("delivery", d.pk, d.subscriber, d.last_error, d.trace_id) for d in deliveries),
        *(Parked("timer", t.pk, t.key, t.last_error, t.trace_id) for t in timers),
    )


def under_way(*, horizon: timedelta) -> dict[str, int]:
    """What keeps business time from moving: name to count, only what isn't zero.

    Back-off and timers of the machine's clock count when they come within `horizon` of real time.
    """
    soon = machine_now() + horizon
    timers = Timer.objects.exclude(handler__in=housekeeping_names()).filter(
        Q(state__in=HELD)
        | Q(state=WorkState.PENDING, clock=TimerClock.MACHINE, due_at__lte=soon)
        | Q(state=WorkState.PENDING, clock=TimerClock.BUSINESS, due_at__lte=business_now())
    )
    counts = {
        "deliveries": Delivery.objects.filter(_OPEN).aggregate(n=Count("pk"))["n"],
        "timers": timers.count(),
        **{name: check() for name, check in busy_checks().items()},
    }
    return {name: count for name, count in counts.items() if count}
