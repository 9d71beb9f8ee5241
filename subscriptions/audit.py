"""Bills laid against promises, and the bills that contracts must have led to; read back by SQL."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import takewhile
from zoneinfo import ZoneInfo

from django.db import connection

from commerce.accounts.kinds import Segment
from commerce.kernel.money import Money, total
from subscriptions.domain.charges import due_in_period, due_lines, spans
from subscriptions.domain.invoice import bill_period
from subscriptions.models import Promise
from subscriptions.services.calendar import run_instant
from subscriptions.services.promise import agreed_charges


@dataclass(frozen=True, slots=True)
class BillCheck:
    """One issued bill's part of one order against what was promised for the same periods."""

    number: str
    order_number: str
    issued_on: date
    lines: int
    promised_lines: int
    billed: Money
    promised: Money
    equal: bool


_CHECKS = """
WITH billed AS (
    SELECT invoice.number, invoice.issued_on, promise.id AS promise_id, line.*
      FROM subscriptions_invoiceline AS line
      JOIN subscriptions_invoice AS invoice
        ON invoice.id = line.invoice_id AND invoice.state = 'issued'
      LEFT JOIN subscriptions_promise AS promise
        ON promise.order_number = line.order_number AND promise.group = line.group
), spoken_of AS (
    SELECT DISTINCT number, issued_on, order_number, promise_id, item, charge, period
      FROM billed WHERE promise_id IS NOT NULL
), promised AS (
    SELECT spoken_of.number, spoken_of.issued_on, spoken_of.order_number, line.*
      FROM spoken_of
      JOIN subscriptions_promiseline AS line USING (promise_id, item, charge, period)
)
SELECT coalesce(billed.number, promised.number) AS number,
       coalesce(billed.order_number, promised.order_number) AS order_number,
       min(coalesce(billed.issued_on, promised.issued_on)),
       count(billed.id), count(promised.id),
       coalesce(sum(billed.amount), 0), coalesce(sum(promised.amount), 0),
       bool_and(coalesce(
           billed.amount = promised.amount AND billed.tax_rate = promised.tax_rate
           AND billed.starts_on IS NOT DISTINCT FROM promised.starts_on, false))
  FROM billed FULL JOIN promised
    ON promised.number = billed.number AND promised.promise_id = billed.promise_id
   AND promised.item = billed.item AND promised.charge = billed.charge
   AND promised.period = billed.period AND promised.benefit = billed.benefit
 GROUP BY 1, 2 ORDER BY 1, 2
"""


def bills_against_promises(orders: Collection[str] | None = None) -> tuple[BillCheck, ...]:
    """Every issued bill joined to the promise, by number and order (all orders if None)."""
    with connection.cursor() as cursor:
        cursor.execute(_CHECKS)
        rows = cursor.fetchall()
    return tuple(
        BillCheck(number, order, on, lines, promised, Money(billed), Money(told), equal)
        for number, order, on, lines, promised, billed, told, equal in rows
        if orders is None or order in orders
    )


@dataclass(frozen=True, slots=True)
class ExpectedBill:
    """A bill that must be there: `on` is the day of issue, `amount` in the account's basis."""

    orders: tuple[str, ...]
    kind: str
    on: date | None
    period_start: date | None
    amount: Money


@dataclass(frozen=True, slots=True)
class _Due:
    order: str
    start: date
    amount: Money


def expected_bills(
    *, until: date, orders: Collection[str] | None = None
) -> tuple[ExpectedBill, ...]:
    """The bills of the contracts up to and with the run of the day `until`.

    Worked out from what was agreed and when it was activated; no invoice and no promised line is
    looked at. One bill per order with something due once; one at once per contract of a consumer;
    then one per account and cycle, and per morning on which lines of a business are first billed.
    """
    promises = Promise.objects.select_related("subscription__account").order_by("pk")
    chosen = [row for row in promises if orders is None or row.order_number in orders]
    accounts: dict[int, list[Promise]] = defaultdict(list)
    for promise in chosen:
        if promise.activated_on is not None:
            accounts[promise.subscription.account_id].append(promise)
    return (
        *_order_bills(chosen),
        *(bill for rows in accounts.values() for bill in _account_bills(rows, until=until)),
    )


def _order_bills(promises: list[Promise]) -> Iterator[ExpectedBill]:
    due: dict[str, list[Money]] = defaultdict(list)
    for promise in promises:
        for charge in agreed_charges(promise):
            due[promise.order_number] += [line.amount for line in due_in_period(charge, period=0)]
    for order, amounts in due.items():
        if amounts:
            yield ExpectedBill((order,), "order", None, None, total(amounts))


def _account_bills(promises: list[Promise], *, until: date) -> Iterator[ExpectedBill]:
    mornings: dict[date, list[_Due]] = defaultdict(list)
    for promise in promises:
        subscription = promise.subscription
        business = promise.segment == Segment.BUSINESS
        zone = ZoneInfo(subscription.account.zone)
        for due in _dues(promise, until=until):
            first = due.start == subscription.activated_on
            if first and not business:
                yield _bill([due], on=_local(subscription.activated_at, zone))
            elif first:
                at = run_instant(due.start, now=subscription.activated_at)
                mornings[_local(at, zone)].append(due)
            else:
                mornings[due.start].append(due)
    cycle_day = promises[0].subscription.account.cycle_day
    assert cycle_day is not None
    for morning, dues in sorted(mornings.items()):
        left = dues if morning <= until else []
        while left:
            period = bill_period(min(due.start for due in left), cycle_day=cycle_day)
            yield _bill([due for due in left if due.start < period.end], on=morning)
            left = [due for due in left if due.start >= period.end]


def _dues(promise: Promise, *, until: date) -> Iterator[_Due]:
    """What the contract owes, one entry per start day up to `until`."""
    assert promise.activated_on is not None
    assert promise.cycle_day is not None
    activation = promise.activated_on
    by_day: dict[date, Money] = {}
    for charge in agreed_charges(promise):
        if not charge.recurring:
            continue
        found = spans(charge, activation=activation, cycle_day=promise.cycle_day)
        for span in takewhile(lambda span: span.period.start <= until, found):
            lines = due_lines(charge, activation=activation, span=span)
            day = span.period.start
            by_day[day] = by_day.get(day, Money.zero()) + total(line.amount for line in lines)
    for day, amount in by_day.items():
        yield _Due(promise.order_number, day, amount)


def _bill(dues: list[_Due], *, on: date) -> ExpectedBill:
    return ExpectedBill(
        orders=tuple(sorted({due.order for due in dues})),
        kind="recurring",
        on=on,
        period_start=min(due.start for due in dues),
        amount=total(due.amount for due in dues),
    )


def _local(instant: datetime, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()
