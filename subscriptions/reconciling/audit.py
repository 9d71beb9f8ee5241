"""Bills laid against promises, the bills that contracts must have led to, and the ledger against
bills and payments; read back by SQL."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import takewhile
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection

from commerce.accounts.kinds import Segment
from commerce.kernel.clock import PARIS
from commerce.kernel.money import Money, total
from subscriptions.accounts.services.calendar import RUN_AT, run_instant
from subscriptions.contracts.services.promise import agreed_charges
from subscriptions.domain.changes import used_of
from subscriptions.domain.charges import (
    AgreedCharge,
    Span,
    billed_on,
    due_in_period,
    due_lines,
    spans,
)
from subscriptions.domain.cycles import CycleDay, first_bill_on, last_bill_on
from subscriptions.domain.invoice import period_due
from subscriptions.domain.states import ChangeKind
from subscriptions.models import (
    PaidContinuation,
    Promise,
    Subscription,
    SubscriptionChange,
    SubscriptionItem,
)


@dataclass(frozen=True, slots=True)
class Changed:
    """What a look is bounded to: what changed since an instant of business time, and what differed
    in the looks before, by kind."""

    since: datetime
    known: Mapping[str, Collection[str]] = field(default_factory=dict)

    def bounds(self, kind: str) -> dict[str, Any]:
        """For a statement: the instant, its local day, and the identities that differed."""
        day = self.since.astimezone(PARIS).date()
        return {"since": self.since, "since_day": day, "known": [*self.known.get(kind, ())]}


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


# A change of a contract may touch what was promised for periods that are billed.
_BILLS_CHANGED = """
   AND invoice.id IN (
        SELECT id FROM subscriptions_invoice
         WHERE issued_on >= %(since_day)s
            OR number = ANY(SELECT split_part(told, '/', 1) FROM unnest(%(known)s::text[]) AS told)
         UNION
        SELECT invoice_id FROM subscriptions_transfer
         WHERE at >= %(since)s AND kind IN ('invoice', 'credit_note')
         UNION
        SELECT line.invoice_id
          FROM (SELECT DISTINCT subscription_id FROM subscriptions_subscriptionchange
                 WHERE at >= %(since)s) AS moved
          JOIN subscriptions_subscription AS contract ON contract.id = moved.subscription_id
          LEFT JOIN subscriptions_subscriptionchange AS change
            ON change.subscription_id = contract.id
          JOIN subscriptions_promise AS promise
            ON promise.id IN (contract.promise_id, change.promise_id)
          JOIN subscriptions_invoiceline AS line
            ON line.order_number = promise.order_number AND line.group = promise.group)
"""
_CHECKS = """
WITH billed AS (
    SELECT invoice.number, invoice.issued_on, promise.id AS promise_id, line.*
      FROM subscriptions_invoiceline AS line
      JOIN subscriptions_invoice AS invoice
        ON invoice.id = line.invoice_id AND invoice.state = 'issued'
       AND line.kind NOT IN ('third', 'usage')
       AND NOT starts_with(invoice.key, 'credit:') AND NOT starts_with(invoice.key, 'wear:')
       AND NOT starts_with(invoice.key, 'commission:')
       {bound}
      LEFT JOIN subscriptions_promise AS promise
        ON promise.order_number = line.order_number AND promise.group = line.group
), spoken_of AS (
    SELECT DISTINCT number, issued_on, order_number, promise_id, item, charge, period
      FROM billed WHERE promise_id IS NOT NULL
), promised AS (
    SELECT spoken_of.number, spoken_of.issued_on, spoken_of.order_number, line.*
      FROM spoken_of
      JOIN subscriptions_promiseline AS line USING (promise_id, item, charge, period)
     WHERE line.superseded_by_id IS NULL
)
SELECT coalesce(billed.number, promised.number) AS number,
       coalesce(billed.order_number, promised.order_number) AS order_number,
       min(coalesce(billed.issued_on, promised.issued_on)),
       count(billed.id), count(promised.id),
       coalesce(sum(billed.amount), 0), coalesce(sum(promised.amount), 0),
       bool_and(coalesce(
           billed.amount = promised.amount AND billed.tax_rate = promised.tax_rate
           AND billed.starts_on IS NOT DISTINCT FROM promised.starts_on, false)) AS equal
  FROM billed FULL JOIN promised
    ON promised.number = billed.number AND promised.promise_id = billed.promise_id
   AND promised.item = billed.item AND promised.charge = billed.charge
   AND promised.period = billed.period AND promised.benefit = billed.benefit
 GROUP BY 1, 2 ORDER BY 1, 2
