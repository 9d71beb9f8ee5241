"""Working days ("jours ouvrables"): Monday to Saturday, but for the 11 national holidays.

Number portability is national, so the calendar is that of metropolitan France.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache

import holidays

SUNDAY = 6


@lru_cache(maxsize=64)
def holidays_of(year: int) -> Mapping[date, str]:
    """The national holidays of a year with their French names."""
    return dict(holidays.country_holidays("FR", years=year, language="fr").items())


def is_working_day(day: date) -> bool:
    return day.weekday() != SUNDAY and day not in holidays_of(day.year)


def add_working_days(day: date, *, days: int) -> date:
    """The day that comes `days` working days after `day`, which itself never counts.

    Raises:
        ValueError: `days` is negative.
    """
    if days < 0:
        raise ValueError("working days are counted forwards")
    while days:
        day += timedelta(days=1)
        days -= is_working_day(day)
    return day
