"""What happens to portings as time goes by: the notice on the eve, and what a late one costs us."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from commerce.events import timers
from commerce.kernel.clock import business_now
from orchestration.domain.porting import OVER, PortState, compensation, days_late
from orchestration.models import Porting
from orchestration.porting import book, telling

NOTICE = "porting.notice"
LATE = "porting.late"
NOTICE_AT = time(18, 0)
"""On the eve of the cut-over, local time."""


def timer_keys(porting: Porting) -> tuple[str, str]:
    return f"{NOTICE}:{porting.pk}", f"{LATE}:{porting.pk}"


def remind_on_the_eve(porting: Porting) -> None:
    """Unless the eve is nearly over: then the message with the date was enough."""
    assert porting.day is not None
    at = datetime.combine(porting.day - timedelta(days=1), NOTICE_AT, tzinfo=_zone())
    if at > business_now():
        timers.schedule(
            key=timer_keys(porting)[0],
            handler=NOTICE,
            due_at=at,
            payload={"porting": porting.pk, "day": porting.day.isoformat()},
        )


@transaction.atomic
def on_notice_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time."""
    porting = Porting.objects.filter(pk=payload["porting"]).first()
    if porting is None or porting.state != PortState.SCHEDULED or porting.day is None:
        return
    if porting.day.isoformat() == payload["day"]:
        telling.tell(porting, "porting_tomorrow")


def watch_the_delay(porting: Porting) -> None:
    """From the day after `due_on` on, each working day is a day late."""
    assert porting.due_on is not None  # it was set when the request was taken
    _look_again(porting, after=porting.due_on + timedelta(days=porting.days_late))


@transaction.atomic
def on_late(payload: Mapping[str, Any]) -> None:
    """Timer, business time: count the days that are late, and what we owe for them."""
    porting = Porting.objects.select_for_update().filter(pk=payload["porting"]).first()
    if porting is None or porting.due_on is None:
        return
    if porting.state in OVER or porting.state == PortState.INELIGIBLE:
        return
    count_late(porting)
    if porting.owed < book.pack().porting_rules().late_at_most.amount:
        _look_again(porting, after=business_now().astimezone(_zone()).date())


def count_late(porting: Porting) -> None:
    """Bring the days late and the compensation up to today; told once, when it begins."""
    if porting.due_on is None:
        return
    today = business_now().astimezone(_zone()).date()
    late = days_late(due_on=porting.due_on, today=today, pack=book.pack())
    if late <= porting.days_late:
        return
    first = not porting.days_late
    owed = compensation(late, pack=book.pack())
    porting.days_late, porting.owed = late, owed.amount
    book.keep(porting)
    book.note(porting, "note", "late", {"days": late, "owed": str(owed.amount)})
    if first:
        telling.tell(porting, "porting_late")


def _look_again(porting: Porting, *, after: date) -> None:
    day = book.pack().add_working_days(after, days=1)
    timers.schedule(
        key=timer_keys(porting)[1],
        handler=LATE,
        due_at=datetime.combine(day, time(), tzinfo=_zone()),
        payload={"porting": porting.pk},
    )


def _zone() -> ZoneInfo:
    return ZoneInfo(book.pack().time_zone)
