"""Whose a number was on a day: contracts get other numbers, and numbers other contracts.

The day of a change belongs to both: what was used under the old number on its last day is the
contract's that had it, as long as nobody else has the number by then.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.db.models import Max

from commerce.kernel.errors import InvalidInput
from commerce.kernel.periods import Period
from commerce.markets.pack import market
from subscriptions.models import FormerNumber, Subscription


@dataclass(frozen=True, slots=True)
class Holding:
    """A contract had a number from `since` until some time on the day `until` (None: it has it)."""

    contract: Subscription
    since: date
    until: date | None

    def on(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day <= self.until)


Holdings = Mapping[str, list[Holding]]
"""By number, the latest first."""


def holdings(lines: Collection[str]) -> Holdings:
    """Who had these numbers, in whatever form they are written; two queries."""
    numbers = {number for line in lines if (number := number_of(line))}
    found: dict[str, list[Holding]] = {number: [] for number in numbers}
    rows = Subscription.objects.filter(msisdn__in=numbers).select_related("account")
    for row in rows.annotate(since=Max("former_numbers__until_on")):
        found[row.msisdn].append(Holding(row, row.since or row.activated_on, row.ended_on))
    former = FormerNumber.objects.filter(msisdn__in=numbers)
    for one in former.select_related("subscription__account"):
        found[one.msisdn].append(Holding(one.subscription, one.from_on, one.until_on))
    for each in found.values():
        each.sort(key=lambda holding: (holding.since, holding.contract.pk), reverse=True)
    return found


def holder(found: Holdings, line: str, *, day: date) -> Subscription | None:
    """Whose contract the number was on that day."""
    known = found.get(number_of(line), ())
    return next((each.contract for each in known if each.on(day)), None)


def holder_in(found: Holdings, line: str, *, days: Period) -> Subscription | None:
    """The last contract that had the number on some of the days."""
    last = days.end - timedelta(days=1)
    known = found.get(number_of(line), ())
    return next(
        (
            each.contract
            for each in known
            if each.since <= last and (each.until is None or each.until > days.start)
        ),
        None,
    )


def number_of(line: str) -> str:
    """As contracts have it; empty if it is no number."""
    try:
        return market(settings.MARKET).normalise_number(line)
    except InvalidInput:
        return ""
