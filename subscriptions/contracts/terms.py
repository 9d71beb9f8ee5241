"""What changes of terms were announced to contracts, and until when their holders may leave."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from commerce.accounts.kinds import Segment
from commerce.accounts.selectors import with_email
from commerce.kernel.clock import PARIS, business_today
from commerce.kernel.errors import NotFound
from commerce.kernel.periods import add_months
from commerce.markets.pack import market
from subscriptions.contracts.services.promise import agreed_charges
from subscriptions.domain.states import SubscriptionStatus
from subscriptions.domain.terms import ToldOf, last_free_day, takes_effect
from subscriptions.models import Promise, SubscriptionItem, TermsChange, TermsNotice

WITH_PROMISES = ("subscription__account", "subscription__promise", "begun_by__promise")
"""What `effective_on` reads of an item."""
LOOKED_AT, SHOWN = 1000, 20
"""Of how many contracts it is worked out before it is announced when it takes effect, and how many
are named. A plain contract takes a fifth of a millisecond."""
MOST_REFUSED = 100
_KNOWN = ("", "applied", "left", "unreachable")


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
    """Of an announced change: whose holders were `told`, and what became of it: it still `waits`
    for its day, or was `applied`, they have `left` what was to change, or it was `refused`."""

    told: int
    unreachable: int
    applied: int
    left: int
    refused: int

    @property
    def waits(self) -> int:
        return self.told - self.applied - self.left - self.refused


@dataclass(frozen=True, slots=True)
class Touched:
    """A contract that a change would touch; its holder can be told of it if he is `known`."""

    order_number: str
    msisdn: str
    effective_on: date
    leave_until: date
    known: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """Whom a change would touch that were announced today. Of the `looked_at` first of all
    `contracts`: how many it takes effect for on which of the `days`, how many can not be told and
    keep what they have, and the first of them one by one."""

    contracts: int
    looked_at: int
    unreachable: int
    days: tuple[tuple[date, int], ...]
    first: tuple[Touched, ...]


@dataclass(frozen=True, slots=True)
class Campaign:
    """An announced change and what became of it."""

    code: str
    offering: str
    segment: str
    successor: str
    names: Mapping[str, str]
    from_on: date
    announced_at: datetime
    announced_by: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class RefusedChange:
    """What could not be ordered as it was announced, and why."""

    order_number: str
    msisdn: str
    effective_on: date
    reason: str


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


def touched_by(offering: str, segment: str) -> QuerySet[SubscriptionItem]:
    """The items of running contracts that a change of the offering would touch."""
    return SubscriptionItem.objects.filter(
        offering=offering, until_on__isnull=True, subscription__account__segment=segment
    ).exclude(subscription__status=SubscriptionStatus.ENDED)


def first_day() -> date:
    """On which a change can take effect that its holder is told of today."""
    return add_months(business_today(), market(settings.MARKET).terms_rules().notice_months)


def effective_on(item: SubscriptionItem, *, from_on: date) -> date:
    """When a change takes effect for an item whose holder is told today, `from_on` at the earliest:
    who is told late, as it takes its time to tell all, has his whole month too."""
    contract = item.subscription
    promise: Promise | None = item.begun_by.promise if item.begun_by else contract.promise
    assert promise is not None
    charges = [each for each in agreed_charges(promise) if each.item == item.line_id]
    return takes_effect(
        charges,
        since=item.from_on,
        cycle_day=contract.account.cycle,
        from_on=max(from_on, first_day()),
    )


def outlook(*, offering: str, segment: str, from_on: date) -> Outlook:
    """What an announcement would do; three queries, whatever the number of contracts."""
    rows = touched_by(offering, segment)
    items = list(rows.select_related(*WITH_PROMISES).order_by("pk")[:LOOKED_AT])
    known = with_email({item.subscription.party_id for item in items})
    touched = [_foreseen(item, from_on=from_on, known=known) for item in items]
    days = Counter(each.effective_on for each in touched if each.known)
    return Outlook(
        contracts=rows.count(),
        looked_at=len(items),
        unreachable=sum(not each.known for each in touched),
        days=tuple(sorted(days.items())),
        first=tuple(touched[:SHOWN]),
    )


def _foreseen(item: SubscriptionItem, *, from_on: date, known: frozenset[int]) -> Touched:
    contract, day = item.subscription, effective_on(item, from_on=from_on)
    months = market(settings.MARKET).terms_rules().leave_months
    return Touched(
        order_number=contract.order_number,
        msisdn=contract.msisdn,
        effective_on=day,
        leave_until=add_months(day, months),
        known=contract.party_id in known,
    )


def campaigns() -> tuple[Campaign, ...]:
    """All that were announced, the last one first. Two queries."""
    counted: dict[int, Counter[str]] = {}
    grouped = TermsNotice.objects.values_list("terms", "outcome").annotate(times=Count("pk"))
    for terms, outcome, times in grouped.order_by():
        counted.setdefault(terms, Counter())[outcome] = times
    return tuple(
        _campaign(row, counted.get(row.pk, Counter()))
        for row in TermsChange.objects.order_by("-announced_at", "-pk")
    )


def campaign_of(code: str) -> Campaign:
    """Raises NotFound: `unknown_announcement`."""
    row = TermsChange.objects.filter(code=code).first()
    if row is None:
        raise NotFound("Nothing of that name was announced.", code="unknown_announcement")
    return _campaign(row, _outcomes(code))


def days_of_campaign(code: str) -> tuple[tuple[date, Progress], ...]:
    """What became of it, by the day on which it takes effect. One query."""
    rows = TermsNotice.objects.filter(terms__code=code).values_list("effective_on", "outcome")
    days: dict[date, Counter[str]] = {}
    for day, outcome, times in rows.annotate(times=Count("pk")).order_by():
        days.setdefault(day, Counter())[outcome] = times
    return tuple((day, _progress(days[day])) for day in sorted(days))


def refused_of(code: str) -> tuple[RefusedChange, ...]:
    """The first of what could not be ordered. One query."""
    rows = TermsNotice.objects.filter(terms__code=code).exclude(outcome__in=_KNOWN)
    shown = rows.select_related("item__subscription").order_by("pk")[:MOST_REFUSED]
    return tuple(
        RefusedChange(
            order_number=row.item.subscription.order_number,
            msisdn=row.item.subscription.msisdn,
            effective_on=row.effective_on,
            reason=row.outcome,
        )
        for row in shown
    )


def progress_of(code: str) -> Progress:
    """Of the change of that name; nothing of one that was not announced."""
    return _progress(_outcomes(code))


def _outcomes(code: str) -> Counter[str]:
    rows = TermsNotice.objects.filter(terms__code=code).values_list("outcome")
    return Counter(dict(rows.annotate(times=Count("pk")).order_by()))


def _progress(outcomes: Counter[str]) -> Progress:
    return Progress(
        told=outcomes.total() - outcomes["unreachable"],
        unreachable=outcomes["unreachable"],
        applied=outcomes["applied"],
        left=outcomes["left"],
        refused=sum(times for outcome, times in outcomes.items() if outcome not in _KNOWN),
    )


def _campaign(row: TermsChange, outcomes: Counter[str]) -> Campaign:
    return Campaign(
        code=row.code,
        offering=row.offering,
        segment=row.segment,
        successor=row.successor,
        names=row.names,
        from_on=row.from_on,
        announced_at=row.announced_at,
        announced_by=row.announced_by,
        progress=_progress(outcomes),
    )
