"""What began before is billed as is promised now: days within which something begins to cost that
needs a yes stand on the bill after them, where no bill holds them yet."""

from typing import ClassVar

from django.db import migrations

LATER = """
WITH span AS (
    SELECT line.id, line.starts_on, asked.costs_on,
           min(line.starts_on) OVER (
               PARTITION BY line.promise_id, line.item, line.charge ORDER BY line.starts_on
               RANGE BETWEEN interval '1 day' FOLLOWING AND UNBOUNDED FOLLOWING) AS ends_on
      FROM subscriptions_paidcontinuation AS asked
      JOIN subscriptions_subscriptionitem AS item
        ON item.id = asked.item_id AND item.until_on IS NULL
      JOIN subscriptions_subscription AS contract ON contract.id = item.subscription_id
      LEFT JOIN subscriptions_subscriptionchange AS begun ON begun.id = item.begun_by_id
      JOIN subscriptions_itemcharge AS charge
        ON charge.item_id = item.id AND charge.every_months = 1
      JOIN subscriptions_promiseline AS line
        ON line.promise_id = coalesce(begun.promise_id, contract.promise_id)
       AND line.item = item.line_id AND line.charge = charge.code
     WHERE line.starts_on >= coalesce(charge.billed_until, item.from_on))
UPDATE subscriptions_promiseline AS line SET due_on = greatest(line.due_on, span.ends_on)
  FROM span
 WHERE span.id = line.id AND span.starts_on < span.costs_on AND span.costs_on < span.ends_on
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscriptions", "0028_cycle_moves")]

    operations: ClassVar = [migrations.RunSQL(LATER, migrations.RunSQL.noop)]