"""
_BROKEN = f"SELECT * FROM ({_CHECKS}) AS checked WHERE NOT equal"  # noqa: S608  no input


def bills_against_promises(
    orders: Collection[str] | None = None,
    *,
    broken_alone: bool = False,
    changed: Changed | None = None,
) -> tuple[BillCheck, ...]:
    """Every issued bill joined to the promise, by number and order (all orders if None); with
    `broken_alone` those that differ, as all bills of all years fit into no memory; with `changed`
    those alone that were issued since, or whose contract was changed.

    What was used beyond plans is not promised, and left out; so are an order's credit notes, which
    turn the lines of its bill round, the wear of what came back, and what merchants are invoiced.
    """
    statement = (_BROKEN if broken_alone else _CHECKS).format(
        bound=_BILLS_CHANGED if changed else ""
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, changed.bounds("promise") if changed else None)
        rows = cursor.fetchall()
    return tuple(
        BillCheck(number, order, on, lines, promised, Money(billed), Money(told), equal)
        for number, order, on, lines, promised, billed, told, equal in rows
        if orders is None or order in orders
    )


@dataclass(frozen=True, slots=True)
class LedgerDifference:
    """A bill, payment, refund or share of a bank's transfer (by its number or key) whose transfers
    say another amount."""

    what: str
    amount: Money
    entered: Money


# Payments have no day on which they were taken: it is within two months of their being asked for.
_LEDGER_CHANGED = """
touched AS (
    SELECT number AS what FROM subscriptions_invoice
     WHERE state = 'issued' AND issued_on >= %(since_day)s
     UNION
    SELECT 'set-off/' || number FROM subscriptions_invoice
     WHERE starts_with(key, 'commission:') AND issued_on >= %(since_day)s
     UNION
    SELECT 'payment/' || key FROM payments_paymentattempt
     WHERE created_at >= %(since)s - interval '2 months'
     UNION
    SELECT 'refund/' || payment.key || '/' || effect.sequence
      FROM payments_paymenteffect AS effect
      JOIN payments_paymentattempt AS payment ON payment.id = effect.payment_id
     WHERE effect.created_at >= %(since)s - interval '2 months'
     UNION
    SELECT 'bank/' || id FROM subscriptions_bankshare WHERE at >= %(since)s
     UNION
    SELECT 'bank/' || id || '/undone' FROM subscriptions_bankshare WHERE undone_at >= %(since)s
     UNION
    SELECT 'dispute/' || dispute_id || '/withdrawn' FROM payments_dispute
     WHERE withdrawn_at >= %(since)s
     UNION
    SELECT 'dispute/' || dispute_id || '/reinstated' FROM payments_dispute
     WHERE reinstated_at >= %(since)s
     UNION
    SELECT coalesce(invoice.number, moved.key)
      FROM subscriptions_transfer AS moved
      LEFT JOIN subscriptions_invoice AS invoice
        ON invoice.id = moved.invoice_id AND moved.kind IN ('invoice', 'credit_note')
     WHERE moved.at >= %(since)s
     UNION
    SELECT unnest(%(known)s::text[])
), """
_LEDGER = """
WITH {touched} claimed AS (
    SELECT number AS what, gross AS amount FROM subscriptions_invoice
     WHERE state = 'issued' {of_bill}
     UNION ALL
    SELECT 'payment/' || key, amount FROM payments_paymentattempt
     WHERE state IN ('settled', 'refunded') AND party_id IS NOT NULL {of_payment}
     UNION ALL
    SELECT 'refund/' || payment.key || '/' || effect.sequence, effect.amount
      FROM payments_paymenteffect AS effect
      JOIN payments_paymentattempt AS payment ON payment.id = effect.payment_id
     WHERE effect.kind = 'refund' AND effect.state = 'done' AND payment.party_id IS NOT NULL
     UNION ALL
    SELECT 'bank/' || share.id, share.amount FROM subscriptions_bankshare AS share
     UNION ALL
    SELECT 'bank/' || share.id || '/undone', share.amount FROM subscriptions_bankshare AS share
     WHERE share.undone_at IS NOT NULL
     UNION ALL
    SELECT 'dispute/' || dispute.dispute_id || moved.how, dispute.amount
      FROM payments_dispute AS dispute
      JOIN payments_paymentattempt AS payment ON payment.id = dispute.payment_id,
           LATERAL (VALUES ('/withdrawn', dispute.withdrawn_at),
                           ('/reinstated', dispute.reinstated_at)) AS moved (how, at)
     WHERE moved.at IS NOT NULL AND payment.party_id IS NOT NULL
     UNION ALL
    SELECT 'set-off/' || invoice.number, abs(settled.commission + settled.commission_tax)
      FROM subscriptions_merchantsettlement AS settled
      JOIN subscriptions_invoice AS invoice ON invoice.id = settled.invoice_id
), entered AS (
    SELECT invoice.number AS what,
           sum(CASE WHEN moved.debit IN ('revenue', 'vat', 'collected') THEN -moved.amount
                    ELSE moved.amount END) AS amount
      FROM subscriptions_transfer AS moved
      JOIN subscriptions_invoice AS invoice ON invoice.id = moved.invoice_id
     WHERE moved.kind IN ('invoice', 'credit_note') {of_bill} GROUP BY 1
     UNION ALL
    SELECT moved.key, sum(moved.amount) FROM subscriptions_transfer AS moved
     WHERE moved.kind NOT IN ('invoice', 'credit_note', 'allocation', 'write_off', 'deposit',
                              'instalment') {of_money} GROUP BY 1
)
SELECT what, coalesce(claimed.amount, 0), coalesce(entered.amount, 0)
  FROM claimed FULL JOIN entered USING (what)
 WHERE coalesce(claimed.amount, 0) <> coalesce(entered.amount, 0) {of_all} ORDER BY what
