"""Revenue share: what each merchant sold in a month, and whether the bills say the same."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import connection

from commerce.kernel.money import Money
from commerce.kernel.periods import add_months
from commerce.markets.pack import market
from subscriptions.domain.carrier import Selling, settled, tax_of

COMMISSION = "telecom"
"""The tax class of what we do for a merchant who sells in his own name."""

# A purchase counts on the local day on which it was paid, a refund on its own; both have the terms
# of the day of the purchase, so that a month has a row for each terms. `expected` is what
# the issued bills should hold of them in their accounts' bases, `billed` what their lines do hold;
# `waiting` is what is on no issued bill yet.
_MONTH = """
WITH his AS (SELECT id, selling = 'told' AS own FROM subscriptions_merchant)
SELECT merchant.id, merchant.code, merchant.name, merchant.selling,
       coalesce(terms.share, merchant.share) AS share, coalesce(terms.fee, merchant.fee) AS fee,
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
               (paid.paid_at AT TIME ZONE account.zone)::date AS sold_on,
               CASE WHEN account.basis = 'HT' AND NOT his.own THEN paid.net ELSE paid.gross END
                   AS amount
          FROM subscriptions_carrierpayment AS paid
          JOIN subscriptions_billingaccount AS account ON account.id = paid.account_id
          JOIN his ON his.id = paid.merchant_id
         WHERE paid.state = 'succeeded'
         UNION ALL
        SELECT back.id, paid.merchant_id, back.net, back.gross, back.to_bill, back.billed_in_id,
               -1, (back.made_at AT TIME ZONE account.zone)::date,
               (paid.paid_at AT TIME ZONE account.zone)::date,
               CASE WHEN account.basis = 'HT' AND NOT his.own THEN back.net ELSE back.gross END
          FROM subscriptions_carrierrefund AS back
          JOIN subscriptions_carrierpayment AS paid ON paid.id = back.payment_id
          JOIN his ON his.id = paid.merchant_id
          JOIN subscriptions_billingaccount AS account ON account.id = back.account_id) AS moved
  JOIN subscriptions_merchant AS merchant ON merchant.id = moved.merchant_id
  LEFT JOIN LATERAL (SELECT share, fee FROM subscriptions_merchantterms AS agreed
                      WHERE agreed.merchant_id = merchant.id AND agreed.since <= moved.sold_on
                      ORDER BY agreed.since DESC LIMIT 1) AS terms ON true
  LEFT JOIN subscriptions_invoice AS invoice
    ON invoice.id = moved.billed_in_id AND invoice.state = 'issued'
  LEFT JOIN subscriptions_invoiceline AS line
    ON line.invoice_id = invoice.id AND line.kind = 'third'
   AND line.item = replace(moved.id::text, '-', '')
 WHERE moved.day >= %(start)s AND moved.day < %(end)s
 GROUP BY merchant.id, 5, 6 ORDER BY merchant.name, merchant.code, max(moved.sold_on) DESC
