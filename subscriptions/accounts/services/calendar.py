"""When the next bill run is: one timer, set to the earliest day on which a bill falls due."""

from datetime import date, datetime, time, timedelta

from django.db import connection
from django.db.models import Min

from commerce.events import timers
from commerce.kernel.clock import PARIS, business_now
from subscriptions.models import BillingAccount

TIMER = "bill-run"
RUN_AT = time(4, 0)

# Activations and the end of a run agree on the timer one after the other.
_LOCK = 4_715_001


def bill_from(account: BillingAccount, day: date) -> None:
    """Let bill runs take up the account from `day` on, unless they do so earlier already."""
    if account.next_bill_on is None or day < account.next_bill_on:
        account.next_bill_on = day
        account.save(update_fields=["next_bill_on"])
    bring_forward(account.next_bill_on)


def bring_forward(day: date) -> None:
    """Make sure that a run comes at 04:00 on `day`, or at the next 04:00 if that is past."""
    _lock()
    wanted = run_instant(day, now=business_now())
    present = timers.due_at(TIMER)
    if present is None or wanted < present:
        _set(wanted)


def set_next() -> None:
    """Set the timer to the earliest bill of all accounts; none if no account waits for a bill."""
    _lock()
    earliest = BillingAccount.objects.filter(
        parked_at__isnull=True, next_bill_on__isnull=False
    ).aggregate(day=Min("next_bill_on"))["day"]
    if earliest is not None:
        _set(run_instant(earliest, now=business_now()))


def run_instant(day: date, *, now: datetime) -> datetime:
    """04:00 in Paris on `day`, or the next 04:00 after `now` if that is not ahead any more."""
    at = datetime.combine(day, RUN_AT, tzinfo=PARIS)
    if at > now:
        return at
    today = now.astimezone(PARIS).date()
    at = datetime.combine(today, RUN_AT, tzinfo=PARIS)
    return at if at > now else datetime.combine(today + timedelta(days=1), RUN_AT, tzinfo=PARIS)


def _set(at: datetime) -> None:
    timers.schedule(key=TIMER, handler=TIMER, due_at=at, payload={})


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
