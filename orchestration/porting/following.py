"""The port-in follows its task: what the clearing house answered, and what it called back.

Called by the plan's desk, under the plan's lock; the porting is locked after it.
"""

from datetime import date
from typing import Any

from catalogue.services import numbers
from commerce.events import timers
from commerce.kernel.clock import business_today
from commerce.kernel.errors import FaisceauError
from commerce.ordering.domain.fulfilment import FulfilmentItem
from orchestration.domain.porting import (
    BEFORE_SENDING,
    MENDABLE,
    OVER,
    WITH_CLEARING_HOUSE,
    PortState,
    cut_off,
    due_day,
    steps_after,
)
from orchestration.domain.requests import REFUSING_EVENTS
from orchestration.domain.states import FINISHED, EffectState, TaskState
from orchestration.models import Effect, Porting, ProviderCallback, Task
from orchestration.porting import book, clocks, telling
from orchestration.porting.opening import open_port_in
from orchestration.services.desk import Desk

PORT_IN = "porting.port_in"


def answered(desk: Desk, task: Task, effect: Effect) -> None:
    """The clearing house took the request, or refused it at once; it may also be silent."""
    if task.action != PORT_IN or effect.state not in (EffectState.ACCEPTED, EffectState.REFUSED):
        return
    porting = _of(desk, task)
    told = effect.answer or {}
    if effect.state == EffectState.ACCEPTED:
        _taken(porting, task, effect, porting_id=str(told.get("porting_id", "")))
        return
    _again(porting)
    porting.attempt = task.generation
    porting.motive, porting.detail = "OPR_INCOMPLETE", str(told.get("code", ""))[:60]
    book.note(porting, "received", "port.refused", {"code": porting.detail})
    book.move(porting, PortState.INELIGIBLE, data={"motive": porting.motive})
    telling.tell(porting, "porting_refused")


def heard(desk: Desk, task: Task, callback: ProviderCallback) -> None:
    """A callback of the present request; in whatever order they come, each is read once."""
    porting = _of(desk, task)
    kind, data = callback.type, callback.data
    book.note(porting, "received", kind, data, by="clearing house")
    _learn(porting, kind, data)
    moved_already = porting.state == PortState.SCHEDULED or _was_told(desk, task)
    for step in steps_after(PortState(porting.state), kind):
        book.move(porting, step, data=_said(porting, step))
    _act(porting, kind, again=moved_already)
    if kind == "port.completed":
        _take_number_in(desk, task, msisdn=porting.msisdn)
    if kind in REFUSING_EVENTS and task.state == TaskState.AWAITING:
        cause = str(data.get("motive") or kind)
        desk.fall_out(task, cause=cause, message=str(data.get("message") or cause))


def too_late(desk: Desk, task: Task) -> bool:
    """The number is on its way, and the clearing house calls nothing off any more."""
    effect = desk.effect(task)
    if task.action != PORT_IN or effect is None or effect.state == EffectState.REFUSED:
        return False
    porting = Porting.objects.filter(reference=_reference(desk, task)).first()
    if porting is None:
        return False
    if porting.state in BEFORE_SENDING:
        # Nobody has answered yet; it may have arrived all the same.
        day: date | None = date.fromisoformat(effect.request["wished_on"])
    elif porting.state in WITH_CLEARING_HOUSE:
        day = porting.day
    else:
        return porting.state == PortState.PORTING
    return day is not None and desk.now > cut_off(day, pack=book.pack())


def _of(desk: Desk, task: Task) -> Porting:
    rows = Porting.objects.select_for_update().filter(reference=_reference(desk, task))
    return rows.first() or open_port_in(desk.order, _item(desk, task))


def _reference(desk: Desk, task: Task) -> str:
    return desk.context(task).reference(_item(desk, task))


def _item(desk: Desk, task: Task) -> FulfilmentItem:
    return desk.context(task).item


def _again(porting: Porting) -> None:
    """An operator who tries a refused task again sends the same request once more."""
    if porting.state in MENDABLE:
        book.move(porting, PortState.RIO_CHECKED)
    porting.motive = porting.detail = ""


def _taken(porting: Porting, task: Task, effect: Effect, *, porting_id: str) -> None:
    if porting.state not in (*BEFORE_SENDING, *MENDABLE):
        return
    _again(porting)
    today, request = business_today(), effect.request
    wished = porting.day
    porting.attempt, porting.porting_id = task.generation, porting_id
    porting.day, porting.slot = date.fromisoformat(request["wished_on"]), request["slot"]
    porting.requested_on = porting.requested_on or today
    latest = due_day(requested_on=porting.requested_on, wished_on=wished, pack=book.pack())
    porting.due_on = max(porting.due_on or latest, latest)
    book.note(porting, "sent", "port.request", request)
    book.move(porting, PortState.SENT)
    clocks.watch_the_delay(porting)


def _learn(porting: Porting, kind: str, data: dict[str, Any]) -> None:
    if porting.state in OVER:
        return
    match kind:
        case "port.eligible":
            porting.operator = str(data.get("donor_operator") or porting.operator)[:2]
            porting.redirection = bool(data.get("redirection"))
        case "port.scheduled":
            if data.get("date"):
                porting.day = date.fromisoformat(data["date"])
            porting.slot = data.get("slot") or porting.slot
        case "port.refused":
            porting.motive = str(data.get("motive", ""))[:60].upper()
            porting.detail = str(data.get("sub_motive", ""))[:60]
            # A corrected request is a new one, whose delays begin with it.
            porting.requested_on = porting.due_on = None
        case _:
            pass


def _said(porting: Porting, step: PortState) -> dict[str, str]:
    match step:
        case PortState.SCHEDULED:
            return {"date": str(porting.day), "slot": porting.slot}
        case PortState.INELIGIBLE:
            return {"motive": porting.motive, "detail": porting.detail}
        case _:
            return {}


def _act(porting: Porting, kind: str, *, again: bool) -> None:
    """Messages and timers. The first date is told by the plan itself."""
    state = PortState(porting.state)
    if kind == "port.scheduled" and state is PortState.SCHEDULED and porting.day:
        clocks.remind_on_the_eve(porting)
        if again:
            telling.tell(porting, "porting_scheduled")
    elif kind == "port.completed" and state is PortState.PORTED:
        clocks.count_late(porting)
        timers.cancel_all(clocks.timer_keys(porting))
        telling.tell(porting, "porting_completed")
    elif kind == "port.refused" and state is PortState.INELIGIBLE:
        timers.cancel_all(clocks.timer_keys(porting))
        telling.tell(porting, "porting_refused")
    elif kind == "port.failed" and state is PortState.FAILED:
        telling.tell(porting, "porting_failed")


def _was_told(desk: Desk, task: Task) -> bool:
    """Whether the plan has told a date already."""
    return any(
        each.of == task.key and each.until == "port.scheduled" and each.state in FINISHED
        for each in desk.tasks
    )


def _take_number_in(desk: Desk, task: Task, *, msisdn: str) -> None:
    try:
        numbers.record_port_in(msisdn=msisdn, key=_reference(desk, task))
    except FaisceauError as conflict:
        # An operator's matter; the rest of the plan, and its other callbacks, go on.
        if task.state == TaskState.AWAITING:
            desk.fall_out(task, cause=conflict.code, message=conflict.message)
