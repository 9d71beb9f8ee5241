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
    """A person has an account with us."""

    party_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class ConsentRecorded(Event):
    party_id: int | None
    visitor_key: str
    purpose: str
    text_version: str
    granted: bool


@dataclass(frozen=True, slots=True)
class PasswordForgotten(Event):
    """The user asked for a way to set a new password; `key` tells one wish from another."""

    user_id: int
    key: str
