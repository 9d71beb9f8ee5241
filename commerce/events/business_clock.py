"""The business clock that can be moved: one row says how far it is ahead of real time."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx
from django.conf import settings
from django.db import connection, transaction

from commerce.events.models import ClockSetting
from commerce.events.selectors import next_business_instant, under_way
from commerce.events.work import CHANNEL
from commerce.kernel.clock import machine_now
from commerce.kernel.errors import FaisceauError

logger = logging.getLogger(__name__)

LOOK_EVERY = 0.1
QUIET_LOOKS = 2


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
    """Move business time to `to`, stopping at each due instant until all work of it is done.

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
        wait_until_quiet(quiet_timeout=quiet_timeout, world=world)
        due = _next_due(world)
        step = min(due, to) if due is not None else to
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


def wait_until_quiet(*, quiet_timeout: float, world: Sequence[str]) -> None:
    """Wait until two looks in a row see nothing due or under way, here and in the sandboxes.

    Raises:
        ClockStuck: after `quiet_timeout` seconds of real time; names what is still under way.
    """
    deadline, quiet = time.monotonic() + quiet_timeout, 0
    while quiet < QUIET_LOOKS:
        busy = under_way(horizon=timedelta(seconds=quiet_timeout))
        busy |= {base: state.busy for base in world if (state := _state(base)).busy}
        quiet = 0 if busy else quiet + 1
        if busy and time.monotonic() > deadline:
            raise ClockStuck(f"Still under way after {quiet_timeout:g} s: {busy}.")
        if quiet < QUIET_LOOKS:
            time.sleep(LOOK_EVERY)


def _next_due(world: Sequence[str]) -> datetime | None:
    instants = [next_business_instant(), *(_state(base).next_due for base in world)]
    return min((instant for instant in instants if instant is not None), default=None)


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
        answer = httpx.request(method, url, json=json, timeout=10)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise ClockStuck(f"The sandbox at {url} doesn't follow the clock: {error}") from error
    return answer
