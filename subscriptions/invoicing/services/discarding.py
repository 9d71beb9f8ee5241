"""Throwing away bills that were never issued: their days, use and purchases are to be billed."""

from collections.abc import Sequence

from django.db import connection

from subscriptions.models import Coverage, Invoice, InvoiceLine
from subscriptions.usage.services import overuse

_FORGET_COVERAGE = """
UPDATE subscriptions_itemcharge AS charge
   SET billed_until = (SELECT max(upper(kept.days)) FROM subscriptions_coverage AS kept
                        WHERE kept.charge_id = charge.id AND kept.live)
 WHERE charge.id = ANY(%s)
"""
_BILL_AGAIN = """
UPDATE subscriptions_billingaccount AS account
   SET next_bill_on = least(account.next_bill_on, thrown.since)
  FROM (SELECT account_id, min(period_start) AS since
          FROM subscriptions_invoice WHERE id = ANY(%s) GROUP BY account_id) AS thrown
 WHERE account.id = thrown.account_id
"""


def throw_away(invoice_ids: Sequence[int]) -> None:
    """A fixed number of statements, whatever their number. The caller has locked their accounts."""
    ids = list(invoice_ids)
    coverage = Coverage.objects.filter(invoice_id__in=ids)
    closed = Coverage.objects.filter(closed_by_id__in=ids)
    charges = [*coverage.values_list("charge_id", flat=True)]
    charges += closed.values_list("charge_id", flat=True)
    overuse.take_back(ids)
    with connection.cursor() as cursor:
        cursor.execute(_BILL_AGAIN, [ids])
    coverage.delete()
    closed.update(live=True, closed_by=None)
    InvoiceLine.objects.filter(invoice_id__in=ids).delete()
    Invoice.objects.filter(pk__in=ids).delete()
    with connection.cursor() as cursor:
        cursor.execute(_FORGET_COVERAGE, [charges])
