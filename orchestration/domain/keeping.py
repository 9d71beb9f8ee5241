"""How long something is kept for somebody who does not come for it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Keeping:
    """Kept for `days` of business time; after `remind_after` days the customer gets the message
    `reminder`, at the end an operator decides, by the `cause`."""

    days: int
    remind_after: int
    reminder: str
    cause: str

    def looks_at(self, since: datetime) -> tuple[datetime, datetime]:
        """When he is reminded, and when it ends."""
        return since + timedelta(days=self.remind_after), self.ends_at(since)

    def ends_at(self, since: datetime) -> datetime:
        return since + timedelta(days=self.days)


PICK_UP = Keeping(days=10, remind_after=7, reminder="pick_up_reminder", cause="not_collected")
KEPT: Mapping[str, Keeping] = {"pick_up.collected": PICK_UP}
"""By the callback that says that somebody came."""