"""
_WHOLE_LEDGER = _LEDGER.format(touched="", of_bill="", of_payment="", of_money="", of_all="")
_CHANGED_LEDGER = _LEDGER.format(
    touched=_LEDGER_CHANGED,
    of_bill="AND number IN (SELECT what FROM touched)",
    of_payment="AND key IN (SELECT substr(what, 9) FROM touched)",
    of_money="AND moved.key IN (SELECT what FROM touched)",
    of_all="AND what IN (SELECT what FROM touched)",
)


def ledger_differences(changed: Changed | None = None) -> tuple[LedgerDifference, ...]:
    """Where the ledger does not say what bills and payments say; nothing when all is well. With
    `changed` of what is of since then alone."""
    statement = _CHANGED_LEDGER if changed else _WHOLE_LEDGER
    with connection.cursor() as cursor:
        cursor.execute(statement, changed.bounds("ledger") if changed else None)
        return tuple(
            LedgerDifference(what, Money(amount), Money(entered))
            for what, amount, entered in cursor.fetchall()
        )


_INSTALMENTS = """
WITH agreed AS (
    SELECT plan.id, part.invoice_id, plan.deferred, sum(part.amount) AS dated,
           coalesce(sum(part.amount) FILTER (WHERE part.due_on >= %(day)s), 0) AS to_come
      FROM subscriptions_instalmentplan AS plan
      JOIN subscriptions_instalmentpart AS part ON part.plan_id = plan.id
     GROUP BY plan.id, part.invoice_id
), moved AS (
    SELECT invoice_id, sum(amount) FILTER (WHERE debit = 'deferred') AS put_off,
           coalesce(sum(amount) FILTER (WHERE credit = 'deferred'), 0) AS fell_due
      FROM subscriptions_transfer WHERE kind = 'instalment' GROUP BY invoice_id
)
SELECT invoice.number, coalesce(agreed.dated, 0), coalesce(moved.put_off, 0)
  FROM agreed FULL JOIN moved USING (invoice_id)
  JOIN subscriptions_invoice AS invoice ON invoice.id = invoice_id
 WHERE agreed.dated IS DISTINCT FROM moved.put_off OR agreed.dated <> agreed.deferred
    OR moved.fell_due > moved.put_off OR moved.put_off > invoice.gross
 UNION ALL
SELECT invoice.number, agreed.to_come, moved.put_off - moved.fell_due
  FROM agreed JOIN moved USING (invoice_id)
  JOIN subscriptions_invoice AS invoice ON invoice.id = invoice_id
 WHERE moved.put_off - moved.fell_due > agreed.to_come AND agreed.to_come < agreed.dated
 ORDER BY 1
