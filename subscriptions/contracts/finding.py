"""Finding whose contract somebody speaks of, and what the next bills of a party will be."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import connection

from commerce.kernel.money import Money
from subscriptions.domain.states import SubscriptionStatus
from subscriptions.models import Invoice, InvoiceLine, Subscription, SubscriptionChange


@dataclass(frozen=True, slots=True)
class ComingBill:
    """What all contracts of a party together were promised for one bill day."""

    on: date
    list_amount: Money
    amount: Money


def parties_of(*, reference: str = "", msisdn: str = "") -> frozenset[int]:
    """The parties that have a contract of that order, a bill of that number, or that line."""
    found: set[int] = set()
    if msisdn:
        rows = Subscription.objects.filter(msisdn=msisdn)
        found.update(rows.values_list("party_id", flat=True))
    if reference:
        rows = Subscription.objects.filter(order_number=reference)
        found.update(rows.values_list("party_id", flat=True))
        bills = Invoice.objects.filter(number=reference)
        found.update(bills.values_list("account__party_id", flat=True))
    return frozenset(found)


def bundles_on_bill(number: str) -> frozenset[tuple[str, str]]:
    """Of what a bill speaks: the order and group with which each contract began, or was bought;
    its lines name the order that brought what they are about, which may be a change."""
    rows = InvoiceLine.objects.filter(invoice__number=number)
    named = set(rows.values_list("order_number", "group").distinct())
    changes = SubscriptionChange.objects.filter(order_number__in={order for order, _ in named})
    began = {
        (order, group): (first, bundle)
        for order, group, first, bundle in changes.values_list(
            "order_number", "group", "subscription__order_number", "subscription__group"
        )
    }
    return frozenset(began.get(each, each) for each in named)


def contracts_running(party_id: int) -> Mapping[tuple[str, str], bool]:
    """The party's contracts by order and group, and whether they have not ended."""
    rows = Subscription.objects.filter(party_id=party_id)
    found = rows.values_list("order_number", "group", "status")
    return {(order, group): status != SubscriptionStatus.ENDED for order, group, status in found}


def running_contracts(party_id: int) -> frozenset[tuple[str, str]]:
    """Those of the party that have not ended, by order and group."""
    return frozenset(key for key, runs in contracts_running(party_id).items() if runs)


_COMING = """
WITH promised AS (
    SELECT promise_id, party_id FROM subscriptions_subscription
     UNION ALL
    SELECT change.promise_id, contract.party_id
      FROM subscriptions_subscriptionchange AS change
      JOIN subscriptions_subscription AS contract ON contract.id = change.subscription_id
)
SELECT line.due_on, sum(line.amount) FILTER (WHERE line.benefit = ''), sum(line.amount)
  FROM subscriptions_promiseline AS line JOIN promised USING (promise_id)
 WHERE promised.party_id = %s AND line.due_on >= %s AND line.superseded_by_id IS NULL
   AND NOT EXISTS (
       SELECT FROM subscriptions_paidcontinuation AS asked
         JOIN subscriptions_subscriptionitem AS item ON item.id = asked.item_id
         JOIN subscriptions_subscription AS contract ON contract.id = item.subscription_id
         LEFT JOIN subscriptions_subscriptionchange AS begun ON begun.id = item.begun_by_id
        WHERE contract.party_id = %s AND asked.agreed IS NOT TRUE
          AND coalesce(begun.promise_id, contract.promise_id) = line.promise_id
          AND item.line_id = line.item AND line.due_on >= asked.costs_on)
 GROUP BY line.due_on ORDER BY line.due_on LIMIT %s
"""


def coming_bills(party_id: int, *, since: date, count: int = 12) -> tuple[ComingBill, ...]:
    """The promised recurring bills from `since` on, the contracts of the party taken together.

    Contracts that are billed on the same day stand on one bill. What is free until somebody agrees
    to pay for it is left out as long as nobody does.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COMING, [party_id, since, party_id, count])
        return tuple(
            ComingBill(on, Money(listed or Decimal(0)), Money(amount))
            for on, listed, amount in cursor.fetchall()
        )
