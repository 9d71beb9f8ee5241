"""Merchants' months beside their purchases and bills, and beside the books of what we owe them."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from django.db import connection
from django.db.models import Q, Sum

from commerce.kernel.differences import Difference
from commerce.kernel.periods import add_months
from subscriptions.carrier.models import Merchant, MerchantSettlement
from subscriptions.carrier.services.settling import payable_to
from subscriptions.carrier.statements import statements
from subscriptions.domain.carrier import month_of

LOOKED_BACK = 3
"""Months that are over and are worked out once more."""

# What our invoices to merchants claim, as their books and as the customers' ledger have it set off.
_SET_OFF = """
WITH theirs AS (
    SELECT merchant_id, sum(CASE credit WHEN 'set_off' THEN amount ELSE -amount END) AS amount
      FROM subscriptions_merchanttransfer WHERE 'set_off' IN (debit, credit) GROUP BY 1
), ours AS (
    SELECT merchant.id AS merchant_id,
           sum(CASE moved.debit WHEN 'merchants' THEN moved.amount ELSE -moved.amount END) AS amount
      FROM subscriptions_transfer AS moved
      JOIN subscriptions_billingaccount AS account ON account.id = moved.account_id
      JOIN subscriptions_merchant AS merchant ON merchant.party_id = account.party_id
     WHERE moved.kind = 'set_off' GROUP BY 1
)
SELECT merchant.code, coalesce(theirs.amount, 0)::text, coalesce(ours.amount, 0)::text
  FROM theirs FULL JOIN ours USING (merchant_id)
  JOIN subscriptions_merchant AS merchant ON merchant.id = merchant_id
 WHERE theirs.amount IS DISTINCT FROM ours.amount ORDER BY 1
"""

# A bill takes up all purchases and refunds of the days before its period; where no bill is to come,
# nothing may be left.
_LEFT_OUT = """
SELECT merchant.code || '/' || moved.reference, moved.gross::text
  FROM (SELECT merchant_id, reference, gross, account_id, paid_at AS at
          FROM subscriptions_carrierpayment
         WHERE state = 'succeeded' AND to_bill AND billed_in_id IS NULL
         UNION ALL
        SELECT paid.merchant_id, back.reference, -back.gross, back.account_id, back.made_at
          FROM subscriptions_carrierrefund AS back
          JOIN subscriptions_carrierpayment AS paid ON paid.id = back.payment_id
         WHERE back.to_bill AND back.billed_in_id IS NULL) AS moved
  JOIN subscriptions_merchant AS merchant ON merchant.id = moved.merchant_id
  JOIN subscriptions_billingaccount AS account ON account.id = moved.account_id
 WHERE account.parked_at IS NULL
   AND (account.next_bill_on IS NULL OR EXISTS (
        SELECT FROM subscriptions_invoice AS bill
         WHERE bill.account_id = account.id AND bill.chunk_id IS NOT NULL
           AND bill.period_start > (moved.at AT TIME ZONE account.zone)::date))
 ORDER BY 1
"""


def merchant_differences(day: date) -> Iterator[Difference]:
    """Each purchase or refund that no bill took up when one should have; each of the last months
    before that of `day` of which the bills, what was entered when it was closed, or the invoice of
    our commission, say something else than its purchases; and each merchant whose unpaid months are
    not what is payable to him, or of whom his books have set off something else than the ledger.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LEFT_OUT)
        left_out = cursor.fetchall()
        cursor.execute(_SET_OFF)
        set_off = cursor.fetchall()
    for identity, amount in left_out:
        yield Difference("purchase_unbilled", identity, amount, "0.00")
    for code, theirs, ours in set_off:
        yield Difference("merchant_set_off", code, theirs, ours)
    for back in range(1, LOOKED_BACK + 1):
        yield from _of_month(add_months(month_of(day), -back))
    unpaid = Sum("settlements__due", filter=Q(settlements__paid_at=None))
    for each in Merchant.objects.annotate(unpaid=unpaid).order_by("code"):
        owed, due = payable_to(each.pk).amount, each.unpaid or Decimal(0)
        if owed != due:
            yield Difference("merchant_payable", each.code, str(due), str(owed))


def _of_month(month: date) -> Iterator[Difference]:
    told = {each.code: each for each in statements(month)}
    for code, each in told.items():
        if not each.agrees:
            bills = (str(each.expected.amount), str(each.billed.amount))
            yield Difference("merchant_bills", f"{code}/{month:%Y-%m}", *bills)
    closed = MerchantSettlement.objects.filter(month=month).select_related("merchant", "invoice")
    for row in closed:
        code = row.merchant.code
        claimed = row.commission + row.commission_tax
        invoiced = row.invoice.gross if row.invoice else Decimal(0)
        if claimed != invoiced:
            amounts = (str(claimed), str(invoiced))
            yield Difference("merchant_commission", f"{code}/{month:%Y-%m}", *amounts)
        due = told[code].due.amount if code in told else Decimal(0)
        if due != row.due:
            yield Difference("merchant_month", f"{code}/{month:%Y-%m}", str(due), str(row.due))
