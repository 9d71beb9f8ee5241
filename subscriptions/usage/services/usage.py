"""Usage records are taken in from the operator's systems: each once, in any order, however late.

What is wrong with one record keeps none of the others out: it is answered, and kept as suspended
until its line is known. What is counted is added to the consumption of its month, which is what
customers see and what bills look at.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from catalogue.domain.usage import Dimension
from commerce.events.outbox import publish_all
from commerce.kernel.clock import PARIS, business_now, business_today
from commerce.kernel.sentences import Sentence
from subscriptions.accounts.services import calendar
from subscriptions.domain.consumption import month_of_day
from subscriptions.domain.invoice import bill_period
from subscriptions.domain.rating import COUNTS_AS, included_in, is_barred, reached, shares
from subscriptions.domain.usage import Suspense, UsageState, UsageTold
from subscriptions.events import AllowanceReached
from subscriptions.models import BillingAccount, Subscription
from subscriptions.usage.holders import Holdings, holder, holdings, number_of
from subscriptions.usage.rates import terms_of
from subscriptions.usage.services.consumption import AHEAD, MOST_USED, Fault

MOST = 10_000
LONGEST_LINE = 20
MOST_COUNTED = Decimal("999999999.999")
"""More is not shown of a month; what is billed is the sum of the records."""

_ADD = """
INSERT INTO subscriptions_usagerecord
       (source, reference, line, started_at, dimension, quantity, destination, state, reason,
        subscription_id, day, taken_at)
SELECT %s, told.*, %s
  FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::numeric[], %s::text[],
              %s::text[], %s::text[], %s::bigint[], %s::date[]) AS told
ON CONFLICT (source, reference) DO NOTHING
RETURNING reference
"""
_KNOWN = """
SELECT reference, line, started_at, dimension, quantity, destination
  FROM subscriptions_usagerecord WHERE source = %s AND reference = ANY(%s)
"""
_COUNT = """
INSERT INTO subscriptions_consumption AS known
       (subscription_id, month, dimension, used, included, counted_at, taken_at, from_records,
        unsettled)
SELECT *, true, true
  FROM unnest(%s::bigint[], %s::date[], %s::text[], %s::numeric[], %s::numeric[],
              %s::timestamptz[], %s::timestamptz[])
ON CONFLICT (subscription_id, dimension, month) DO UPDATE
   SET used = least(CASE WHEN known.from_records THEN known.used ELSE 0 END + excluded.used,
                    999999999.999),
       counted_at = CASE WHEN known.from_records
                         THEN greatest(known.counted_at, excluded.counted_at)
                         ELSE excluded.counted_at END,
       included = excluded.included, taken_at = excluded.taken_at, from_records = true,
       unsettled = true
RETURNING subscription_id, month, dimension, used, included
"""
# Lines that are known by now; the others are not even looked at.
_SUSPENDED = """
SELECT record.id, record.reference, record.line, record.started_at, record.dimension,
       record.quantity, record.destination
  FROM subscriptions_usagerecord AS record
 WHERE record.state = 'suspended' AND record.started_at <= %s
   AND (EXISTS (SELECT FROM subscriptions_subscription AS contract
                 WHERE contract.msisdn = record.line
                   AND contract.activated_on - 1 <= record.started_at::date
                   AND (contract.ended_on IS NULL
                        OR contract.ended_on + 1 >= record.started_at::date))
        OR EXISTS (SELECT FROM subscriptions_formernumber AS former
                    WHERE former.msisdn = record.line
                      AND former.from_on - 1 <= record.started_at::date
                      AND former.until_on + 1 >= record.started_at::date))
 ORDER BY record.id LIMIT %s FOR UPDATE SKIP LOCKED
"""
_GUIDE = """
UPDATE subscriptions_usagerecord AS record
   SET state = given.state, reason = '', subscription_id = given.contract, day = given.day
  FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::date[])
       AS given (id, state, contract, day)
 WHERE record.id = given.id
