"""What accounts tell the layers above."""

from dataclasses import dataclass

from commerce.events.outbox import Event


@dataclass(frozen=True, slots=True)
class VisitorIdentified(Event):
    """What carried `visitor_key` (carts, consents) now belongs to the party."""

    visitor_key: str
    party_id: int


@dataclass(frozen=True, slots=True)
class CustomerRegistered(Event):
    party_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class ConsentRecorded(Event):
    party_id: int | None
    visitor_key: str
    purpose: str
    text_version: str
    granted: bool
