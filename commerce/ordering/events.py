"""What ordering tells the rest of the house."""

from dataclasses import dataclass
from datetime import date

from commerce.events.outbox import Event


@dataclass(frozen=True, slots=True)
class OrderPlaced(Event):
    """An order is written; it may still wait for approval, acceptance or payment."""

    number: str
    party_id: int
    state: str


@dataclass(frozen=True, slots=True)
class OrderAccepted(Event):
    """We are bound: it is to be fulfilled and its one-off charges are to be billed."""

    number: str
    party_id: int


@dataclass(frozen=True, slots=True)
class OrderConfirmed(Event):
    """The customer agrees to what was prepared for him; it waits for his payment."""

    number: str
    party_id: int


@dataclass(frozen=True, slots=True)
class OrderBegun(Event):
    """Fulfilment has begun: from here on cancelling takes back what was done."""

    number: str
    party_id: int


@dataclass(frozen=True, slots=True)
class OrderItemActivated(Event):
    """A line of the order is in service."""

    number: str
    party_id: int
    line_id: str


@dataclass(frozen=True, slots=True)
class OrderCompleted(Event):
    """Everything that was ordered is delivered and in service, or was taken back."""

    number: str
    party_id: int


@dataclass(frozen=True, slots=True)
class OrderCancelled(Event):
    """It was cancelled or rejected, and what fulfilment had begun is undone; nothing is held for it
    any more."""

    number: str
    party_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class OrderBundleCancelled(Event):
    """One bundle of an accepted order was cancelled, and what was begun of it is undone."""

    number: str
    party_id: int
    group: str


@dataclass(frozen=True, slots=True)
class ApprovalAsked(Event):
    """An order above the buyer's limit waits for `asked_of` (a membership) or a better one."""

    number: str
    party_id: int
    asked_of: int | None


@dataclass(frozen=True, slots=True)
class ParcelDayMoved(Event):
    """A parcel of a bundle that waits for its pieces waits for another day; parcels are written
    as fulfilment writes them."""

    number: str
    party_id: int
    group: str
    before: str
    after: str
    expected_on: date


@dataclass(frozen=True, slots=True)
class NextOfferAccepted(Event):
    """A customer said yes to what was proposed: where that leads (`entry`, `step`), for which line
    (0: not active yet) and which offering. What he orders is told by its own events."""

    offer: int
    party_id: int
    rule: str
    entry: str
    step: str
    line: int
    offering: str
