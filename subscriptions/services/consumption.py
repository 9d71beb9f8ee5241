"""Consumption is taken in from the operator's systems, all of it or nothing, however often."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import connection, transaction

from catalogue.domain.model import Kind, Segment
from catalogue.domain.usage import Dimension, allowances_of
from catalogue.selectors import current_snapshot, snapshot_of
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import InvalidInput
from commerce.kernel.periods import add_months
from commerce.kernel.sentences import Sentence
from commerce.markets.pack import market
from subscriptions.domain.consumption import Report
from subscriptions.models import Subscription, SubscriptionItem

MOST = 50_000
MOST_USED = Decimal(10_000_000)
AHEAD = timedelta(minutes=10)
"""So far the clock of another system may be before ours."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Records that are new, that replaced an earlier count, that changed nothing."""

    added: int
    replaced: int
    same: int


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the report at `place` (counted from 0)."""

    place: int
    field: str
    message: str


class ConsumptionRefused(InvalidInput):
    """Nothing was taken in; `faults` has all that was found."""

    code = "consumption_invalid"

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        first = faults[0]
        super().__init__(first.message, field=f"records[{first.place}].{first.field}")


_TAKE = """
INSERT INTO subscriptions_consumption AS known
       (subscription_id, month, dimension, used, included, counted_at, taken_at)
SELECT * FROM unnest(%s::bigint[], %s::date[], %s::text[], %s::numeric[], %s::numeric[],
                     %s::timestamptz[], %s::timestamptz[])
ON CONFLICT (subscription_id, dimension, month) DO UPDATE
   SET used = excluded.used, included = excluded.included, counted_at = excluded.counted_at,
       taken_at = excluded.taken_at
 WHERE known.counted_at < excluded.counted_at
    OR (known.counted_at = excluded.counted_at AND known.used <> excluded.used)
RETURNING xmax = 0
"""


@transaction.atomic
def take_consumption(reports: Sequence[Report]) -> Taken:
    """Store what was used; with it what the line's contract includes.

    Raises:
        ConsumptionRefused: a line that runs here in no such month, one fact reported twice, a
            month to come, an amount that can't be; then nothing is stored.
    """
    contracts = _contracts({report.line for report in reports})
    found, faults = [], []
    seen: dict[tuple[object, ...], int] = {}
    for place, report in enumerate(reports):
        contract = _contract_of(report, contracts)
        own = list(_faults(place, report, contract, seen))
        faults += own
        if contract is not None and not own:
            found.append((contract, report))
    if faults:
        raise ConsumptionRefused(faults)
    return _stored(found)


def _stored(found: Sequence[tuple[Subscription, Report]]) -> Taken:
    """In the order of their key, so that two of them never wait for each other."""
    if not found:
        return Taken(0, 0, 0)
    included = _included(found)
    now = business_now()
    rows = sorted(
        (
            contract.pk,
            report.month,
            report.dimension.value,
            report.used,
            included[contract.pk, report.month].get(report.dimension),
            report.counted_at,
            now,
        )
        for contract, report in found
    )
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [list(column) for column in zip(*rows, strict=True)])
        new = [fresh for (fresh,) in cursor.fetchall()]
    return Taken(sum(new), len(new) - sum(new), len(rows) - len(new))


def _contracts(lines: Iterable[str]) -> Mapping[str, list[Subscription]]:
    """By number, the latest first: a number may have had another owner before."""
    numbers = {number for line in lines if (number := _number(line))}
    rows = (
        Subscription.objects.filter(msisdn__in=numbers)
        .select_related("account")
        .order_by("-activated_on", "-pk")
    )
    found: dict[str, list[Subscription]] = {}
    for row in rows:
        found.setdefault(row.msisdn, []).append(row)
    return found


def _number(line: str) -> str:
    try:
        return market(settings.MARKET).normalise_number(line)
    except InvalidInput:
        return ""


def _contract_of(
    report: Report, contracts: Mapping[str, list[Subscription]]
) -> Subscription | None:
    following = add_months(report.month, 1)
    return next(
        (
            row
            for row in contracts.get(_number(report.line), ())
            if row.activated_on < following
            and (row.ended_on is None or row.ended_on > report.month)
        ),
        None,
    )


def _faults(
    place: int,
    report: Report,
    contract: Subscription | None,
    seen: dict[tuple[object, ...], int],
) -> Iterator[Fault]:
    now = business_now()
    if contract is None:
        yield Fault(
            place,
            "line",
            Sentence("No line %(line)s ran in that month.", line=report.line[:40] or "?"),
        )
    if report.month.day != 1 or report.month > business_today():
        yield Fault(
            place, "month", Sentence("A month that has begun, by its first day: 2026-11-01.")
        )
    if not Decimal(0) <= report.used <= MOST_USED:
        yield Fault(place, "used", Sentence("An amount from 0 to %(most)s.", most=MOST_USED))
    if report.counted_at > now + AHEAD:
        yield Fault(place, "counted_at", Sentence("It can't be counted in the future."))
    key = (contract.pk if contract else report.line, report.month, report.dimension)
    first = seen.setdefault(key, place)
    if first != place:
        yield Fault(
            place, "line", Sentence("Record %(first)s says something of it.", first=first + 1)
        )


def _included(
    found: Sequence[tuple[Subscription, Report]],
) -> Mapping[tuple[int, date], Mapping[Dimension, Decimal]]:
    """By contract and month, what it included, as its release sold it."""
    contracts = {contract.pk: contract for contract, _ in found}
    months = {(contract.pk, report.month) for contract, report in found}
    items: dict[int, list[SubscriptionItem]] = {key: [] for key in contracts}
    for item in SubscriptionItem.objects.filter(subscription__in=contracts):
        items[item.subscription_id].append(item)
    return {(key, month): included_in(month, contracts[key], items[key]) for key, month in months}


def included_in(
    month: date, contract: Subscription, items: Iterable[SubscriptionItem]
) -> Mapping[Dimension, Decimal]:
    """What a month of the contract included; what is not named has no end.

    Of two plans in a month, the one that it ended with.
    """
    following = add_months(month, 1)
    there = [
        item
        for item in items
        if item.from_on < following and (item.until_on is None or item.until_on > month)
    ]
    sold, now = snapshot_of(contract.release).offerings, current_snapshot().offerings
    found = (
        sold.get(item.offering) or now.get(item.offering)
        for item in sorted(there, key=lambda item: item.from_on)
    )
    offerings = [each for each in found if each is not None]
    plans = [each for each in offerings if each.kind is Kind.PLAN]
    return allowances_of(
        [*plans[-1:], *(each for each in offerings if each.kind is not Kind.PLAN)],
        segment=Segment(contract.account.segment),
        term=contract.commitment_months,
        at=contract.activated_at,
    )
