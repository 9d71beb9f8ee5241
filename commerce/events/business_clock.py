"""The business clock that can be moved: one row says how far it is ahead of real time."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache
from time import monotonic, sleep

import httpx
from django.conf import settings
from django.db import connection, transaction

from commerce.events.models import ClockSetting
from commerce.events.selectors import (
    last_business_instant,
    next_business_instant,
    under_way,
)
from commerce.events.work import CHANNEL
from commerce.kernel.clock import PARIS, machine_now
from commerce.kernel.errors import FaisceauError

logger = logging.getLogger(__name__)

FIRST_LOOK, LONGEST_LOOK = 0.02, 0.2
"""Seconds between two looks, while something is under way: the longer, the longer apart, as each
takes from those who do the work."""
QUIET_LOOKS = 2
GATHERED = timedelta(minutes=1)
"""What is due within this after the first of it has one stop of the clock: work that was set within
one run, or on one page, for so many days later, is due milliseconds apart."""
KEPT_OPEN = 1.0
"""Seconds that a connection to a sandbox is kept for the next look: less than its own patience."""


class ClockStuck(FaisceauError):
    """Business time can't be moved; the sentence says what holds it."""

    code = "clock_stuck"


@dataclass(frozen=True, slots=True)
class SandboxState:
    busy: int
    next_due: datetime | None


def virtual_now() -> datetime:
    """Real time plus the stored offset."""
    return machine_now() + offset()


def offset() -> timedelta:
    """How far business time is ahead."""
    found = ClockSetting.objects.filter(id=1).values_list("offset", flat=True).first()
    return found or timedelta(0)


def sandboxes() -> tuple[str, ...]:
    """The base addresses of the simulated outside world that follow our clock."""
    outside = (settings.STRIPE_API_BASE, settings.PROVIDERS_URL, settings.MERCHANT_URL)
    return tuple(url.rstrip("/") for url in outside if url)


def advance_clock(
    *, to: datetime, quiet_timeout: float = 120.0, world: Sequence[str] | None = None
) -> datetime:
    """Move business time to `to`, stopping at each due instant until all work of it is done; what
    is due within a minute (`GATHERED`) of one day in Paris is done in its order at the last instant
    of it.

    `world` are the sandboxes to take along (all, if None). Returns the business time reached.

    Raises:
        ClockStuck: the clock is not virtual, would run backwards, a sandbox doesn't answer, or
            work is still under way after `quiet_timeout` seconds at one instant.
    """
    if not settings.VIRTUAL_CLOCK:
        raise ClockStuck("The business clock is real time here and can't be moved.")
    if to < virtual_now():
        raise ClockStuck(f"Business time is already {virtual_now().isoformat()}.")
    world = sandboxes() if world is None else tuple(world)
    push_offset(world=world)
    while True:
        states = wait_until_quiet(quiet_timeout=quiet_timeout, world=world)
        step = min(to, _next_stop(states) or to)
        if step > virtual_now():
            _move(step, world=world)
        if step >= to:
            wait_until_quiet(quiet_timeout=quiet_timeout, world=world)
            return virtual_now()


def push_offset(*, world: Sequence[str] | None = None) -> None:
    """Tell the sandboxes how far business time is ahead. May be repeated.

    Raises:
        ClockStuck: one doesn't answer.
    """
    ahead = offset().total_seconds()
    for base in sandboxes() if world is None else world:
        _ask("PUT", f"{base}/_control/clock", json={"offset_seconds": ahead})


def wait_until_quiet(*, quiet_timeout: float, world: Sequence[str]) -> tuple[SandboxState, ...]:
    """Wait until two looks in a row see nothing due or under way, here and in the sandboxes; how
    these stand then. The second look follows at once: it sees what changed sides during the first.

    Raises:
        ClockStuck: after `quiet_timeout` seconds of real time; names what is still under way.
    """
    deadline, quiet, pause = monotonic() + quiet_timeout, 0, FIRST_LOOK
    states: tuple[SandboxState, ...] = ()
    while True:
        busy = under_way(horizon=timedelta(seconds=quiet_timeout))
        if not busy:
            states = tuple(_state(base) for base in world)
            busy = {base: at.busy for base, at in zip(world, states, strict=True) if at.busy}
        quiet = 0 if busy else quiet + 1
        if quiet == QUIET_LOOKS:
            return states
        if busy:
            if monotonic() > deadline:
                raise ClockStuck(f"Still under way after {quiet_timeout:g} s: {busy}.")
            sleep(pause)
            pause = min(pause * 1.5, LONGEST_LOOK)


def _next_stop(states: Sequence[SandboxState]) -> datetime | None:
    outside = [state.next_due for state in states if state.next_due is not None]
    ours = next_business_instant()
    if not outside and ours is None:
        return None
    first = min(each for each in (ours, *outside) if each is not None)
    tomorrow = first.astimezone(PARIS).date() + timedelta(days=1)
    midnight = datetime.combine(tomorrow, time(), tzinfo=PARIS)
    until = min(first + GATHERED, midnight - timedelta.resolution)
    gathered = (last_business_instant(until=until), *(due for due in outside if due <= until))
    # Business time goes on between two looks: what was first may be done by now.
    return max((first, *(due for due in gathered if due is not None)))


def _move(target: datetime, *, world: Sequence[str]) -> None:
    """Set the offset such that it is `target` now; never backwards."""
    with transaction.atomic():
        ClockSetting.objects.get_or_create(id=1, defaults={"offset": timedelta(0)})
        row = ClockSetting.objects.select_for_update().get(id=1)
        row.offset = max(row.offset, target - machine_now())
        row.save(update_fields=["offset"])
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
    push_offset(world=world)
    logger.info("business time is %s", target.isoformat())


def _state(base: str) -> SandboxState:
    answer = _ask("GET", f"{base}/_control/state").json()
    due = answer["next_due"]
    return SandboxState(int(answer["busy"]), datetime.fromisoformat(due) if due else None)


def _ask(method: str, url: str, json: dict[str, float] | None = None) -> httpx.Response:
    try:
        answer = _outside().request(method, url, json=json)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise ClockStuck(f"The sandbox at {url} doesn't follow the clock: {error}") from error
    return answer


@cache
def _outside() -> httpx.Client:
    """Made once: what a client needs to begin with takes longer than all that is asked at a stop of
    the clock."""
    return httpx.Client(timeout=10, limits=httpx.Limits(keepalive_expiry=KEPT_OPEN))
