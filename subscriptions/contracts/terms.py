"""What changes of terms were announced to contracts, and until when their holders may leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.db.models import Q, QuerySet

from commerce.accounts.kinds import Segment
from commerce.kernel.clock import PARIS, business_today
from commerce.kernel.periods import add_months
from commerce.markets.pack import market
from subscriptions.domain.terms import ToldOf, last_free_day
from subscriptions.models import TermsNotice


@dataclass(frozen=True, slots=True)
class ToApply:
    """A change that was told and has not been carried out. Another plan whose day has passed, as
    something was in the way, takes the old one's place with the next bill: nobody pays it for days
    on which he had the old one."""

    notice_id: int
    item_id: int
    subscription_id: int
    party_id: int
    order_number: str
    business: bool
    successor: str
    effective_on: date
    runs: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """Of an announced change: whose holders were `told`, and what became of it."""

    told: int
    unreachable: int
    applied: int
    left: int
    refused: int


def leaves_freely_until(
    subscription_id: int, *, on: date, bound_since: date | None = None
) -> date | None:
    """The last day on which who was told of a change may leave free of charge for it, if that is
    not past on the day `on`; None without such a change."""
    months = market(settings.MARKET).terms_rules().leave_months
    rows = touching().filter(
        item__subscription=subscription_id,
        effective_on__gt=add_months(on, -months - 1),
        told_at__isnull=False,
    )
    told = (
        ToldOf(told_at.astimezone(PARIS).date(), effective_on)
        for effective_on, told_at in rows.values_list("effective_on", "told_at")
        if told_at is not None
    )
    return last_free_day(told, on=on, months=months, bound_since=bound_since)


def touching() -> QuerySet[TermsNotice]:
    """What was told of what its holder still has, or had until it changed as he was told. Nothing
    of what he gave up himself before: for him nothing changes."""
    gone = Q(outcome="left") | Q(outcome="", item__until_on__isnull=False)
    return TermsNotice.objects.exclude(gone)


def to_apply(terms: int, *, day: date, after: int, most: int) -> Sequence[ToApply]:
    """Those of a day that come after the notice `after`; one query."""
    rows = TermsNotice.objects.filter(
        terms=terms, effective_on=day, outcome="", told_at__isnull=False, pk__gt=after
    ).select_related("terms", "item__subscription__account")
    return tuple(_to_apply(row) for row in rows.order_by("pk")[:most])


def _to_apply(row: TermsNotice) -> ToApply:
    contract, on, today = row.item.subscription, row.effective_on, business_today()
    if row.terms.successor and on < today:
        on = contract.account.next_bill_on or today
    return ToApply(
        notice_id=row.pk,
        item_id=row.item_id,
        subscription_id=contract.pk,
        party_id=contract.party_id,
        order_number=contract.order_number,
        business=contract.account.segment == Segment.BUSINESS,
        successor=row.terms.successor,
        effective_on=on,
        runs=row.item.until_on is None,
    )


def progress_of(code: str) -> Progress:
    outcomes = list(TermsNotice.objects.filter(terms__code=code).values_list("outcome", flat=True))
    known = {"", "applied", "left", "unreachable"}
    return Progress(
        told=sum(each != "unreachable" for each in outcomes),
        unreachable=outcomes.count("unreachable"),
        applied=outcomes.count("applied"),
        left=outcomes.count("left"),
        refused=sum(each not in known for each in outcomes),
    )
