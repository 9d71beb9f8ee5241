"""Deposits: asked for by the policy, held, and in the end used for open bills or given back."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.accounts.services.contacts import require_verified
from commerce.events import timers
from commerce.kernel.clock import PARIS, business_now, business_today
from commerce.kernel.errors import RuleViolated
from commerce.kernel.money import total
from commerce.notifications.services import send
from commerce.payments.selectors import (
    disputed,
    payment,
    payments_of,
    refunds_of,
    was_taken_back,
)
from commerce.payments.services import effects
from subscriptions.collection.deposits import deposit_wanted, running_deposit
from subscriptions.collection.services.announcing import euros
from subscriptions.collection.services.collecting import COLLECT_AT
from subscriptions.domain.ledger import DEPOSIT_REFERENCE
from subscriptions.domain.states import SubscriptionStatus
from subscriptions.dunning.policy import policy
from subscriptions.ledger.selectors import (
    held_under,
    money_on_its_way,
    open_bills,
    paid_for_just_now,
    unapplied_under,
)
from subscriptions.ledger.services import ledger
from subscriptions.models import BillingAccount, Deposit, Subscription

TIMER = "deposit-settle"
_TOMORROW = timedelta(days=1)


def asked(context: AccountContext) -> Deposit:
    """The deposit that is asked of the contact's customer: the same until it has come; in the
    caller's transaction.

    Raises:
        Forbidden: `caller_not_verified`.
        RuleViolated: `no_deposit`: the policy asks for none, or it is held already.
    """
    require_verified(context)
    party_id = context.party_id or 0
    account = BillingAccount.objects.select_for_update(no_key=True).filter(party=party_id).first()
    wanted = deposit_wanted(party_id)
    if account is None or not wanted:
        raise RuleViolated("No deposit may be asked for.", code="no_deposit")
    return running_deposit(account) or Deposit.objects.create(
        account=account,
        amount=wanted.amount,
        asked_by=context.actor.name[:120],
        asked_at=business_now(),
    )


def note_paid(*, key: str) -> None:
    """Its payer gets a receipt, once; not of what came when it was settled already, which is not
    held."""
    paid = payment(key)
    if (
        paid.reference.startswith(DEPOSIT_REFERENCE)
        and paid.party_id is not None
        and not ledger.is_settled_deposit(paid.reference)
    ):
        send(
            code="deposit_received",
            party_id=paid.party_id,
            values={
                "amount": euros(paid.amount),
                "reference": paid.reference,
                "on": business_today(),
                "days": rules.days if (rules := policy().deposit) else 0,
            },
            reference=f"deposit/{key}",
        )


def arm(account: BillingAccount, *, last_bill_on: date) -> None:
    """A contract has ended: have what is held of the account settled, some days after the last day
    on which a bill could come."""
    rules = policy().deposit
    if rules is not None and account.deposits.filter(settled_at__isnull=True).exists():
        _settle_on(account.pk, last_bill_on + timedelta(days=rules.days))


def on_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time."""
    settle(payload["account"])


@transaction.atomic
def settle(account_id: int) -> None:
    """What is held of an account without a running contract pays for its open bills, the first due
    first; the rest goes back to the card that paid. May be repeated.

    While one of the bills, or the deposit, is just being paid, or a bank has still to say whether
    we keep the deposit, it is looked at again the next day.
    """
    account = BillingAccount.objects.select_for_update(no_key=True).get(pk=account_id)
    running = Subscription.objects.filter(account=account)
    if running.exclude(status=SubscriptionStatus.ENDED).exists():
        return
    for row in account.deposits.filter(settled_at__isnull=True).order_by("pk"):
        if not _settled(account, row):
            _settle_on(account.pk, business_today() + _TOMORROW)


def use_for_bills(account: BillingAccount) -> bool:
    """What is held of the account pays for its open bills, before they are given up; False: it has
    to wait, as above. The caller has locked the account."""
    running = account.deposits.filter(settled_at__isnull=True).order_by("pk")
    return all(_settled(account, row) for row in running)


def _settled(account: BillingAccount, row: Deposit) -> bool:
    bills = open_bills(account)
    coming = paid_for_just_now(row.reference) or disputed([row.reference])
    if coming or any(map(money_on_its_way, bills)):
        return False
    held = held_under(account, row.reference)
    ledger.let_go(account, reference=row.reference, amount=held, cause="settled")
    for bill in bills:
        ledger.pay_from(row.reference, bill)
    _give_back(account, row.reference)
    row.settled_at = business_now()
    row.save(update_fields=["settled_at"])
    return True


def _give_back(account: BillingAccount, reference: str) -> None:
    left = unapplied_under(account, reference)
    for paid in payments_of(reference):
        if not paid.is_taken or was_taken_back(paid.key):
            continue
        given = refunds_of(paid.key)
        amount = min(left, paid.amount - total(given, currency=paid.amount.currency))
        if amount.amount > 0:
            effects.refund(key=paid.key, amount=amount, sequence=len(given) + 1)
            left -= amount


def _settle_on(account_id: int, day: date) -> None:
    timers.schedule(
        key=f"{TIMER}:{account_id}",
        handler=TIMER,
        due_at=datetime.combine(day, COLLECT_AT, tzinfo=PARIS),
        payload={"account": account_id},
    )
