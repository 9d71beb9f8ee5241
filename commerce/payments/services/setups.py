"""A method added on the provider's hosted page, without a payment: asked for, opened, noted."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction

from commerce.events.timers import schedule
from commerce.kernel.clock import business_now, machine_now
from commerce.kernel.errors import NotFound, Refused, Unknown
from commerce.payments.gateway import gateway
from commerce.payments.models import MethodSetup, SetupState
from commerce.payments.ports import MethodKind, Outcome, SetupRequest
from commerce.payments.services.checkout import PAGE_LIFE
from commerce.payments.services.methods import keep, known_customer

TIMER = "payments.setup"
FIRST_LOOK = timedelta(minutes=1)
LONGEST_LOOK = timedelta(hours=1)
STILL_GOOD = timedelta(hours=1)
"""Of business time: a page that closes sooner is not handed out any more."""
OPEN = (SetupState.REQUESTED, SetupState.OPENED)


@transaction.atomic
def request_setup(
    *, party_id: int, kind: MethodKind, email: str, language: str, success_url: str, cancel_url: str
) -> str:
    """The key of a page on which the party adds a method; asked for twice it is the same, as long
    as nothing was added on it and it is open."""
    mine = MethodSetup.objects.filter(party_id=party_id, kind=kind, language=language)
    over = mine.exclude(state__in=OPEN, expires_at__gt=business_now() + STILL_GOOD)
    key = f"setup/{party_id}/{kind}/{language}/{over.count() + 1}"
    wish = MethodSetup(
        key=key,
        party_id=party_id,
        kind=kind,
        email=email,
        language=language,
        success_url=success_url,
        cancel_url=cancel_url,
        expires_at=business_now() + PAGE_LIFE,
        customer_id=known_customer(party_id),
    )
    MethodSetup.objects.bulk_create([wish], ignore_conflicts=True)
    return key


def open_setup(*, key: str) -> str:
    """The address of the page. May be repeated, and after a crash at any line: the provider answers
    the same key with the same page.

    Raises:
        NotFound: no such page was asked for.
        Refused, Unknown: the provider says no, or nothing.
    """
    row = _row(key)
    if row.state == SetupState.OPENED:
        return row.hosted_url
    opened = gateway().open_setup(_request(row))
    with transaction.atomic():
        asked = MethodSetup.objects.filter(key=key, state=SetupState.REQUESTED)
        if asked.update(
            state=SetupState.OPENED, session_id=opened.session_id, hosted_url=opened.url
        ):
            _look_later(key, after=FIRST_LOOK)
    return opened.url


def note_setup(*, key: str) -> bool:
    """Ask the provider what became of the page; whether a method has been added on it.

    Raises:
        NotFound: no such page was asked for. Refused, Unknown: the provider tells nothing.
    """
    row = _row(key)
    if row.state != SetupState.OPENED:
        return row.state == SetupState.SAVED
    report = gateway().report_setup(session_id=row.session_id)
    if report.outcome is Outcome.CANCELLED:
        _end(key, SetupState.EXPIRED)
    if report.method is None:
        return False
    with transaction.atomic():
        if _end(key, SetupState.SAVED):
            keep(party_id=row.party_id, method=report.method, for_bills=True)
    return True


def back_from_setup(*, party_id: int) -> bool:
    """The browser is back: whether a method has been added on the party's last page, as far as the
    provider tells."""
    last = MethodSetup.objects.filter(party_id=party_id).exclude(session_id="").order_by("-pk")
    row = last.first()
    if row is None:
        return False
    try:
        return note_setup(key=row.key)
    except (Unknown, Refused):
        return False


def look_after(payload: Mapping[str, Any]) -> bool:
    """Timer: ask for a page that nobody reported on; less and less often, until it is closed.
    Answers whether the provider was asked."""
    key = payload["key"]
    if _row(key).state != SetupState.OPENED:
        return False
    note_setup(key=key)
    if _row(key).state == SetupState.OPENED:
        _look_later(key, after=min(timedelta(seconds=payload["after"]) * 2, LONGEST_LOOK))
    return True


def _look_later(key: str, *, after: timedelta) -> None:
    schedule(
        key=f"{TIMER}:{key}",
        handler=TIMER,
        due_at=machine_now() + after,
        payload={"key": key, "after": after.total_seconds()},
        clock="machine",
    )


def _end(key: str, state: SetupState) -> bool:
    return bool(MethodSetup.objects.filter(key=key, state=SetupState.OPENED).update(state=state))


def _request(row: MethodSetup) -> SetupRequest:
    return SetupRequest(
        key=row.key,
        kind=MethodKind(row.kind),
        email=row.email,
        language=row.language,
        success_url=row.success_url,
        cancel_url=row.cancel_url,
        expires_at=row.expires_at,
        customer_id=row.customer_id,
    )


def _row(key: str) -> MethodSetup:
    row = MethodSetup.objects.filter(key=key).first()
    if row is None:
        raise NotFound("There is no such page.")
    return row
