"""A firm's running contracts with what its own books call them."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, QuerySet

from subscriptions.domain.buyers import BuyerCodes
from subscriptions.domain.states import SubscriptionStatus
from subscriptions.domain.views import Names
from subscriptions.models import Subscription, SubscriptionItem


@dataclass(frozen=True, slots=True)
class BookedLine:
    """A contract that runs; `plan` is the first thing that it holds."""

    id: int
    msisdn: str
    user_name: str
    order_number: str
    plan: Names
    codes: BuyerCodes


class BookedLines:
    """All that were looked for, read page by page, by cost centre and user."""

    def __init__(self, rows: QuerySet[Subscription]) -> None:
        self._rows = rows

    def count(self) -> int:
        return self._rows.count()

    def page(self, *, offset: int, limit: int) -> tuple[BookedLine, ...]:
        """One query."""
        first = SubscriptionItem.objects.filter(subscription=OuterRef("pk")).order_by("pk")
        rows = self._rows.annotate(plans=ArraySubquery(first.values("names")[:1]))
        page = rows.order_by("cost_centre", "user_name", "pk")[offset : offset + limit]
        return tuple(_line(row, row.plans) for row in page)


def booked_lines(party_id: int, *, text: str = "") -> BookedLines:
    """Those whose number, user, cost centre or order has `text` in it."""
    running = Subscription.objects.filter(
        party_id=party_id, status__in=(SubscriptionStatus.ACTIVE, SubscriptionStatus.SUSPENDED)
    )
    if not text:
        return BookedLines(running)
    said = Q(user_name__icontains=text) | Q(cost_centre__icontains=text)
    said |= Q(purchase_order__icontains=text) | Q(order_number__iexact=text)
    figures = "".join(text.split())
    if figures.isdecimal():
        said |= Q(msisdn__contains=figures)
    return BookedLines(running.filter(said))


def _line(row: Subscription, plans: list[Mapping[str, str]]) -> BookedLine:
    return BookedLine(
        row.pk,
        row.msisdn,
        row.user_name,
        row.order_number,
        plans[0] if plans else {},
        BuyerCodes(row.cost_centre, row.purchase_order),
    )
