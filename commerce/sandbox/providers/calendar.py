"""Days and slots of the French porting process, in Paris time."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
SLOT = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]")
CANCEL_UNTIL = time(20, 0)
"""On the eve of the cut-over."""


def is_working(day: date) -> bool:
    """Monday to Saturday except the eleven national holidays."""
    return day.weekday() != 6 and day not in _holidays(day.year)


def local_day(instant: float) -> date:
    return datetime.fromtimestamp(instant, PARIS).date()


def slot_start(day: date, slot: str) -> float:
    """The instant at which `slot` ("08:00-12:00") begins on `day`."""
    return datetime.combine(day, time.fromisoformat(slot[:5]), PARIS).astimezone(UTC).timestamp()


def last_cancellation(day: date) -> float:
    """The instant until which a porting on `day` may be cancelled."""
    return datetime.combine(day - timedelta(days=1), CANCEL_UNTIL, PARIS).timestamp()


def _holidays(year: int) -> set[date]:
    easter = _easter(year)
    moving = {easter + timedelta(days=after) for after in (1, 39, 50)}
    fixed = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
    return moving | {date(year, month, day) for month, day in fixed}


def _easter(year: int) -> date:
    """Easter Sunday in the Gregorian calendar (anonymous algorithm)."""
    century, rest = divmod(year, 100)
    golden = year % 19
    epact = (
        19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15
    ) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)
