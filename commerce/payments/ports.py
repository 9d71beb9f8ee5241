"""What we need of a payment provider, in our words. Two errors: `Refused` and `Unknown`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from commerce.kernel.money import Money


@dataclass(frozen=True, slots=True)
class PayLine:
    """A line of what is paid, as the customer reads it; `amount` is for one piece, with tax."""

    label: str
    amount: Money
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """A hosted page to be opened. The same `key` always carries the same values."""

    key: str
    amount: Money
    lines: tuple[PayLine, ...]
    reference: str
    email: str
    language: str
    success_url: str
    cancel_url: str
    expires_at: datetime
    customer_id: str


@dataclass(frozen=True, slots=True)
class OpenedCheckout:
    session_id: str
    url: str


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """A saved card to be charged without its holder. The same `key` always carries the same."""

    key: str
    amount: Money
    reference: str
    customer_id: str
    method_id: str


class Outcome(StrEnum):
    """What became of a hosted page. After a declined card it is still open: people try again."""

    OPEN = "open"
    AUTHORISED = "authorised"
    SETTLED = "settled"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class PaymentReport:
    outcome: Outcome
    intent_id: str = ""
    customer_id: str = ""
    method_id: str = ""
    card_brand: str = ""
    card_last4: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TakenMoney:
    """What the provider took and gave back of one payment; `key` is empty for one not of ours."""

    key: str
    intent_id: str
    taken: Money
    refunded: Money


@dataclass(frozen=True, slots=True)
class Notice:
    """A webhook whose signature holds. `key` and `session_id` are empty when it names none."""

    event_id: str
    type: str
    payload: Mapping[str, Any]
    key: str
    session_id: str
    intent_id: str


class PaymentGateway(Protocol):
    """Each call carries our key; the provider does what it names once, however often it comes.

    All raise `Refused` (sending it again is useless) and `Unknown` (it may have happened or not).
    """

    def open_checkout(self, request: CheckoutRequest) -> OpenedCheckout:
        """A page where the customer authorises `amount`; nothing is captured."""

    def report(self, *, session_id: str) -> PaymentReport:
        """What became of the page."""

    def capture(self, *, key: str, intent_id: str, amount: Money) -> str:
        """Take the authorised money, all or less; returns the provider's id."""

    def close(self, *, key: str, session_id: str) -> str:
        """End a page that nobody has paid on; Refused if somebody has."""

    def release(self, *, key: str, intent_id: str) -> str:
        """Give an authorisation back."""

    def refund(self, *, key: str, intent_id: str, amount: Money) -> str:
        """Pay captured money back, all or less; returns the refund's id."""

    def charge(self, request: ChargeRequest) -> PaymentReport:
        """Take the money from a saved card now; Refused carries the bank's reason as its code."""

    def find_charge(self, *, key: str, customer_id: str) -> PaymentReport | None:
        """What became of a charge: settled, or open with the reason why; None: it never came."""

    def taken_since(self, since: datetime) -> Iterable[TakenMoney]:
        """All money that was taken since that instant of the provider's clock, by his own list."""

    def forget_method(self, *, key: str, method_id: str) -> None:
        """Let go of a saved card; Refused if it is gone already."""

    def read_notice(self, *, body: bytes, signature: str) -> Notice:
        """Check a webhook's signature and read it.

        Raises:
            InvalidInput: the signature doesn't hold, is too old, or the body is no event.
        """
