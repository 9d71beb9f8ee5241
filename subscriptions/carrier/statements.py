"""Revenue share: what each merchant sold in a month, and whether the bills say the same."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from commerce.kernel.clock import PARIS
from commerce.kernel.money import Money
from commerce.kernel.periods import add_months
from commerce.markets.pack import market
from subscriptions.domain.carrier import Selling, Sold, settled

COMMISSION = "telecom"
"""The tax class of what we do for a merchant who sells in his own name."""

# A purchase counts in the month in which it was paid, a refund in its own, in Paris, whatever zone
# the account is billed in; both have the terms of the day of the purchase, so that a month has a
# row for each terms. `expected` is what the issued bills should hold of them in their accounts'
# bases, `billed` what their lines do hold; `waiting` is what is on no issued bill yet.
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
               1 AS sign, paid.paid_at AS sold_at,
               CASE WHEN account.basis = 'HT' AND NOT his.own THEN paid.net ELSE paid.gross END
                   AS amount
          FROM subscriptions_carrierpayment AS paid
          JOIN subscriptions_billingaccount AS account ON account.id = paid.account_id
          JOIN his ON his.id = paid.merchant_id
         WHERE paid.state = 'succeeded'
           AND paid.paid_at >= %(since)s AND paid.paid_at < %(until)s
           AND (%(merchant)s::bigint IS NULL OR paid.merchant_id = %(merchant)s)
         UNION ALL
        SELECT back.id, paid.merchant_id, back.net, back.gross, back.to_bill, back.billed_in_id,
               -1, paid.paid_at,
               CASE WHEN account.basis = 'HT' AND NOT his.own THEN back.net ELSE back.gross END
          FROM subscriptions_carrierrefund AS back
          JOIN subscriptions_carrierpayment AS paid ON paid.id = back.payment_id
          JOIN his ON his.id = paid.merchant_id
          JOIN subscriptions_billingaccount AS account ON account.id = back.account_id
         WHERE back.made_at >= %(since)s AND back.made_at < %(until)s
           AND (%(merchant)s::bigint IS NULL OR paid.merchant_id = %(merchant)s)) AS moved
  JOIN subscriptions_merchant AS merchant ON merchant.id = moved.merchant_id
  LEFT JOIN LATERAL (SELECT share, fee FROM subscriptions_merchantterms AS agreed
                      WHERE agreed.merchant_id = merchant.id
                        AND agreed.since <= (moved.sold_at AT TIME ZONE %(zone)s)::date
                      ORDER BY agreed.since DESC LIMIT 1) AS terms ON true
  LEFT JOIN subscriptions_invoice AS invoice
    ON invoice.id = moved.billed_in_id AND invoice.state = 'issued'
  LEFT JOIN subscriptions_invoiceline AS line
    ON line.invoice_id = invoice.id AND line.kind = 'third'
   AND line.item = replace(moved.id::text, '-', '')
 GROUP BY merchant.id, 5, 6 ORDER BY merchant.name, merchant.code, max(moved.sold_at) DESC
"""


