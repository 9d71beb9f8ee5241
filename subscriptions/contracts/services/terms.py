"""A change of running contracts is announced, and everybody whom it touches is told in time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from catalogue.domain.model import Kind
from catalogue.selectors import current_snapshot
from commerce.accounts.selectors import reach
from commerce.events import timers
from commerce.kernel.clock import PARIS, business_now, business_today
from commerce.kernel.errors import Conflict, InvalidInput, RuleViolated
from commerce.kernel.periods import add_months
from commerce.markets.pack import market
from commerce.notifications.models import MessageChannel
from commerce.notifications.services import send
from subscriptions.contracts.lines import PATHS
from subscriptions.contracts.terms import WITH_PROMISES, effective_on, first_day, touched_by
from subscriptions.models import Subscription, SubscriptionItem, TermsChange, TermsNotice

TELL, APPLY = "terms-tell", "terms-apply"
"""The handlers: the next holders are told, and the changes of a day are carried out."""
CHUNK = 100
APPLY_BEFORE = timedelta(days=2)
"""The orders are placed so long before the bill of the day, and wait for it."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """See `TermsChange`."""

    code: str
    offering: str
    segment: str
    from_on: date
    names: Mapping[str, str]
    successor: str = ""


def contracts_touched(told: Announcement) -> int:
    """How many contracts it would touch."""
    return touched_by(told.offering, told.segment).count()


@transaction.atomic
def announce_terms(told: Announcement, *, by: str, seen: int | None = None) -> int:
    """Keep the change and have everybody told whom it touches; its id. `seen`: how many contracts
    it touched when it was tried.

    Raises:
        As `check_announcement`, and InvalidInput `terms_code_taken`.
        Conflict: `terms_touch_others`: they are more or fewer than were `seen`.
    """
    touched = check_announcement(told)
    if seen is not None and seen != touched:
        raise Conflict(
            f"Meanwhile it touches {touched} contracts, not {seen}. Look at it again.",
            code="terms_touch_others",
            contracts=touched,
        )
    try:
        with transaction.atomic():
            row = TermsChange.objects.create(
                code=told.code,
                offering=told.offering,
                segment=told.segment,
                successor=told.successor,
                names=dict(told.names),
                from_on=told.from_on,
                announced_at=business_now(),
                announced_by=by,
            )
    except IntegrityError as clash:
        raise InvalidInput(
            "A change of that name was announced already.", code="terms_code_taken", field="code"
        ) from clash
    _tell_from(row, after=0)
    return row.pk


def check_announcement(told: Announcement) -> int:
    """How many contracts it would touch, if it can be announced today.

    Raises:
        InvalidInput: `notice_too_short`: it would take effect less than the market's notice from
            today; `names_missing`: a language without a text; `not_a_plan`: only a plan takes
            another's place.
        NotFound: `unknown_offering`, also of the successor.
        RuleViolated: `nobody_touched`.
    """
    _check_offerings(told)
    earliest = first_day()
    if told.from_on < earliest:
        raise InvalidInput(
            f"It can take effect on {earliest:%d/%m/%Y} or later.",
            code="notice_too_short",
            field="from_on",
            earliest=earliest.isoformat(),
        )
    if not all(told.names.get(language) for language, _ in settings.LANGUAGES):
        raise InvalidInput("Say it in every language.", code="names_missing", field="names")
    touched = contracts_touched(told)
    if not touched:
        raise RuleViolated("No running contract holds that.", code="nobody_touched")
    return touched


def _check_offerings(told: Announcement) -> None:
    catalogue = current_snapshot(business_now())
    found = [catalogue.offering(code) for code in (told.offering, told.successor) if code]
    if told.successor and any(offering.kind is not Kind.PLAN for offering in found):
        raise InvalidInput(
            "Only a plan takes the place of another.", code="not_a_plan", field="successor"
        )


@transaction.atomic
def on_tell_due(payload: Mapping[str, Any]) -> None:
    """Timer: tell the next holders. May be repeated: each is told once."""
    terms = TermsChange.objects.get(pk=payload["terms"])
    items = list(
        touched_by(terms.offering, terms.segment)
        .filter(pk__gt=payload["after"])
        .exclude(terms_notices__terms=terms)
        .select_related(*WITH_PROMISES)
        .order_by("pk")[:CHUNK]
    )
    days = {_notice(terms, item).effective_on for item in items}
    for day in days:
        _apply_on(terms.pk, day=day)
    if items:
        _tell_from(terms, after=items[-1].pk)


def apply_on_from(terms: int, *, day: date, after: int) -> None:
    """Go on at once with those of that day that come after the notice `after`."""
    payload = {"terms": terms, "day": day.isoformat(), "after": after}
    timers.soon(key=f"{APPLY}:{terms}:{day}", handler=APPLY, payload=payload)


def apply_again(terms: int, *, day: date) -> None:
    """Tomorrow: what could not be ordered for that day today."""
    _apply_at(terms, day=day, on=business_today() + timedelta(days=1))


def tell_new_holder(old: Subscription, new: Subscription) -> None:
    """The line has gone to another holder: of what is still to change he is told for himself, with
    a month and days to leave of his own. In the caller's transaction."""
    rows = TermsNotice.objects.filter(
        item__subscription=old, outcome__in=["", "unreachable"]
    ).select_related("terms")
    items = {item.offering: item for item in new.items.select_related("subscription__account")}
    for row in rows:
        item = items.get(row.terms.offering)
        if item is not None:
            _apply_on(row.terms_id, day=_notice(row.terms, item).effective_on)


