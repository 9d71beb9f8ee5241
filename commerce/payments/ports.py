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


LINKED = "link"
"""The purpose of payments by a link: whoever has it may pay, for somebody else too."""


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """A hosted page to be opened. The same `key` always carries the same values. With `keeps` its
    card is kept for later charges, as the page says."""

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
    keeps: bool = True


@dataclass(frozen=True, slots=True)
class OpenedCheckout:
    session_id: str
    url: str


class MethodKind(StrEnum):
    CARD = "card"
    SEPA_DEBIT = "sepa_debit"


@dataclass(frozen=True, slots=True)
class SetupRequest:
    """A hosted page on which a method is added and nothing paid; as `CheckoutRequest`."""

    key: str
    kind: MethodKind
    email: str
    language: str
    success_url: str
    cancel_url: str
    expires_at: datetime
    customer_id: str


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """A saved method to be charged without its holder. The same `key` always carries the same."""

    key: str
    amount: Money
    reference: str
    customer_id: str
    method_id: str
    kind: MethodKind = MethodKind.CARD


@dataclass(frozen=True, slots=True)
class SentCharge:
    """A charge that was sent before, to be looked for; `intent_id` if the provider answered, and it
    was not sent before `since`."""

    key: str
    customer_id: str
    intent_id: str
    since: datetime


class Outcome(StrEnum):
    """What became of a payment. After a declined card its page is still open: people try again.
    A debit is being processed for some days, until the customer's bank has paid."""

    OPEN = "open"
    PROCESSING = "processing"
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
class Method:
    """A card or an account that its holder lets us charge. The ids are the provider's; the number
    is never ours. Of a debit, the reference of the mandate (UMR) and the code of the bank."""

    kind: MethodKind
    customer_id: str
    method_id: str
    card_brand: str
    card_last4: str
    bank_code: str = ""
    mandate_id: str = ""
    mandate_reference: str = ""


@dataclass(frozen=True, slots=True)
class SetupReport:
    """What became of a page on which a method is added; with `SETTLED`, the method."""

    outcome: Outcome
    method: Method | None = None


class DisputeState(StrEnum):
    """ASKED: the bank wants to know only. DROPPED: it does nothing more."""

    ASKED = "asked"
    OPEN = "open"
    REVIEWED = "reviewed"
    WON = "won"
    LOST = "lost"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class DisputeReport:
    """How a dispute of the payment `key` stands; `withdrawn`: the bank has taken the money back,
    `reinstated`: we have it again. `evidence_until` (UTC): no answer is taken later; None: none is
    asked for."""

    dispute_id: str
    key: str
    intent_id: str
    amount: Money
    reason: str
    state: DisputeState
    evidence_until: datetime | None
    opened_at: datetime
    withdrawn: bool
    reinstated: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """A webhook whose signature holds. What it does not name is empty."""

    event_id: str
    type: str
    payload: Mapping[str, Any]
    key: str
    session_id: str
    intent_id: str
    dispute_id: str = ""
    mandate_id: str = ""


class PaymentGateway(Protocol):
    """Each call carries our key; the provider does what it names once, however often it comes.

    All raise `Refused` (sending it again is useless) and `Unknown` (it may have happened or not).
    """

    def open_checkout(self, request: CheckoutRequest) -> OpenedCheckout:
        """A page where the customer authorises `amount`; nothing is captured."""

    def open_setup(self, request: SetupRequest) -> OpenedCheckout:
        """A page where the customer adds a method; for a debit he gives the mandate there."""

    def report_setup(self, *, session_id: str) -> SetupReport:
        """What became of such a page."""

    def mandate_holds(self, *, mandate_id: str) -> bool:
        """Whether debits may be made under it."""

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
        """Take the money from a saved card now, or begin the debit of an account; Refused carries
        the bank's reason as its code."""

    def find_charge(self, sent: SentCharge) -> PaymentReport | None:
        """What became of a charge: settled, being processed, or open with the reason why; None: it
        never came."""

    def dispute(self, *, dispute_id: str) -> DisputeReport:
        """How it stands now."""

    def disputes_since(self, since: datetime) -> Iterable[DisputeReport]:
        """All that were opened since that instant of the provider's clock."""

    def taken_since(self, since: datetime) -> Iterable[TakenMoney]:
        """All money that was taken since that instant of the provider's clock, by his own list."""

    def forget_method(self, *, key: str, method_id: str) -> None:
        """Let go of a saved method; Refused if it is gone already."""

    def read_notice(self, *, body: bytes, signature: str) -> Notice:
        """Check a webhook's signature and read it.

        Raises:
            InvalidInput: the signature doesn't hold, is too old, or the body is no event.
        """
