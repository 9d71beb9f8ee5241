"""What happens to the catalogue."""

from dataclasses import dataclass
from datetime import datetime

from commerce.events.outbox import Event


@dataclass(frozen=True, slots=True)
class ReleasePublished(Event):
    """A release was made; it is sold from `sold_from` (business time) on."""

    release: int
    sold_from: datetime


@dataclass(frozen=True, slots=True)
class ReleaseInForce(Event):
    """The day of a release has come. Every process sells it already: it reads the business clock.

    For those who prepare something from what is sold.
    """

    release: int
