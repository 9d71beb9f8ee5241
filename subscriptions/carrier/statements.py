"""Revenue share: what each merchant sold in a month, and whether the bills say the same."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import connection

from commerce.kernel.money import Money
from commerce.kernel.periods import add_months
from subscriptions.domain.carrier import share_of

# A purchase counts on the local day on which it was paid, a refund on its own. `expected` is what
# the issued bills should hold of them in their accounts' bases, `billed` what their lines do hold;
# `waiting` is what is on no issued bill yet.
_MONTH = """
SELECT merchant.code, merchant.name, merchant.share, merchant.fee,
       count(*) FILTER (WHERE moved.sign > 0),
       coalesce(sum(moved.gross) FILTER (WHERE moved.sign > 0), 0),
       coalesce(sum(moved.gross) FILTER (WHERE moved.sign < 0), 0),
       coalesce(sum(moved.sign * moved.net), 0),
       coalesce(sum(moved.sign * moved.amount) FILTER (WHERE invoice.id IS NOT NULL), 0),
       coalesce(sum(line.amount), 0),
       coalesce(sum(moved.sign * moved.amount)
                FILTER (WHERE moved.to_bill AND invoice.id IS NULL), 0)
  FROM (SELECT paid.id, paid.merchant_id, paid.net, paid.gross, paid.to_bill, paid.billed_in_id,
               1 AS sign, (paid.paid_at AT TIME ZONE account.zone)::date AS day,
               CASE account.basis WHEN 'HT' THEN paid.net ELSE paid.gross END AS amount
          FROM subscriptions_carrierpayment AS paid
          JOIN subscriptions_billingaccount AS account ON account.id = paid.account_id
         WHERE paid.state = 'succeeded'
         UNION ALL
        SELECT back.id, paid.merchant_id, back.net, back.gross, back.to_bill, back.billed_in_id,
               -1, (back.made_at AT TIME ZONE account.zone)::date,
               CASE account.basis WHEN 'HT' THEN back.net ELSE back.gross END
          FROM subscriptions_carrierrefund AS back
          JOIN subscriptions_carrierpayment AS paid ON paid.id = back.payment_id
          JOIN subscriptions_billingaccount AS account ON account.id = back.account_id) AS moved
  JOIN subscriptions_merchant AS merchant ON merchant.id = moved.merchant_id
  LEFT JOIN subscriptions_invoice AS invoice
    ON invoice.id = moved.billed_in_id AND invoice.state = 'issued'
  LEFT JOIN subscriptions_invoiceline AS line
    ON line.invoice_id = invoice.id AND line.kind = 'third'
   AND line.item = replace(moved.id::text, '-', '')
 WHERE moved.day >= %(start)s AND moved.day < %(end)s
 GROUP BY merchant.id ORDER BY merchant.name, merchant.code
"""


@dataclass(frozen=True, slots=True)
class MerchantStatement:
    """A merchant's calendar month. `sold` and `given_back` hold tax, `net` is what is left of both
    without it; `due` is his part. Of what was sold and given back, `billed` stands on issued bills,
    as it should if it `agrees`, and `waiting` on none yet, in the bases of the accounts.
    """

    code: str
    name: str
    purchases: int
    sold: Money
    given_back: Money
    net: Money
    share: Decimal
    fees: Money
    due: Money
    billed: Money
    waiting: Money
    agrees: bool


def statements(month: date) -> tuple[MerchantStatement, ...]:
    """Of all merchants who sold or gave back something in the month (by its first day); one
    query."""
    with connection.cursor() as cursor:
        cursor.execute(_MONTH, {"start": month, "end": add_months(month, 1)})
        return tuple(_statement(*row) for row in cursor.fetchall())


def _statement(
    code: str,
    name: str,
    share: Decimal,
    fee: Decimal,
    purchases: int,
    sold: Decimal,
    back: Decimal,
    net: Decimal,
    expected: Decimal,
    billed: Decimal,
    waiting: Decimal,
) -> MerchantStatement:
    return MerchantStatement(
        code=code,
        name=name,
        purchases=purchases,
        sold=Money(sold),
        given_back=Money(back),
        net=Money(net),
        share=share,
        fees=Money(fee * purchases),
        due=share_of(Money(net), share=share, purchases=purchases, fee=Money(fee)),
        billed=Money(billed),
        waiting=Money(waiting),
        agrees=expected == billed,
    )