"""


def instalment_differences(day: date = date.min) -> tuple[LedgerDifference, ...]:
    """Bills whose parts are not what was agreed, or not what was put off of them in the ledger, or
    of which more fell due than that, or less than the parts of the days before `day`: what nobody
    would ask for any more."""
    with connection.cursor() as cursor:
        cursor.execute(_INSTALMENTS, {"day": day})
        return tuple(
            LedgerDifference(what, Money(amount), Money(entered))
            for what, amount, entered in cursor.fetchall()
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
    at_once: bool = False


def expected_bills(
    *, until: date, orders: Collection[str] | None = None
) -> tuple[ExpectedBill, ...]:
    """The bills of the contracts up to and with the run of the day `until`.

    Worked out from what was agreed and when it was activated; no invoice and no promised line is
    looked at. One bill per order with something due once; one at once per contract of a consumer;
    then one per account and cycle, and per morning on which lines of a business are first billed.
    What a change begins or ends is settled by the account's next bill, whichever of these it is, a
    withdrawal at once.
    """
    promises = Promise.objects.select_related(
        "subscription__account", "change__subscription__account"
    ).order_by("pk")
    chosen = [row for row in promises if orders is None or row.order_number in orders]
    accounts: dict[int, list[Promise]] = defaultdict(list)
    for promise in chosen:
        if promise.activated_on is not None:
            accounts[_contract(promise).account_id].append(promise)
    firsts = _firsts(promises)
    return (
        *_order_bills(chosen),
        *(
            bill
            for account, rows in accounts.items()
            for bill in _account_bills(rows, until=until, firsts=firsts[account])
        ),
    )


def _firsts(promises: Iterable[Promise]) -> dict[int, list[date]]:
    """By account, the mornings on which lines of a business are first billed."""
    found: dict[int, list[date]] = defaultdict(list)
    for promise in promises:
        if promise.segment == Segment.BUSINESS and promise.activated_on and not promise.replaces_id:
            found[promise.subscription.account_id].append(_first_morning(promise.subscription))
    return found


def _first_morning(contract: Subscription) -> date:
    at = run_instant(contract.activated_on, now=contract.activated_at)
    return _local(at, ZoneInfo(contract.account.zone))


def _order_bills(promises: list[Promise]) -> Iterator[ExpectedBill]:
    due: dict[str, list[Money]] = defaultdict(list)
    for promise in promises:
        for charge in agreed_charges(promise):
            due[promise.order_number] += [line.amount for line in due_in_period(charge, period=0)]
    for order, amounts in due.items():
        if amounts:
            yield ExpectedBill((order,), "order", None, None, total(amounts))


def _account_bills(
    promises: list[Promise], *, until: date, firsts: Collection[date]
) -> Iterator[ExpectedBill]:
    mornings: dict[date, list[_Due]] = defaultdict(list)
    settled: dict[tuple[str, date], list[_Due]] = defaultdict(list)
    for promise in promises:
        subscription = _contract(promise)
        business = promise.segment == Segment.BUSINESS
        zone = ZoneInfo(subscription.account.zone)
        for due in _dues(promise, until=until, firsts=firsts):
            first = due.start == subscription.activated_on and promise.replaces_id is None
            if first and not business:
                yield _bill([due], on=_local(subscription.activated_at, zone))
            elif due.at_once:
                settled[due.order, due.start].append(due)
            elif first:
                mornings[_first_morning(subscription)].append(due)
            else:
                mornings[due.start].append(due)
        for given in _compensated(promise, until=until):
            mornings[given.start].append(given)
    yield from (_bill(dues, on=day) for (_, day), dues in settled.items())
    cycle_day = _contract(promises[0]).account.cycle
    for morning, dues in sorted(mornings.items()):
        left = dues if morning <= until else []
        while left:
            period = period_due(min(due.start for due in left), on=morning, cycle_day=cycle_day)
            yield _bill([due for due in left if due.start < period.end], on=morning)
            left = [due for due in left if due.start >= period.end]


def _contract(promise: Promise) -> Subscription:
    return promise.change.subscription if promise.replaces_id else promise.subscription


def _settled(change: SubscriptionChange, *, cycle_day: CycleDay, firsts: Collection[date]) -> date:
    """The day of the account's first bill after the change, which may be carried out late; of a
    withdrawal its own. A bill of the mornings `firsts` settles changes of other lines too."""
    if change.kind == ChangeKind.WITHDRAW:
        return change.at.astimezone(PARIS).date()
    since = max(change.on, _next_run(change))
    regular = first_bill_on(since, cycle_day=cycle_day)
    return min([regular, *(day for day in firsts if day >= since)])


def _next_run(change: SubscriptionChange) -> date:
    """The day of the first run after the change was carried out."""
    at = change.at.astimezone(PARIS)
    return at.date() if at.time() < RUN_AT else at.date() + timedelta(days=1)


def _ends(
    item: SubscriptionItem, *, cycle_day: CycleDay, firsts: Collection[date]
) -> list[tuple[SubscriptionChange, date]]:
    """The ends of an item, each with the day of the bill that settles it. Of two the first counts
    where that bill was made before the second was carried out."""
    assert item.ended_by is not None
    last = item.ended_by, _settled(item.ended_by, cycle_day=cycle_day, firsts=firsts)
    if item.first_ended_by is None:
        return [last]
    settled = _settled(item.first_ended_by, cycle_day=cycle_day, firsts=firsts)
    return [*([(item.first_ended_by, settled)] if settled < _next_run(last[0]) else []), last]


def _dues(promise: Promise, *, until: date, firsts: Collection[date]) -> Iterator[_Due]:
    """What the contract owes by this promise, one entry per bill day up to `until`."""
    assert promise.activated_on is not None
    cycle_day, since = promise.cycle, promise.activated_on
    begun = promise.change if promise.replaces_id else None
    bills_from = _settled(begun, cycle_day=cycle_day, firsts=firsts) if begun else since
    items = _contract(promise).items.filter(begun_by=begun, ended_by__isnull=False)
    ended = {
        item.line_id: _ends(item, cycle_day=cycle_day, firsts=firsts)
        for item in items.select_related("ended_by", "first_ended_by")
    }
    continued = PaidContinuation.objects.filter(
        item__subscription=_contract(promise), item__begun_by=begun
    )
    asked = dict(continued.values_list("item__line_id", "costs_on"))
    by_day: dict[_Posting, Money] = defaultdict(Money.zero)
    for charge in agreed_charges(promise):
        if not charge.recurring:
            continue
        found = spans(charge, activation=since, cycle_day=cycle_day)
        for span in takewhile(
            lambda span: last_bill_on(span.period.start, cycle_day=cycle_day) <= until, found
        ):
            bill = billed_on(
                span, activation=since, cycle_day=cycle_day, costs_on=asked.get(charge.item)
            )
            day = max(bill, bills_from)
            whole = total(line.amount for line in due_lines(charge, activation=since, span=span))
            ends = [
                (
                    _Posting(end.order_number, settled, end.kind == ChangeKind.WITHDRAW),
                    _used(charge, span, since=since, until=end.on),
                )
                for end, settled in ended.get(charge.item, ())
                if span.period.end > end.on
            ]
            for posting, amount in _posted(_Posting(promise.order_number, day), whole, ends):
                by_day[posting] += amount
    for posting, amount in by_day.items():
        if posting.on <= until:
            yield _Due(posting.order, posting.on, amount, posting.at_once)


class _Posting(NamedTuple):
    """The bill on which a part of an order stands."""

    order: str
    on: date
    at_once: bool = False


def _used(charge: AgreedCharge, span: Span, *, since: date, until: date) -> Money | None:
    """What the days of a span before `until` cost; None where there are none."""
    part = used_of(span, until=until)
    if part is None:
        return None
    return total(line.amount for line in due_lines(charge, activation=since, span=part))


def _posted(
    first: _Posting, whole: Money, ends: Iterable[tuple[_Posting, Money | None]]
) -> list[tuple[_Posting, Money]]:
    """On which bills a span stands: `whole` on the `first`; after each end what was used until
    then, on the bill that settles it, less what bills before that one hold."""
    posted: list[tuple[_Posting, Money]] = []
    posting, due = first, whole
    for settling, used in ends:
        if posting.on < settling.on:
            posted.append((posting, due))
        elif used is None and not posted:
            return []
        posting, due = settling, (used or Money.zero()) - total(held for _, held in posted)
    return [*posted, (posting, due)]


def _compensated(promise: Promise, *, until: date) -> Iterator[_Due]:
    """What the contract gets back beside what was agreed; its own promise speaks of it."""
    if promise.replaces_id:
        return
    for given in _contract(promise).compensations.filter(due_on__lte=until).order_by("pk"):
        yield _Due(promise.order_number, given.due_on, Money(-given.amount))


def _bill(dues: list[_Due], *, on: date) -> ExpectedBill:
    amount = total(due.amount for due in dues)
    return ExpectedBill(
        orders=tuple(sorted({due.order for due in dues})),
        kind="recurring" if amount.amount >= 0 else "credit_note",
        on=on,
        period_start=min(due.start for due in dues),
        amount=amount,
    )


def _local(instant: datetime, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()
