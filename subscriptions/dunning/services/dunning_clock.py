"""When an account is looked at for bills that are overdue: the timers of dunning."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from itertools import groupby

from commerce.events import timers
from commerce.kernel.clock import PARIS, business_today, machine_now
from subscriptions.models import BillingAccount, DunningCase

BILLS, LOOK = "dunning-bills", "dunning-look"
"""The handlers: bills whose due day is over, and an account."""
LOOK_AT = time(10)
"""In Paris; an hour after cards are charged."""
MONEY_COMES = timedelta(seconds=20)
"""Of machine time, until the outcome of a payment is looked for again."""


def arm(due: Iterable[tuple[date, int]]) -> None:
    """Have issued bills (due day, id) looked at on the day after; one timer for each day."""
    found = [
        (day, [pk for _, pk in rows]) for day, rows in groupby(sorted(due), key=lambda row: row[0])
    ]
    timers.schedule_all(
        timers.Due(
            key=f"{BILLS}:{day}:{ids[0]}",
            handler=BILLS,
            due_at=_morning(day + timedelta(days=1)),
            payload={"ids": ids},
        )
        for day, ids in found
    )


def look_on(account_id: int, day: date) -> None:
    timers.schedule(
        key=_key(account_id),
        handler=LOOK,
        due_at=_morning(day),
        payload={"account": account_id},
    )


def look_tomorrow(account: BillingAccount) -> None:
    """What was paid is open again."""
    look_on(account.pk, business_today() + timedelta(days=1))


def look_soon(account: BillingAccount, *, later: timedelta = timedelta(0)) -> None:
    """Something was paid: look whether the account's case is over, if it has one."""
    if DunningCase.objects.filter(account=account, closed_on__isnull=True).exists():
        timers.schedule(
            key=_key(account.pk),
            handler=LOOK,
            due_at=machine_now() + later,
            payload={"account": account.pk},
            clock="machine",
        )


def forget(account_id: int) -> None:
    timers.cancel(_key(account_id))


def _key(account_id: int) -> str:
    return f"{LOOK}:{account_id}"


def _morning(day: date) -> datetime:
    return datetime.combine(day, LOOK_AT, tzinfo=PARIS)
