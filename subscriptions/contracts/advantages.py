"""What a party's lines are given beside one another, and from when that may be otherwise."""

from datetime import date

from django.db.models.functions import Coalesce

from subscriptions.contracts.selectors import RUNNING, subscriptions_of
from subscriptions.domain.invoice import bill_period
from subscriptions.domain.views import SubscriptionView
from subscriptions.models import ItemBenefit, Subscription


def running_lines(party_id: int) -> tuple[SubscriptionView, ...]:
    """The party's running contracts with a number, in the order in which they began."""
    found = [each for each in subscriptions_of(party_id) if each.status in RUNNING and each.msisdn]
    return tuple(sorted(found, key=lambda each: (each.activated_on, each.id)))


def advantages_of_lines(party_id: int) -> frozenset[tuple[int, str, str]]:
    """The advantages of all that the party's lines hold, also those whose months are over: the
    line, the code and the number of the order that brought it; one query."""
    rows = ItemBenefit.objects.filter(
        charge__item__until_on__isnull=True,
        charge__item__subscription__party=party_id,
        charge__item__subscription__status__in=RUNNING,
    )
    item = "charge__item__"
    order = Coalesce(f"{item}begun_by__order_number", f"{item}subscription__order_number")
    found = rows.annotate(order=order).values_list(f"{item}subscription", "code", "order")
    return frozenset(found.distinct())


def bill_day_after(subscription_id: int, *, day: date) -> date:
    """The first day after `day` that begins a bill of the contract's account."""
    account = Subscription.objects.select_related("account").get(pk=subscription_id).account
    found = account.next_bill_on or day
    while found <= day:
        found = bill_period(found, cycle_day=account.cycle).end
    return found
