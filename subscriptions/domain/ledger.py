"""The words of the ledger: its chart of accounts, the kinds of transfer, balances."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from commerce.kernel.money import Money

LINK_REFERENCE = "link-"
"""How the references begin of payments by a link, which may name several bills."""


DEPOSIT_REFERENCE = "deposit-"
"""How the references of deposits begin."""
PART = "/part/"
"""Stands in the keys of transfers of parts that fell due on their day, before their number."""
PAY_OFF = "/pay-off/"
"""Stands in the keys of payments for parts of a bill that are not due yet, after its number."""


class Book(StrEnum):
    """The chart of accounts; each is kept per billing account. See docs/decisions.

    `UNAPPLIED` holds what is the customer's: payments that no bill has used, and credit notes.
    `DEPOSIT` holds what is his too, against what he may leave unpaid. `DEFERRED` is what of a bill
    is paid in parts and not due yet. `BANK` is our own account, `LOSS` what we gave up. `COLLECTED`
    is what bills claim for merchants, who sell in their own name; `MERCHANTS` what our invoices to
    them claim, which is set off against what we owe them in books of their own.
    """

    RECEIVABLE = "receivable"
    UNAPPLIED = "unapplied"
    PROVIDER = "provider"
    BANK = "bank"
    REVENUE = "revenue"
    VAT = "vat"
    LOSS = "loss"
    DEPOSIT = "deposit"
    COLLECTED = "collected"
    DEFERRED = "deferred"
    MERCHANTS = "merchants"


class TransferKind(StrEnum):
    """Why money moved. An `ALLOCATION` lets what is unapplied pay for a bill; a `REVERSAL` takes
    money at the bank back that was returned, or taken for somebody else's; in a `DISPUTE` the
    payer's bank takes a payment back, or gives it to us again; as a `DEPOSIT` what is unapplied is
    held, or let go again to pay for bills or to go back; as an `INSTALMENT` a part of a bill is put
    off, or falls due; by a `SET_OFF` what we owe a merchant pays for his invoice."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    PAYMENT = "payment"
    REFUND = "refund"
    ALLOCATION = "allocation"
    REVERSAL = "reversal"
    WRITE_OFF = "write_off"
    DISPUTE = "dispute"
    DEPOSIT = "deposit"
    INSTALMENT = "instalment"
    SET_OFF = "set_off"


SMALL_DIFFERENCE = Money.of("0.50")
"""What is open below this on a bill that was paid, or that no card can be charged, is given up."""


@dataclass(frozen=True, slots=True)
class TransferView:
    """`amount`, above zero, went from the credited book to the debited one; `at` is business time.

    `reference` is the order's number, or the bill's where it has none.
    """

    id: int
    at: datetime
    kind: TransferKind
    debit: Book
    credit: Book
    amount: Money
    account_id: int
    party_id: int
    party_name: str
    reference: str
    invoice: str
    key: str


@dataclass(frozen=True, slots=True)
class Balance:
    """Of one billing account: what it owes us on issued bills, and what we hold of it or owe it."""

    owed: Money
    unapplied: Money


def allocated(*, owed: Money, unapplied: Money) -> Money:
    """How much of what is unapplied pays for a bill: no more than either, and never below zero.

    Less than nothing is unapplied when a refund was quicker than its credit note.
    """
    zero = Money.zero(owed.currency)
    return max(zero, min(owed, unapplied))
