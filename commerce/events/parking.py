"""An operator's remedy for work that failed too often."""

from commerce.events.models import Delivery, Timer
from commerce.events.work import retry_parked


def retry(*, kind: str, row_id: int) -> bool:
    """Give the parked row a fresh set of tries; False if it is not parked (any more)."""
    if kind == "delivery":
        return bool(retry_parked(Delivery, ids=[row_id]))
    return kind == "timer" and bool(retry_parked(Timer, ids=[row_id]))
