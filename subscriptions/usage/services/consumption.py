"""Consumption is taken in from the operator's systems, all of it or nothing, however often."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db import connection, transaction

from catalogue.domain.usage import Dimension
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import InvalidInput
from commerce.kernel.sentences import Sentence
from subscriptions.domain.consumption import Report
from subscriptions.domain.rating import included_in, month_days
from subscriptions.models import Subscription
from subscriptions.usage.holders import holder_in, holdings
from subscriptions.usage.rates import terms_of

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
       (subscription_id, month, dimension, used, included, counted_at, taken_at, from_records,
        unsettled)
SELECT *, false, false
  FROM unnest(%s::bigint[], %s::date[], %s::text[], %s::numeric[], %s::numeric[],
              %s::timestamptz[], %s::timestamptz[])
ON CONFLICT (subscription_id, dimension, month) DO UPDATE
   SET used = excluded.used, included = excluded.included, counted_at = excluded.counted_at,
       taken_at = excluded.taken_at
 WHERE NOT known.from_records
   AND (known.counted_at < excluded.counted_at
        OR (known.counted_at = excluded.counted_at AND known.used <> excluded.used))
RETURNING xmax = 0
"""


@transaction.atomic
def take_consumption(reports: Sequence[Report]) -> Taken:
    """Store what was used; with it what the line's contract includes.

    Of what usage records speak of a count changes nothing: they are what is rated.

    Raises:
        ConsumptionRefused: a line that runs here in no such month, one fact reported twice, a
            month to come, an amount that can't be; then nothing is stored.
    """
    known = holdings({report.line for report in reports})
    found, faults = [], []
    seen: dict[tuple[object, ...], int] = {}
    for place, report in enumerate(reports):
        contract = holder_in(known, report.line, days=month_days(report.month))
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
    terms = terms_of(list({contract.pk: contract for contract, _ in found}.values()))
    months = {(contract.pk, report.month) for contract, report in found}
    return {(key, month): included_in(terms[key], month=month) for key, month in months}
