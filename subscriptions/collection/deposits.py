"""Reads: deposits, and what may be asked of whom."""

from dataclasses import dataclass
from datetime import date, datetime

from commerce.kernel.clock import PARIS
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money, total
from commerce.payments.selectors import disputed
from subscriptions.domain.dunning import EntryKind
from subscriptions.domain.ledger import DEPOSIT_REFERENCE, TransferKind
from subscriptions.domain.states import DepositState, SubscriptionStatus
from subscriptions.dunning.policy import policy
from subscriptions.ledger.selectors import held_under
from subscriptions.models import (
    BillingAccount,
    Deposit,
    DunningCase,
    DunningEntry,
    Subscription,
    Transfer,
)


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


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came for a deposit: `came` in all, first on the day `came_on`; whose it is, and how many
    `days` after the last bill of his last contract it is settled."""

    deposit: DepositView
    came: Money
    came_on: date
    payer: str
    days: int


def deposit_receipt(party_id: int, deposit_id: int) -> Receipt:
    """Raises NotFound `unknown_deposit`: there is none, it is another's, or nothing has come."""
    row = Deposit.objects.filter(pk=deposit_id, account__party=party_id).first()
    came = (
        row.account.transfers.filter(reference=row.reference, kind=TransferKind.PAYMENT)
        if row is not None
        else Transfer.objects.none()
    )
    first = came.order_by("pk").first()
    if row is None or first is None:
        raise NotFound("There is no such deposit.", code="unknown_deposit")
    rules = policy().deposit
    return Receipt(
        deposit=_view(row),
        came=total((Money(each.amount, each.currency) for each in came), currency=first.currency),
        came_on=first.at.astimezone(PARIS).date(),
        payer=row.account.party.display_name,
        days=rules.days if rules else 0,
    )


def receipts_of(party_id: int) -> tuple[int, ...]:
    """The ids of the party's deposits for which something came, the latest first; one
    query."""
    came = Transfer.objects.filter(account__party=party_id, kind=TransferKind.PAYMENT)
    names = came.filter(reference__startswith=DEPOSIT_REFERENCE).values_list("reference", flat=True)
    ids = {int(name.removeprefix(DEPOSIT_REFERENCE)) for name in names}
    return tuple(sorted(ids, reverse=True))


def held_deposit(party_id: int) -> Money:
    """What is held of the party just now."""
    return next((each.held for each in deposits_of(party_id) if each.held), Money.zero())


def running_deposit(account: BillingAccount) -> Deposit | None:
    """The one that was asked for, and is not settled."""
    return Deposit.objects.filter(account=account, settled_at__isnull=True).first()


def deposit_wanted(party_id: int) -> Money:
    """What may be asked of the party: what has still to come for the deposit that was asked for,
    else what the policy says. Zero without a running contract of its own, whose end would settle
    it."""
    account = BillingAccount.objects.filter(party=party_id).order_by("pk").first()
    running_ones = Subscription.objects.exclude(status=SubscriptionStatus.ENDED)
    if account is None or not running_ones.filter(account=account).exists():
        return Money.zero()
    running = running_deposit(account)
    if running is not None:
        return open_deposit(account, running.reference)
    return _by_policy(party_id)


def _by_policy(party_id: int) -> Money:
    rules = policy().deposit
    if rules is None:
        return Money.zero()
    cases = DunningCase.objects.filter(account__party=party_id)
    lost = DunningEntry.objects.filter(case__in=cases, kind=EntryKind.LOST)
    marks = set(cases.values_list("grade", flat=True))
    return rules.asked_of(marks | ({EntryKind.LOST.value} if lost.exists() else set()))


def open_deposit(account: BillingAccount, reference: str) -> Money:
    """What has still to come for a deposit that was asked for under `reference`; zero of any other
    reference, and while a bank has still to say whether we keep what came."""
    nothing, row = Money.zero(account.currency), running_deposit(account)
    if row is None or row.reference != reference or disputed([reference]):
        return nothing
    return max(nothing, Money(row.amount, account.currency) - held_under(account, reference))


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
