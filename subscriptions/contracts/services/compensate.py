"""Compensations: what a contract gets back on its next bill for a fault of ours."""

from collections.abc import Mapping
from datetime import date

from django.db import transaction

from commerce.kernel.clock import PARIS, business_now
from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from subscriptions.accounts.services.calendar import run_instant
from subscriptions.domain.states import SubscriptionStatus
from subscriptions.invoicing.services.drafting import COMPENSATION
from subscriptions.models import (
    BillingAccount,
    Compensation,
    ItemCharge,
    PromiseLine,
    Subscription,
)


@transaction.atomic
def compensate(
    *,
    reference: str,
    order_number: str,
    group: str,
    amount: Money,
    days: Period,
    names: Mapping[str, str],
    line_id: str = "",
) -> date | None:
    """Give the contract of that order's group `amount` back on its next bill; the day of that bill.

    In the account's basis (tax included for consumers), as a reduction of what it is given for, at
    its tax (CGI art. 267 II 1°): the item `line_id`, or where that is none that runs and costs
    something, what the contract costs most in a month. It is promised at once, so that a bill
    without it is held. None, and nothing is kept, if no such contract runs here or no bill of it is
    to come. May be repeated: the day of the first time is answered.
    """
    contract = Subscription.objects.filter(order_number=order_number, group=group).first()
    if contract is None:
        return None
    account = BillingAccount.objects.select_for_update(no_key=True).get(pk=contract.account_id)
    known = Compensation.objects.filter(reference=reference).first()
    if known is not None:
        return known.due_on
    contract.refresh_from_db(fields=["status"])
    reduced = _reduced(contract, line_id=line_id)
    if (
        reduced is None
        or contract.promise_id is None
        or account.next_bill_on is None
        or contract.status == SubscriptionStatus.ENDED
    ):
        return None
    given = Compensation.objects.create(
        subscription=contract,
        reference=reference,
        amount=amount.amount,
        tax_class=reduced.tax_class,
        tax_rate=reduced.tax_rate,
        starts_on=days.start,
        ends_on=days.end,
        names=dict(names),
        due_on=account.next_bill_on,
        granted_at=business_now(),
    )
    PromiseLine.objects.create(
        promise_id=contract.promise_id,
        item=reference,
        charge=COMPENSATION,
        period=1,
        amount=-given.amount,
        tax_class=given.tax_class,
        tax_rate=given.tax_rate,
        starts_on=given.starts_on,
        due_on=given.due_on,
    )
    return given.due_on


def bring_forward(account: BillingAccount, *, from_on: date) -> None:
    """What waits for the account's bill of the day `from_on` stands on that of the next run, which
    comes sooner by now. The caller has locked the account."""
    assert account.next_bill_on is not None
    on = run_instant(account.next_bill_on, now=business_now()).astimezone(PARIS).date()
    waiting = Compensation.objects.filter(subscription__account=account, due_on=from_on)
    named = dict(waiting.values_list("reference", "subscription__promise"))
    if named:
        waiting.update(due_on=on)
        PromiseLine.objects.filter(
            promise__in=set(named.values()), item__in=list(named), due_on=from_on
        ).update(due_on=on)


def _reduced(contract: Subscription, *, line_id: str) -> ItemCharge | None:
    """The running charge that is reduced; None where nothing runs."""
    rows = ItemCharge.objects.filter(item__subscription=contract, item__until_on__isnull=True)
    charges = list(rows.select_related("item").order_by("pk"))
    named = [each for each in charges if each.item.line_id == line_id and each.amount]
    return max(
        named or charges,
        key=lambda charge: charge.amount * charge.quantity / charge.every_months,
        default=None,
    )