"""


@dataclass(frozen=True, slots=True)
class UsageTaken:
    """Records that are new and counted; that were known; that came more than a year late; that wait
    for their line; and that were refused, as their name or their facts can't be."""

    added: int
    same: int
    barred: int
    suspended: tuple[Fault, ...]
    refused: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class _Placed:
    """A record with the contract that it is of; without one, `reason` says why."""

    told: UsageTold
    contract: Subscription | None
    day: date | None
    state: UsageState
    reason: Suspense | None = None

    def row(self) -> tuple[object, ...]:
        told = self.told
        return (
            *(told.reference, told.line, told.started_at, told.dimension.value, told.quantity),
            *(told.destination, self.state.value, self.reason.value if self.reason else ""),
            *(self.contract.pk if self.contract else None, self.day),
        )


@transaction.atomic
def take_usage(records: Sequence[UsageTold], *, source: str) -> UsageTaken:
    """Store what the system `source` saw lines use, and count what is new of it.

    A record is known by its reference there: said again it changes nothing, with other facts it is
    refused and the first one stands. 10,000 records at most.
    """
    chosen, refused = _distinct(records)
    known = holdings({told.line for told in chosen.values()})
    now, today = business_now(), business_today()
    placed = {place: _place(told, known, now=now, today=today) for place, told in chosen.items()}
    accounts = _without_coming_bill(placed.values())
    fresh = _added(placed.values(), source=source, now=now)
    for place, fault in _differing(placed, fresh, source=source).items():
        refused[place] = fault
    new = {place: each for place, each in placed.items() if each.told.reference in fresh}
    counted = [each for each in new.values() if each.state is UsageState.COUNTED]
    _count(counted, now=now)
    _bill_once_more(accounts, counted, today=today)
    suspended = tuple(_waits(place, each) for place, each in new.items() if each.reason)
    barred = sum(each.state is UsageState.BARRED for each in new.values())
    return UsageTaken(
        added=len(counted),
        same=len(records) - len(new) - len(refused),
        barred=barred,
        suspended=suspended,
        refused=tuple(fault for _, fault in sorted(refused.items())),
    )


@transaction.atomic
def take_up_suspended(*, most: int = MOST) -> int:
    """Count suspended records whose line is known by now; how many. May be repeated."""
    now, today = business_now(), business_today()
    with connection.cursor() as cursor:
        cursor.execute(_SUSPENDED, [now, most])
        rows = {row[0]: _told(*row[1:]) for row in cursor}
    known = holdings({told.line for told in rows.values()})
    found = {pk: _place(told, known, now=now, today=today) for pk, told in rows.items()}
    placed = {pk: each for pk, each in found.items() if each.contract is not None}
    if not placed:
        return 0
    accounts = _without_coming_bill(placed.values())
    guided = [
        (pk, one.state.value, one.contract.pk, one.day)
        for pk, one in placed.items()
        if one.contract is not None
    ]
    with connection.cursor() as cursor:
        cursor.execute(_GUIDE, [list(column) for column in zip(*guided, strict=True)])
    counted = [each for each in placed.values() if each.state is UsageState.COUNTED]
    _count(counted, now=now)
    _bill_once_more(accounts, counted, today=today)
    return len(placed)


def _told(reference: str, line: str, started_at: datetime, dimension: str, *rest: Any) -> UsageTold:
    return UsageTold(reference, line, started_at, Dimension(dimension), *rest)


def _distinct(records: Sequence[UsageTold]) -> tuple[dict[int, UsageTold], dict[int, Fault]]:
    """By place: those of each reference that came first, as they are stored; and what can't be."""
    chosen: dict[int, UsageTold] = {}
    refused: dict[int, Fault] = {}
    first: dict[str, UsageTold] = {}
    for place, record in enumerate(records):
        told = _as_stored(record)
        if not Decimal(0) <= told.quantity <= MOST_USED:
            sentence = Sentence("An amount from 0 to %(most)s.", most=MOST_USED)
            refused[place] = Fault(place, "quantity", sentence)
        elif told.reference not in first:
            first[told.reference] = chosen[place] = told
        elif first[told.reference] != told:
            refused[place] = _otherwise(place)
    return chosen, refused


def _as_stored(record: UsageTold) -> UsageTold:
    return UsageTold(
        reference=record.reference,
        line=number_of(record.line) or record.line[:LONGEST_LINE],
        started_at=record.started_at,
        dimension=record.dimension,
        quantity=record.quantity,
        destination=record.destination,
    )


def _otherwise(place: int) -> Fault:
    return Fault(place, "id", Sentence("It was told before, with other facts."))


