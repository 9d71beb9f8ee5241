"""The documented test bank accounts, and what a debit of each comes to. No other is debited."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

FRENCH_BANK = slice(4, 9)
GERMAN_BANK = slice(4, 12)
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class TestAccount:
    """`days`, of those on which banks work, until the outcome of a debit is known; `failure` is the
    bank's reason, `disputed`: its holder has the money back at once."""

    __test__ = False

    iban: str
    days: int = 5
    failure: str | None = None
    disputed: bool = False

    @property
    def country(self) -> str:
        return self.iban[:2]

    @property
    def bank_code(self) -> str:
        return self.iban[FRENCH_BANK if self.country == "FR" else GERMAN_BANK]

    @property
    def last4(self) -> str:
        return self.iban[-4:]

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"account {self.iban}".encode()).hexdigest()[:16]


# Of accounts whose debits fail Stripe documents that they do, not the bank's reason: they are ours.
ACCOUNTS = {
    account.iban: account
    for account in (
        TestAccount("FR1420041010050500013M02606"),
        TestAccount("FR3020041010050500013M02609", days=10),
        TestAccount("FR8420041010050500013M02607", days=3, failure="account_closed"),
        TestAccount("FR7920041010050500013M02600", days=8, failure="debit_not_authorized"),
        TestAccount("FR9720041010050000002222227", days=3, failure="insufficient_funds"),
        TestAccount("FR5720041010050500013M02608", disputed=True),
        TestAccount("DE89370400440532013000"),
        TestAccount("DE62370400440532013001", days=3, failure="account_closed"),
        TestAccount("DE35370400440532013002", disputed=True),
    )
}
BY_FINGERPRINT = {account.fingerprint: account for account in ACCOUNTS.values()}
FAILURES = {
    "account_closed": "The customer's bank account has been closed.",
    "debit_not_authorized": "The customer has notified their bank that this debit is unauthorized.",
    "insufficient_funds": "The customer's account has insufficient funds to cover this payment.",
}
LASTING = frozenset({"account_closed", "debit_not_authorized"})
"""After these no further debit under the mandate can succeed."""


def outcome_at(moment: int, *, days: int) -> int:
    """`moment` (seconds) and `days` of Monday to Friday later."""
    day = datetime.fromtimestamp(moment, UTC)
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < SATURDAY
    return int(day.timestamp())
