"""Billing accounts: opened when a party first owes something, joined by its later contracts."""

from commerce.accounts.kinds import Segment
from commerce.kernel.clock import business_now
from commerce.kernel.tax import Basis
from subscriptions.models import BillingAccount

BUSINESS_PAYMENT_DAYS = 30


def basis_of(segment: str) -> Basis:
    """Consumers' prices include tax, business prices don't."""
    return Basis.HT if segment == Segment.BUSINESS else Basis.TTC


def payment_days_for(segment: str) -> int:
    """How long a new account has to pay a bill."""
    return BUSINESS_PAYMENT_DAYS if segment == Segment.BUSINESS else 0


def locked_account(*, party_id: int, segment: str) -> BillingAccount:
    """The party's account, opened if it has none, locked until the transaction ends.

    Like all locks of accounts without its key: the bill run enters transfers that refer to accounts
    it has not locked, while it holds the numbers that whoever locked one may be waiting for.
    """
    _open(party_id=party_id, segment=segment)
    return BillingAccount.objects.select_for_update(no_key=True).get(party_id=party_id, name="main")


def opened_account(*, party_id: int, segment: str) -> int:
    """The id of the party's account, which is opened if it has none."""
    _open(party_id=party_id, segment=segment)
    return BillingAccount.objects.only("pk").get(party_id=party_id, name="main").pk


def _open(*, party_id: int, segment: str) -> None:
    BillingAccount.objects.bulk_create(
        [
            BillingAccount(
                party_id=party_id,
                segment=segment,
                basis=basis_of(segment).value,
                payment_days=payment_days_for(segment),
                opened_at=business_now(),
            )
        ],
        ignore_conflicts=True,
    )
