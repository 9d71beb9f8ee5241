"""The circuit breaker of each provider: who keeps silent is left alone for a while.

After `MOST_SILENCES` calls in a row without an answer the port is shut; work for it waits, without
using up its attempts, until the time is over. Then one call alone goes out to see: an answer opens
the port, silence shuts it for twice as long. All in machine time. The rows are the truth of all
processes; each reads them at most once a second, so that a port that works costs no query a call.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction

from commerce.kernel.clock import machine_now
from orchestration.domain.retry import shut_for
from orchestration.models import PortHealth

MOST_SILENCES = 5
PROBING = timedelta(seconds=60)
"""How long the one call that goes out to see may take before another may."""
_READ_EVERY = 1.0

_SILENT = """
INSERT INTO orchestration_porthealth (port, silences, last_error, changed_at)
VALUES (%(port)s, 1, %(error)s, %(now)s)
ON CONFLICT (port) DO UPDATE SET silences = orchestration_porthealth.silences + 1,
       last_error = %(error)s, changed_at = %(now)s
RETURNING silences
"""


@dataclass
class _Known:
    """What this process read last."""

    read_at: float = -_READ_EVERY
    shut_until: Mapping[str, datetime] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()


_known = _Known()


def forget() -> None:
    """Read the rows anew."""
    _known.read_at = -_READ_EVERY


def shut_until(port: str) -> datetime | None:
    """Until when nothing may go to `port`; None if the caller may call now.

    Where the time is over, the first caller may, and the others wait for what he learns. In the
    caller's transaction, which never waits for another's: two that try two ports in either order
    would wait for each other.
    """
    _look()
    until = _known.shut_until.get(port)
    if until is None:
        return None
    now = machine_now()
    if until > now:
        return until
    forget()
    if _is_mine(port, now=now):
        return None
    found = PortHealth.objects.filter(port=port).values_list("shut_until", flat=True).first()
    if found is None:
        return None
    # Not over any more; or another is about to try, and has not said so yet.
    return found if found > now else now + PROBING


@transaction.atomic
def _is_mine(port: str, *, now: datetime) -> bool:
    """Whether the caller is the one who goes out to see."""
    rows = PortHealth.objects.select_for_update(skip_locked=True)
    found = rows.filter(port=port, shut_until__lte=now).first()
    if found is None:
        return False
    found.shut_until = now + PROBING
    found.save(update_fields=["shut_until"])
    return True


def is_shut(port: str) -> bool:
    """Whether `port` is being left alone; changes nothing."""
    _look()
    return port in _known.shut_until


def note_answer(port: str) -> None:
    """`port` has answered, be it no: it works. Called with no transaction open."""
    _look()
    if port in _known.silent:
        PortHealth.objects.filter(port=port).update(
            silences=0, shut_until=None, changed_at=machine_now()
        )
        forget()


def note_silence(port: str, *, error: str) -> bool:
    """`port` did not answer; whether it is shut now. Called with no transaction open."""
    now = machine_now()
    with connection.cursor() as cursor:
        cursor.execute(_SILENT, {"port": port, "error": error[:200], "now": now})
        (silences,) = cursor.fetchone()
    forget()
    if silences < MOST_SILENCES:
        return False
    until = now + shut_for(silences - MOST_SILENCES)
    PortHealth.objects.filter(port=port, silences=silences).update(shut_until=until)
    return True


def _look() -> None:
    if time.monotonic() - _known.read_at < _READ_EVERY:
        return
    rows = list(PortHealth.objects.filter(silences__gt=0))
    _known.shut_until = {row.port: row.shut_until for row in rows if row.shut_until is not None}
    _known.silent = frozenset(row.port for row in rows)
    _known.read_at = time.monotonic()
