"""What billing does when payments tell it something; each may be repeated."""

from collections.abc import Mapping
from typing import Any

from commerce.kernel.money import Money
from commerce.payments.selectors import payment
from subscriptions.services import collecting, ledger


def on_payment_authorised(payload: Mapping[str, Any]) -> None:
    """Of a bill that is paid by hand; orders see to their own."""
    collecting.take(key=payload["key"])


def on_payment_settled(payload: Mapping[str, Any]) -> None:
    """The money is ours: into the ledger, and onto the bill that it was for."""
    paid = payment(payload["key"])
    if paid.party_id is not None:
        ledger.enter_payment(
            key=paid.key, party_id=paid.party_id, reference=paid.reference, amount=paid.amount
        )


def on_payment_refunded(payload: Mapping[str, Any]) -> None:
    paid = payment(payload["key"])
    if paid.party_id is not None:
        ledger.enter_refund(
            key=paid.key,
            sequence=payload["sequence"],
            party_id=paid.party_id,
            reference=paid.reference,
            amount=Money.of(payload["amount"], paid.amount.currency),
        )
