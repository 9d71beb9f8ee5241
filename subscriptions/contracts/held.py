"""What contracts held in a month and what of it stands on bills, by the order lines that began it;
read back by SQL."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

_HELD = """
WITH item AS (
    SELECT item.id, item.from_on, item.until_on,
           coalesce(change.order_number, contract.order_number) || '/' || item.line_id AS reference
      FROM subscriptions_subscriptionitem AS item
      JOIN subscriptions_subscription AS contract ON contract.id = item.subscription_id
      LEFT JOIN subscriptions_subscriptionchange AS change ON change.id = item.begun_by_id
     WHERE item.from_on <= %(last)s AND (item.until_on IS NULL OR item.until_on > %(first)s)
), day AS (
    SELECT day::date FROM generate_series(%(first)s::date, %(last)s, interval '1 day') AS day
)
SELECT item.reference, count(*),
       bool_or(EXISTS (SELECT FROM subscriptions_itemcharge WHERE item_id = item.id)),
       count(*) FILTER (WHERE EXISTS (
           SELECT FROM subscriptions_coverage AS covered
             JOIN subscriptions_itemcharge AS charge ON charge.id = covered.charge_id
            WHERE charge.item_id = item.id AND covered.live AND covered.days @> day.day))
  FROM item JOIN day ON day.day >= item.from_on
                    AND (item.until_on IS NULL OR day.day < item.until_on)
 WHERE item.reference = ANY(%(references)s)
 GROUP BY item.reference
"""


@dataclass(frozen=True, slots=True)
class HeldDays:
    """`billed` is None where the item costs nothing of its own."""

    days: int
    billed: int | None


def days_held(references: Collection[str], *, first: date, last: date) -> dict[str, HeldDays]:
    """Of the order lines `references` ("order/line"), the days from `first` to `last`, both
    included; without those that no contract held then."""
    with connection.cursor() as cursor:
        given: dict[str, Any] = {"references": [*references], "first": first, "last": last}
        cursor.execute(_HELD, given)
        return {
            str(reference): HeldDays(int(days), int(billed) if costs else None)
            for reference, days, costs, billed in cursor.fetchall()
        }
