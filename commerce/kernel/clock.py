"""The two clocks.

*Business time* decides orders, holds, commitments, cycles, dunning, releases and promotions. It is
read once per request or task, from the source that the settings choose, and passed on as a value.
*Machine time* decides sessions, tokens, signatures, leases, back-off and logs; it is real time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")

_source: list[Callable[[], datetime]] = []
_fixed: ContextVar[datetime | None] = ContextVar("business_now", default=None)


def machine_now() -> datetime:
    """Real time in UTC."""
    return datetime.now(UTC)


def use_business_clock(source: Callable[[], datetime]) -> None:
    """Choose where business time comes from; called once by the composition root."""
    _source[:] = [source]


def business_now() -> datetime:
    """Business time in UTC: the instant at which this request or task began."""
    fixed = _fixed.get()
    if fixed is not None:
        return fixed
    return _source[0]() if _source else machine_now()


def business_today(zone: ZoneInfo = PARIS) -> date:
    """The local date of business time."""
    return business_now().astimezone(zone).date()


@contextmanager
def business_time_fixed(at: datetime | None = None) -> Iterator[datetime]:
    """Read business time once and keep it for the block (a request, a task, a test)."""
    token = _fixed.set(at if at is not None else business_now())
    try:
        now = _fixed.get()
        assert now is not None
        yield now
    finally:
        _fixed.reset(token)
