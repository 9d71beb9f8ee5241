"""What payments tell the layers above; they know no invoice and no order, only keys."""

from dataclasses import dataclass

from commerce.events.outbox import Event


@dataclass(frozen=True, slots=True)
class PaymentAuthorised(Event):
    """The money is reserved on the customer's card; nothing is taken yet."""

    key: str
    reference: str


@dataclass(frozen=True, slots=True)
class PaymentSettled(Event):
    """The money is taken."""

    key: str
    reference: str


@dataclass(frozen=True, slots=True)
class PaymentDeclined(Event):
    """This payment won't come; `reason` is the provider's code."""

    key: str
    reference: str
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentCancelled(Event):
    """Nobody paid in time, or the authorisation was given back; nothing was taken."""

    key: str
    reference: str


@dataclass(frozen=True, slots=True)
class PaymentRefunded(Event):
    """`amount` (text, euros) went back to the customer."""

    key: str
    reference: str
    sequence: int
    amount: str


@dataclass(frozen=True, slots=True)
class DisputeMoved(Event):
    """A payment's holder has his bank take it back, or that was decided; `state` says how it stands
    and `withdrawn` whether the money is with the bank just now."""

    key: str
    reference: str
    dispute_id: str
    state: str
    amount: str
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class MethodChosen(Event):
    """Bills of the party are charged to another card or account from now on."""

    party_id: int
    saved_id: int


@dataclass(frozen=True, slots=True)
class MethodUnusable(Event):
    """Nothing can be charged to a saved account any more: `reason` is the bank's."""

    party_id: int
    saved_id: int
    last4: str
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentEffectRefused(Event):
    """The provider refused a capture, cancellation or refund; a person has to look."""

    key: str
    reference: str
    kind: str
    reason: str
