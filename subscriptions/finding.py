"""Finding whose contract somebody speaks of, and what the next bills of a party will be."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import connection

from commerce.kernel.money import Money
from subscriptions.models import Invoice, Subscription


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


_COMING = """
SELECT line.starts_on, sum(line.amount) FILTER (WHERE line.benefit = ''), sum(line.amount)
  FROM subscriptions_promiseline AS line
  JOIN subscriptions_promise AS promise ON promise.id = line.promise_id
  JOIN subscriptions_subscription AS contract
    ON contract.order_number = promise.order_number AND contract.group = promise.group
 WHERE contract.party_id = %s AND line.starts_on >= %s
 GROUP BY line.starts_on ORDER BY line.starts_on LIMIT %s
"""


def coming_bills(party_id: int, *, since: date, count: int = 12) -> tuple[ComingBill, ...]:
    """The promised recurring bills from `since` on, the contracts of the party taken together.

    Contracts whose promises start on the same day stand on one bill.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COMING, [party_id, since, count])
        return tuple(
            ComingBill(on, Money(listed or Decimal(0)), Money(amount))
            for on, listed, amount in cursor.fetchall()
        )