def _waits(place: int, placed: _Placed) -> Fault:
    if placed.reason is Suspense.NOT_BEGUN:
        return Fault(place, "started_at", Sentence("It can't be counted in the future."))
    line = placed.told.line or "?"
    return Fault(place, "line", Sentence("Nobody had the number %(line)s that day.", line=line))


def _place(told: UsageTold, known: Holdings, *, now: datetime, today: date) -> _Placed:
    if told.started_at > now + AHEAD:
        return _Placed(told, None, None, UsageState.SUSPENDED, Suspense.NOT_BEGUN)
    day = told.started_at.astimezone(PARIS).date()
    contract = holder(known, told.line, day=day)
    if contract is None:
        return _Placed(told, None, None, UsageState.SUSPENDED, Suspense.UNKNOWN_LINE)
    day = told.started_at.astimezone(ZoneInfo(contract.account.zone)).date()
    barred = is_barred(day, taken_on=today)
    return _Placed(told, contract, day, UsageState.BARRED if barred else UsageState.COUNTED)


def _added(placed: Iterable[_Placed], *, source: str, now: datetime) -> frozenset[str]:
    """The references that are new; added in their order, so that no two batches lock up."""
    rows = [each.row() for each in sorted(placed, key=lambda each: each.told.reference)]
    if not rows:
        return frozenset()
    columns = [list(column) for column in zip(*rows, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [source, now, *columns])
        return frozenset(reference for (reference,) in cursor.fetchall())


def _differing(
    placed: Mapping[int, _Placed], fresh: frozenset[str], *, source: str
) -> dict[int, Fault]:
    """The records that were known already, and otherwise."""
    again = {p: each.told for p, each in placed.items() if each.told.reference not in fresh}
    if not again:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [source, [told.reference for told in again.values()]])
        known = {row[0]: _told(*row) for row in cursor}
    return {p: _otherwise(p) for p, told in again.items() if known[told.reference] != told}


def _count(placed: Sequence[_Placed], *, now: datetime) -> None:
    """Add to what the lines used in those months, in the order of its key; tell what is used up, of
    this month and of lines that share with no other."""
    if not placed:
        return
    used: dict[tuple[int, date, Dimension], Decimal] = defaultdict(Decimal)
    until: dict[tuple[int, date, Dimension], datetime] = {}
    contracts: dict[int, Subscription] = {}
    for each in placed:
        assert each.contract is not None
        assert each.day is not None
        contracts[each.contract.pk] = each.contract
        for dimension in COUNTS_AS[each.told.dimension]:
            key = (each.contract.pk, month_of_day(each.day), dimension)
            used[key] += each.told.quantity
            until[key] = max(until.get(key, each.told.started_at), each.told.started_at)
    terms = terms_of(list(contracts.values()))
    included = {
        (contract, month): included_in(terms[contract], month=month) for contract, month, _ in used
    }
    rows = sorted(
        (
            *(*key[:2], key[2].value, min(amount, MOST_COUNTED)),
            *(included[key[:2]].get(key[2]), until[key], now),
        )
        for key, amount in used.items()
    )
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [list(column) for column in zip(*rows, strict=True)])
        counted = cursor.fetchall()
    this_month = month_of_day(now.astimezone(PARIS).date())
    publish_all(
        AllowanceReached(contract, contracts[contract].party_id, month, dimension, percent)
        for contract, month, dimension, after, limit in counted
        if month == this_month and not shares(terms[contract], month=month)
        if (percent := reached(after, more=used[contract, month, dimension], included=limit))
    )


def _without_coming_bill(placed: Iterable[_Placed]) -> list[BillingAccount]:
    """The accounts of contracts that have ended, locked before anything else is."""
    ended = {
        each.contract.account_id
        for each in placed
        if each.contract is not None and each.contract.ended_on is not None
    }
    rows = BillingAccount.objects.select_for_update(no_key=True).filter(pk__in=ended)
    return list(rows.order_by("pk")) if ended else []


def _bill_once_more(
    accounts: Sequence[BillingAccount], counted: Sequence[_Placed], *, today: date
) -> None:
    """An account whose last bill has been made gets another one for what came after it."""
    touched = {each.contract.account_id for each in counted if each.contract is not None}
    for account in accounts:
        if account.pk in touched and account.next_bill_on is None and account.cycle_day:
            calendar.bill_from(account, bill_period(today, cycle_day=account.cycle).end)
