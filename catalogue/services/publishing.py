"""Releases: published now or for a day to come, taken back before it, gone back to."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from catalogue.events import ReleaseInForce, ReleasePublished
from catalogue.importer.drafts import checked
from catalogue.importer.loader import Accepted
from catalogue.importer.writing import stored
from catalogue.models import DRAFT_LIFE, Draft, DraftState, Release, Withdrawal
from catalogue.services.acts import only_managers, record
from catalogue.services.drafts import latest_release, locked, parts_in
from catalogue.services.mirror import add_numbers, add_stock, mirror
from catalogue.services.search_index import ensure_index
from commerce.accounts.identity import SYSTEM, AccountContext
from commerce.events import timers
from commerce.events.outbox import publish
from commerce.kernel.clock import PARIS, business_now
from commerce.kernel.errors import Conflict, InvalidInput, NotFound

TIMER = "catalogue.release"
_LOCK = 7_401_001


def publish_draft(
    context: AccountContext,
    *,
    draft_id: int,
    version: int,
    at: datetime | None = None,
    note: str = "",
) -> int:
    """Sell what the draft says from `at` on (default: now); the number of the new release.

    `version` is the draft as the caller saw it. What is sold on that day is checked anew, at the
    tax rates of that day.

    Raises:
        CatalogueInvalid: with every finding.
        Conflict: `draft_changed` meanwhile, or `draft_is_behind` a release that was made after
            it was begun: its work would be lost.
        InvalidInput: `publication_in_the_past`.
    """
    only_managers(context)
    now = business_now()
    sold_from = at or now
    if sold_from < now:
        raise InvalidInput(
            "That moment is over.", code="publication_in_the_past", field="publish_at"
        )
    with transaction.atomic():
        one_at_a_time()
        draft = locked(draft_id, version=version)
        latest = latest_release()
        if latest is not None and draft.base_id != latest.pk:
            raise Conflict(
                f"Release {latest.number} was made after this draft was begun.",
                code="draft_is_behind",
                release=latest.number,
            )
        accepted = checked(parts_in(draft), on=sold_from.astimezone(PARIS).date())
        release = put_on_sale(accepted, at=sold_from, note=note, context=context, draft=draft)
        DRAFT_LIFE.check(DraftState(draft.state), DraftState.PUBLISHED)
        draft.state, draft.release = DraftState.PUBLISHED, release
        draft.save(update_fields=["state", "release"])
    return release.number


@transaction.atomic
def put_on_sale(
    accepted: Accepted,
    *,
    at: datetime,
    note: str,
    context: AccountContext,
    draft: Draft | None = None,
) -> Release:
    """Make a release of what was accepted; products, stock and numbers come with it."""
    one_at_a_time()
    release = Release.objects.create(
        number=_next_number(),
        document=accepted.document,
        digest=accepted.digest,
        source=stored(accepted.source),
        published_at=at,
        note=note[:200],
    )
    mirror(accepted, release=release)
    ensure_index(accepted.snapshot)
    add_stock(accepted.catalogue)
    add_numbers(accepted.catalogue)
    _announce(release)
    values = {"from": at.isoformat(), "note": note}
    record("published", context=context, draft=draft, release=release, values=values)
    return release


@transaction.atomic
def roll_back(*, to: int, at: datetime, context: AccountContext = SYSTEM) -> int:
    """Sell from `at` on what release `to` sold, as a new release; its number.

    Raises:
        NotFound: code `unknown_release`.
        Conflict: `release_never_sold`: it was withdrawn, or its day has not come.
    """
    only_managers(context)
    one_at_a_time()
    old = _release(to)
    if old.published_at > business_now() or Withdrawal.objects.filter(release=old).exists():
        raise Conflict(
            "Nothing was ever sold from this release; go back to one that was.",
            code="release_never_sold",
            release=to,
        )
    release = Release.objects.create(
        number=_next_number(),
        document=old.document,
        digest=old.digest,
        source=old.source,
        published_at=at,
        note=f"Back to release {to}",
    )
    _announce(release)
    values = {"to": to, "from": at.isoformat()}
    record("rolled_back", context=context, release=release, values=values)
    return release.number


@transaction.atomic
def withdraw(context: AccountContext, *, number: int) -> None:
    """Take a release back before its day. May be repeated.

    Raises:
        NotFound: code `unknown_release`.
        Conflict: `release_in_force`; then only another release helps.
    """
    only_managers(context)
    one_at_a_time()
    release = _release(number)
    if release.published_at <= business_now():
        raise Conflict(
            "It is sold already; go back to an earlier release instead.",
            code="release_in_force",
            release=number,
        )
    _, new = Withdrawal.objects.get_or_create(
        release=release, defaults={"withdrawn_at": business_now()}
    )
    if new:
        timers.cancel(_timer_key(number))
        record("withdrawn", context=context, release=release)


def on_release_due(payload: Mapping[str, Any]) -> None:
    """Timer: the day of a release has come."""
    release = Release.objects.get(number=payload["release"])
    if not Withdrawal.objects.filter(release=release).exists():
        publish(ReleaseInForce(release=release.number))
        record("in_force", context=SYSTEM, release=release)


def one_at_a_time() -> None:
    """Whoever makes releases waits for the others, until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _announce(release: Release) -> None:
    publish(ReleasePublished(release=release.number, sold_from=release.published_at))
    timers.schedule(
        key=_timer_key(release.number),
        handler=TIMER,
        due_at=release.published_at,
        payload={"release": release.number},
    )


def _timer_key(number: int) -> str:
    return f"{TIMER}:{number}"


def _release(number: int) -> Release:
    found = Release.objects.filter(number=number).first()
    if found is None:
        raise NotFound(f"There is no release {number}.", code="unknown_release", release=number)
    return found


def _next_number() -> int:
    last = Release.objects.order_by("-number").values_list("number", flat=True).first()
    return (last or 0) + 1
