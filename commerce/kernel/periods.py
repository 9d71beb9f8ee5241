"""Half-open periods of local dates and month arithmetic."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

LAST_CYCLE_DAY = 28


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """The days from `start` up to but not including `end`."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"a period can't end ({self.end}) before it starts ({self.start})")

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def last_day(self) -> date:
        return self.end - timedelta(days=1)

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    def __str__(self) -> str:
        return f"[{self.start}, {self.end})"


def add_months(day: date, months: int) -> date:
    """The same day `months` later; the last day of that month where it has no such day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def full_months(start: date, end: date) -> int:
    """How many whole months lie between two days; 0 if `end` is not after `start`."""
    months = (end.year - start.year) * 12 + end.month - start.month
    while months > 0 and add_months(start, months) > end:
        months -= 1
    return max(months, 0)


def cycle_day_for(activation: date) -> int:
    """The bill day of a new account: the activation day; 29, 30 and 31 become 28."""
    return min(activation.day, LAST_CYCLE_DAY)
