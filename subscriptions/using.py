"""What lines used, as customers, agents and rules ask for it."""

from collections.abc import Mapping
from datetime import date

from catalogue.domain.usage import Dimension
from commerce.kernel.periods import add_months
from promotions.domain.next_offers import MOST_MONTHS
from subscriptions import models
from subscriptions.domain.consumption import Consumption, month_of_day

Lines = Mapping[int, tuple[Consumption, ...]]
"""By the contract's id, the oldest month first."""


def consumption_of(party_id: int, *, on: date, subscription_id: int | None = None) -> Lines:
    """What the party's lines used in the month of the day and the twelve before; one query."""
    rows = models.Consumption.objects.filter(
        subscription__party_id=party_id,
        month__gte=add_months(month_of_day(on), -MOST_MONTHS),
        month__lte=on,
    )
    if subscription_id is not None:
        rows = rows.filter(subscription_id=subscription_id)
    found: dict[int, list[Consumption]] = {}
    for row in rows.order_by("month", "pk"):
        found.setdefault(row.subscription_id, []).append(
            Consumption(
                subscription_id=row.subscription_id,
                month=row.month,
                dimension=Dimension(row.dimension),
                used=row.used,
                included=row.included,
                counted_at=row.counted_at,
            )
        )
    return {key: tuple(each) for key, each in found.items()}