def look_again_at(item_id: int) -> None:
    """Tomorrow: the order that changed the item was called off, and it runs as it did."""
    rows = TermsNotice.objects.filter(
        item=item_id, outcome="applied", item__until_on__isnull=True
    ).exclude(terms__successor="")
    for row in rows:
        row.outcome = ""
        row.save(update_fields=["outcome"])
        apply_again(row.terms_id, day=row.effective_on)


def settle_notice(notice_id: int, *, outcome: str, on: date) -> None:
    """What became of the change, which takes effect on the day `on`."""
    TermsNotice.objects.filter(pk=notice_id).update(outcome=outcome[:40], effective_on=on)


def _notice(terms: TermsChange, item: SubscriptionItem) -> TermsNotice:
    known = bool(reach(item.subscription.party_id).email)
    notice = TermsNotice.objects.create(
        terms=terms,
        item=item,
        effective_on=effective_on(item, from_on=terms.from_on),
        told_at=business_now() if known else None,
        outcome="" if known else "unreachable",
    )
    if known:
        _send(notice)
    return notice


def _send(notice: TermsNotice) -> None:
    contract, rules = notice.item.subscription, market(settings.MARKET).terms_rules()
    send(
        party_id=contract.party_id,
        code="terms_change",
        channel=MessageChannel.EMAIL,
        values={
            "contract": contract.order_number,
            "item": notice.item.names,
            "names": notice.terms.names,
            "effective_on": notice.effective_on,
            "leave_until": add_months(notice.effective_on, rules.leave_months),
            "path": PATHS[contract.account.segment].format(contract.pk),
        },
        reference=f"terms/{notice.terms_id}/{notice.item_id}",
    )


def _tell_from(terms: TermsChange, *, after: int) -> None:
    timers.soon(key=f"{TELL}:{terms.pk}", handler=TELL, payload={"terms": terms.pk, "after": after})


def _apply_on(terms: int, *, day: date) -> None:
    _apply_at(terms, day=day, on=day - APPLY_BEFORE)


def _apply_at(terms: int, *, day: date, on: date) -> None:
    timers.schedule(
        key=f"{APPLY}:{terms}:{day}",
        handler=APPLY,
        due_at=datetime.combine(on, time(0, 10), tzinfo=PARIS),
        payload={"terms": terms, "day": day.isoformat(), "after": 0},
    )
