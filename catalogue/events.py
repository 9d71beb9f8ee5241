"""What happens to the catalogue."""

from dataclasses import dataclass
from datetime import date, datetime

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


@dataclass(frozen=True, slots=True)
class ComingDayMoved(Event):
    """A partner expects pieces on another day than he had said; `keys` name those who hold some, or
    have bought them. Pieces that are there leave after `lead_days` working days."""

    partner: str
    offering: str
    before: date
    after: date
    lead_days: int
    keys: list[str]
