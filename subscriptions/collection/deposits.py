"""Reads: deposits, and what may be asked of whom."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from commerce.kernel.money import Money
from subscriptions.domain.dunning import EntryKind
from subscriptions.domain.ledger import Book, TransferKind
from subscriptions.domain.states import DepositState
from subscriptions.dunning.policy import policy
from subscriptions.ledger.selectors import NOTHING, held_under
from subscriptions.models import BillingAccount, Deposit, DunningCase, DunningEntry


@dataclass(frozen=True, slots=True)
class DepositView:
    """`held` is with us just now of the `amount` that was asked."""

    id: int
    reference: str
    amount: Money
    held: Money
    state: DepositState
    asked_at: datetime
    asked_by: str


def deposits_of(party_id: int) -> tuple[DepositView, ...]:
    """The latest first."""
    rows = Deposit.objects.filter(account__party=party_id).select_related("account")
    return tuple(_view(row) for row in rows.order_by("-pk"))


def held_deposit(party_id: int) -> Money:
    """What is held of the party just now."""
    return next((each.held for each in deposits_of(party_id) if each.held), Money.zero())


def deposit_wanted(party_id: int) -> Money:
    """What may be asked of the party by the policy; zero if nothing may, or a deposit is asked for
    or held already."""
    rules = policy().deposit
    running = Deposit.objects.filter(account__party=party_id, settled_at__isnull=True)
    if rules is None or running.exists():
        return Money.zero()
    cases = DunningCase.objects.filter(account__party=party_id)
    lost = DunningEntry.objects.filter(case__in=cases, kind=EntryKind.LOST)
    marks = set(cases.values_list("grade", flat=True))
    return rules.asked_of(marks | ({EntryKind.LOST.value} if lost.exists() else set()))


def open_deposit(account: BillingAccount, reference: str) -> Money:
    """What has still to come for a deposit that was asked for under `reference`; zero of any other
    reference."""
    nothing = Money.zero(account.currency)
    running = Deposit.objects.filter(account=account, settled_at__isnull=True)
    row = next((each for each in running if each.reference == reference), None)
    if row is None:
        return nothing
    came = account.transfers.filter(
        reference=reference, kind=TransferKind.DEPOSIT, credit=Book.DEPOSIT
    ).aggregate(sum=Sum("amount"))["sum"]
    return max(nothing, Money(row.amount - (came or NOTHING), account.currency))


def _view(row: Deposit) -> DepositView:
    held = held_under(row.account, row.reference)
    state = DepositState.HELD if held else DepositState.ASKED
    return DepositView(
        id=row.pk,
        reference=row.reference,
        amount=Money(row.amount, row.account.currency),
        held=held,
        state=DepositState.SETTLED if row.settled_at is not None else state,
        asked_at=row.asked_at,
        asked_by=row.asked_by,
    )
