"""Which contract a telephone number belongs to."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from django.db.models import OuterRef, Q, Subquery

from commerce.accounts.kinds import Segment
from subscriptions.domain.states import SubscriptionStatus
from subscriptions.models import Subscription

PATHS: Mapping[str, str] = {
    Segment.CONSUMER: "/account/lines/{}/",
    Segment.BUSINESS: "/portal/lines/{}/timeline/",
}
"""Where a line is read, by whose it is."""


@dataclass(frozen=True, slots=True)
class Line:
    """The contract that has (or last had) a number."""

    subscription_id: int
    party_id: int
    order_number: str
    group: str
    msisdn: str
    business: bool
    active: bool
    ended_on: date | None
    commitment_ends_on: date | None


@dataclass(frozen=True, slots=True)
class RunningLine:
    party_id: int
    msisdn: str
    iccid: str


MOBILE = ("06", "07")


def running_lines() -> tuple[RunningLine, ...]:
    """Every mobile line that a contract holds, suspended ones too. One query."""
    mobile = Q(msisdn__startswith=MOBILE[0]) | Q(msisdn__startswith=MOBILE[1])
    running = (SubscriptionStatus.ACTIVE, SubscriptionStatus.SUSPENDED)
    rows = Subscription.objects.filter(mobile, status__in=running).order_by("pk")
    return tuple(RunningLine(*row) for row in rows.values_list("party_id", "msisdn", "iccid"))


def numbers_of(party_ids: Collection[int]) -> frozenset[str]:
    """The numbers of all contracts of these parties, ended ones too. One query."""
    rows = Subscription.objects.filter(party_id__in=party_ids).exclude(msisdn="")
    return frozenset(rows.values_list("msisdn", flat=True))


def line_of(msisdn: str) -> Line | None:
    """The newest contract with the number; None if there never was one. One query."""
    rows = Subscription.objects.filter(msisdn=msisdn).select_related("account")
    return _line(rows.order_by("-pk").first())


def last_used_by(party_id: int, *, since: date) -> tuple[str, ...]:
    """The numbers whose last contract was the party's and ended on `since` or later, the last one
    first. One query."""
    newest = Subscription.objects.filter(msisdn=OuterRef("msisdn")).order_by("-pk")
    rows = Subscription.objects.filter(
        pk=Subquery(newest.values("pk")[:1]),
        party_id=party_id,
        status=SubscriptionStatus.ENDED,
        ended_on__gte=since,
    ).exclude(msisdn="")
    return tuple(rows.order_by("-ended_on", "-pk").values_list("msisdn", flat=True))


def line_of_subscription(subscription_id: int) -> Line | None:
    rows = Subscription.objects.filter(pk=subscription_id).select_related("account")
    return _line(rows.first())


def line_of_bundle(order_number: str, *, group: str) -> Line | None:
    """The contract that began with the bundle; None where it is billed elsewhere. One query."""
    rows = Subscription.objects.filter(order_number=order_number, group=group)
    return _line(rows.select_related("account").first())


def has_ended(order_number: str, *, group: str) -> bool:
    """Whether the contract that began with the bundle is over; one that is billed elsewhere, or
    has not begun, is not. One query."""
    rows = Subscription.objects.filter(order_number=order_number, group=group)
    return rows.filter(status=SubscriptionStatus.ENDED).exists()


def _line(row: Subscription | None) -> Line | None:
    if row is None:
        return None
    return Line(
        row.pk,
        row.party_id,
        row.order_number,
        row.group,
        row.msisdn,
        row.account.segment == "business",
        row.status != SubscriptionStatus.ENDED,
        row.ended_on,
        row.commitment_ends_on,
    )
