"""What lines used, as customers, agents and rules ask for it."""

from collections.abc import Mapping
from datetime import date

from catalogue.domain.usage import Dimension
from commerce.kernel.periods import add_months
from promotions.domain.next_offers import MOST_MONTHS
from subscriptions import models
from subscriptions.domain.consumption import Consumption, month_of_day
from subscriptions.domain.rating import SoFar, rated, so_far, stretches
from subscriptions.usage.rates import terms_of, used_in

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


def used_so_far(party_id: int, *, on: date, subscription_id: int) -> tuple[SoFar, ...]:
    """What the line used in the month of the day by its usage records, and what that costs by now;
    with the lines that it shares with. Nothing where no record tells of it.

    Five queries, eight if it shares.
    """
    rows = models.Subscription.objects.select_related("account")
    contract = rows.filter(party_id=party_id, pk=subscription_id).first()
    if contract is None:
        return ()
    month = month_of_day(on)
    found = stretches(terms_of([contract])[contract.pk], month=month)
    if any(each.pool for each in found):
        lines = list(rows.filter(account=contract.account_id).order_by("pk"))
        shared = [part for one in terms_of(lines).values() for part in stretches(one, month=month)]
        found = tuple(shared)
    rates = rated(found, month=month, used=used_in(found), currency=contract.account.currency)
    return so_far(each for each in rates if subscription_id in each.members)