@dataclass(frozen=True, slots=True)
class MerchantStatement:
    """A merchant's calendar month. `sold` and `given_back` hold tax, `net` is what is left of both
    without it; `due` is what we owe him, with the `share` of the month (percent) but for what was
    given back of purchases under other terms. Where he sells in his own name that is all that was
    collected less our `commission` and its `tax` at `tax_rate`; else both are zero. Of what was
    sold and given back, `billed` stands on issued bills, as `expected` if it `agrees`, and
    `waiting` on none yet, in the bases of the accounts.
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
    tax_rate: Decimal
    due: Money
    expected: Money
    billed: Money
    waiting: Money
    agrees: bool


def statements(month: date, *, merchant_id: int | None = None) -> tuple[MerchantStatement, ...]:
    """Of all merchants who sold or gave back something in the month (by its first day), or of one;
    one query."""
    with connection.cursor() as cursor:
        cursor.execute(_MONTH, {**_bounds(month), "merchant": merchant_id})
        rows = [_Part(*row) for row in cursor.fetchall()]
    found: dict[int, list[_Part]] = {}
    for row in rows:
        found.setdefault(row.merchant_id, []).append(row)
    # Our commission is a service of the month, with the tax of its last day.
    last = add_months(month, 1) - timedelta(days=1)
    rate = market(settings.MARKET).tax_rates(last)[COMMISSION]
    return tuple(_statement(parts, rate=rate) for parts in found.values())


@dataclass(frozen=True, slots=True)
class _Part:
    """What a merchant did in a month under the same terms."""

    merchant_id: int
    code: str
    name: str
    selling: str
    share: Decimal
    fee: Decimal
    purchases: int
    sold: Decimal
    back: Decimal
    net: Decimal
    expected: Decimal
    billed: Decimal
    waiting: Decimal


def _statement(parts: Sequence[_Part], *, rate: Decimal) -> MerchantStatement:
    """Of the parts of a month, that of the newest terms first."""
    newest = parts[0]
    comes_to = settled(
        Selling(newest.selling),
        terms=[
            Sold(
                net=Money(each.net),
                gross=Money(each.sold - each.back),
                share=each.share,
                purchases=each.purchases,
                fee=Money(each.fee),
            )
            for each in parts
        ],
        rate=rate,
    )
    expected, billed = _sum(each.expected for each in parts), _sum(each.billed for each in parts)
    return MerchantStatement(
        merchant_id=newest.merchant_id,
        code=newest.code,
        name=newest.name,
        purchases=sum(each.purchases for each in parts),
        sold=_sum(each.sold for each in parts),
        given_back=_sum(each.back for each in parts),
        net=_sum(each.net for each in parts),
        share=newest.share,
        fees=_sum(each.fee * each.purchases for each in parts),
        selling=Selling(newest.selling),
        commission=comes_to.commission,
        tax=comes_to.tax,
        tax_rate=rate,
        due=comes_to.due,
        expected=expected,
        billed=billed,
        waiting=_sum(each.waiting for each in parts),
        agrees=all(each.expected == each.billed for each in parts),
    )


def _sum(amounts: Iterable[Decimal]) -> Money:
    return Money(sum(amounts, Decimal(0)))


def _bounds(month: date) -> dict[str, Any]:
    since, until = (datetime.combine(day, time(0), PARIS) for day in (month, add_months(month, 1)))
    return {"since": since, "until": until, "zone": PARIS.key}


_LINES = """
SELECT (moved.at AT TIME ZONE %(zone)s)::date, kind, reference, payment, service, gross, net
  FROM (SELECT 'purchase' AS kind, paid.reference, paid.id AS payment, paid.service, paid.gross,
               paid.net, paid.paid_at AS at
          FROM subscriptions_carrierpayment AS paid
          JOIN subscriptions_merchant AS his ON his.id = paid.merchant_id
         WHERE his.code = %(code)s AND paid.state = 'succeeded'
           AND paid.paid_at >= %(since)s AND paid.paid_at < %(until)s
         UNION ALL
        SELECT 'refund', back.reference, paid.id, paid.service, -back.gross, -back.net,
               back.made_at
          FROM subscriptions_carrierrefund AS back
          JOIN subscriptions_carrierpayment AS paid ON paid.id = back.payment_id
          JOIN subscriptions_merchant AS his ON his.id = paid.merchant_id
         WHERE his.code = %(code)s
           AND back.made_at >= %(since)s AND back.made_at < %(until)s) AS moved
 ORDER BY moved.at, moved.payment, moved.kind, moved.reference
"""
AT_A_TIME = 2_000
"""Lines of a statement that are held in memory at once."""


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
    """All that the statement of that merchant's month is the sum of, in the order of time; read in
    parts, in a transaction that lasts until all are read."""
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(_LINES, {**_bounds(month), "code": code})
        while rows := cursor.fetchmany(AT_A_TIME):
            yield from (StatementLine(*row) for row in rows)