"""


@dataclass(frozen=True, slots=True)
class MerchantStatement:
    """A merchant's calendar month. `sold` and `given_back` hold tax, `net` is what is left of both
    without it; `due` is what we owe him, with the `share` of the month (percent) but for what was
    given back of purchases under other terms. Where he sells in his own name that is all that was
    collected less our `commission` and its `tax`; else both are zero. Of what was sold and given
    back, `billed` stands on issued bills, as `expected` if it `agrees`, and `waiting` on none yet,
    in the bases of the accounts.
    """

    merchant_id: int
    code: str
    name: str
    purchases: int
    sold: Money
    given_back: Money
    net: Money
    share: Decimal
    fees: Money
    selling: Selling
    commission: Money
    tax: Money
    due: Money
    expected: Money
    billed: Money
    waiting: Money
    agrees: bool


def statements(month: date, *, code: str = "") -> tuple[MerchantStatement, ...]:
    """Of all merchants who sold or gave back something in the month (by its first day), or of one;
    one query."""
    # Our commission is a service of the month, with the tax of its last day.
    last = add_months(month, 1) - timedelta(days=1)
    rate = market(settings.MARKET).tax_rates(last)[COMMISSION]
    with connection.cursor() as cursor:
        cursor.execute(_MONTH, {"start": month, "end": add_months(month, 1)})
        rows = [_statement(rate, *row) for row in cursor.fetchall()]
    found: dict[int, MerchantStatement] = {}
    for row in rows:
        before = found.get(row.merchant_id)
        found[row.merchant_id] = row if before is None else _together(before, row, rate=rate)
    return tuple(each for each in found.values() if code in ("", each.code))


def _together(
    newer: MerchantStatement, older: MerchantStatement, *, rate: Decimal
) -> MerchantStatement:
    """What a merchant did in a month under two terms; the tax is that on all of our commission."""
    commission = newer.commission + older.commission
    tax = tax_of(commission, rate=rate)
    return replace(
        newer,
        purchases=newer.purchases + older.purchases,
        sold=newer.sold + older.sold,
        given_back=newer.given_back + older.given_back,
        net=newer.net + older.net,
        fees=newer.fees + older.fees,
        commission=commission,
        tax=tax,
        due=newer.due + older.due + newer.tax + older.tax - tax,
        expected=newer.expected + older.expected,
        billed=newer.billed + older.billed,
        waiting=newer.waiting + older.waiting,
        agrees=newer.agrees and older.agrees,
    )


def _statement(
    rate: Decimal,
    merchant_id: int,
    code: str,
    name: str,
    selling: str,
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
    comes_to = settled(
        Selling(selling),
        net=Money(net),
        gross=Money(sold) - Money(back),
        share=share,
        purchases=purchases,
        fee=Money(fee),
        rate=rate,
    )
    return MerchantStatement(
        merchant_id=merchant_id,
        code=code,
        name=name,
        purchases=purchases,
        sold=Money(sold),
        given_back=Money(back),
        net=Money(net),
        share=share,
        fees=Money(fee * purchases),
        selling=Selling(selling),
        commission=comes_to.commission,
        tax=comes_to.tax,
        due=comes_to.due,
        expected=Money(expected),
        billed=Money(billed),
        waiting=Money(waiting),
        agrees=expected == billed,
    )


_LINES = """
SELECT day, kind, reference, payment, service, gross, net
  FROM (SELECT (paid.paid_at AT TIME ZONE account.zone)::date AS day, 'purchase' AS kind,
               paid.reference, paid.id AS payment, paid.service, paid.gross, paid.net,
               paid.merchant_id, paid.paid_at AS at
          FROM subscriptions_carrierpayment AS paid
          JOIN subscriptions_billingaccount AS account ON account.id = paid.account_id
         WHERE paid.state = 'succeeded'
         UNION ALL
        SELECT (back.made_at AT TIME ZONE account.zone)::date, 'refund',
               back.reference, paid.id, paid.service, -back.gross, -back.net,
               paid.merchant_id, back.made_at
          FROM subscriptions_carrierrefund AS back
          JOIN subscriptions_carrierpayment AS paid ON paid.id = back.payment_id
          JOIN subscriptions_billingaccount AS account ON account.id = back.account_id) AS moved
  JOIN subscriptions_merchant AS merchant ON merchant.id = moved.merchant_id
 WHERE merchant.code = %(code)s AND moved.day >= %(start)s AND moved.day < %(end)s
 ORDER BY moved.at, moved.payment, moved.kind, moved.reference
"""


LINE_COLUMNS = ("day", "kind", "reference", "payment", "service", "gross", "net")


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One purchase or refund (below zero) of a merchant's month, by his own `reference`."""

    day: date
    kind: str
    reference: str
    payment: UUID
    service: str
    gross: Decimal
    net: Decimal


def statement_lines(code: str, month: date) -> Iterator[StatementLine]:
    """All that the statement of that merchant's month is the sum of, in the order of time."""
    with connection.cursor() as cursor:
        cursor.execute(_LINES, {"code": code, "start": month, "end": add_months(month, 1)})
        yield from (StatementLine(*row) for row in cursor.fetchall())
