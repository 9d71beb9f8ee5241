"""What the use of contracts is rated by, and what was used: loaded once for many."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from django.db import connection

from catalogue.domain.model import Segment
from catalogue.domain.usage import Dimension
from catalogue.selectors import current_snapshot, release_dates, snapshot_of
from subscriptions.domain.rating import COUNTS_AS, HeldOffering, LineTerms, Stretch, Used
from subscriptions.models import Subscription, SubscriptionItem

_USED = """
SELECT stretch.item, record.dimension, sum(record.quantity)
  FROM unnest(%s::bigint[], %s::bigint[], %s::date[], %s::date[])
       AS stretch (contract, item, since, until)
  JOIN subscriptions_usagerecord AS record
    ON record.subscription_id = stretch.contract AND record.state = 'counted'
   AND record.day >= stretch.since AND record.day < stretch.until
 GROUP BY 1, 2
"""


def terms_of(contracts: Sequence[Subscription]) -> Mapping[int, LineTerms]:
    """By contract; each with its account. What a change brought is as it was sold then.

    Three queries, however many contracts.
    """
    items: dict[int, list[SubscriptionItem]] = defaultdict(list)
    rows = SubscriptionItem.objects.filter(subscription__in=contracts).select_related("begun_by")
    for item in rows.order_by("from_on", "pk"):
        items[item.subscription_id].append(item)
    sold = _Sold()
    return {
        contract.pk: LineTerms(
            contract=contract.pk,
            segment=Segment(contract.account.segment),
            term=contract.commitment_months,
            held=tuple(sold.held(contract, items[contract.pk])),
        )
        for contract in contracts
    }


class _Sold:
    """Offerings as they were when they were sold; those that are gone from there, as they are."""

    def __init__(self) -> None:
        self._now = current_snapshot().offerings
        self._releases = release_dates()

    def held(
        self, contract: Subscription, items: Sequence[SubscriptionItem]
    ) -> Sequence[HeldOffering]:
        found = []
        for item in items:
            begun = item.begun_by
            at = begun.at if begun else contract.activated_at
            release = self._release(at) if begun else contract.release
            offering = snapshot_of(release).offerings.get(item.offering)
            offering = offering or self._now.get(item.offering)
            if offering is not None:
                days = (item.from_on, item.until_on)
                found.append(HeldOffering(item.pk, item.line_id, offering, *days, at))
        return found

    def _release(self, at: datetime) -> int:
        before = bisect_right(self._releases, at, key=lambda each: each[0])
        return self._releases[before - 1][1] if before else 0


def used_in(stretches: Sequence[Stretch]) -> Used:
    """What was used in each stretch of one month, of everything that it counts as; one query."""
    if not stretches:
        return {}
    columns = zip(
        *((each.contract, each.item, each.days.start, each.days.end) for each in stretches),
        strict=True,
    )
    found: dict[tuple[int, Dimension], Decimal] = defaultdict(Decimal)
    with connection.cursor() as cursor:
        cursor.execute(_USED, [list(column) for column in columns])
        for item, told, quantity in cursor.fetchall():
            for dimension in COUNTS_AS[Dimension(told)]:
                found[item, dimension] += quantity
    return found
