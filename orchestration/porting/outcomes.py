"""What the answers to such requests make of the porting, its order's line and its plan."""

from collections.abc import Mapping
from datetime import date

from commerce.events import timers
from commerce.events.outbox import publish_all
from commerce.kernel.clock import business_now, machine_now
from commerce.ordering.services.fulfilment import change_port_in
from orchestration.domain.porting import OVER, Direction, PortState
from orchestration.domain.recipes import TaskKind
from orchestration.domain.states import FINISHED, TASK_LIFE, EffectState, PlanState, TaskState
from orchestration.models import Plan, Porting, PortingCall, Task, TaskHistory
from orchestration.porting import book, clocks, telling
from orchestration.porting.following import PORT_IN
from orchestration.services.desk import ask_keys, hold_plan
from orchestration.services.plans import wake
from orchestration.services.steps import record
from subscriptions.contracts.lines import has_ended


def locked(porting_id: int) -> Porting:
    """The porting, locked after the plan that it belongs to."""
    porting = Porting.objects.get(pk=porting_id)
    if porting.direction == Direction.IN:
        plan = Plan.objects.get(order_number=porting.order_number, group=porting.group)
        hold_plan(plan.pk)
    return Porting.objects.select_for_update().get(pk=porting_id)


def port_task(porting: Porting) -> Task:
    """The task of the plan that brings the number over."""
    tasks = Task.objects.select_related("plan").filter(
        plan__order_number=porting.order_number, plan__group=porting.group, action=PORT_IN
    )
    return next(task for task in tasks if porting.line_id in task.lines)


def apply(porting: Porting, call: PortingCall) -> None:
    """Under the locks of `locked`."""
    name = f"port.{call.action}"
    answer = call.answer or {}
    book.note(porting, "sent", name, call.request, by=call.asked_by)
    if call.state != EffectState.ACCEPTED:
        book.note(porting, "received", f"{name}.refused", answer, by="clearing house")
        return
    book.note(porting, "received", f"{name}.accepted", answer, by="clearing house")
    match call.action:
        case "cancel" if _goes_on(porting):
            give_up(porting, by=call.asked_by)
        case "move" if _goes_on(porting):
            set_day(porting, date.fromisoformat(call.request["wished_on"]), call.request["slot"])
        case "redirect":
            porting.redirect_to = call.request["to"]
            book.keep(porting)
        case _:
            pass


def _goes_on(porting: Porting) -> bool:
    """False if its bundle was cancelled, or its number came, while the house was asked."""
    plan = Plan.objects.get(order_number=porting.order_number, group=porting.group)
    return plan.state == PlanState.RUNNING and PortState(porting.state) not in OVER


def set_day(porting: Porting, day: date, slot: str) -> None:
    """The day that the line asks for; the clearing house tells the date that holds."""
    wanted = {
        "number_choice": "port",
        "msisdn": porting.msisdn,
        "rio": porting.rio,
        "port_on": day.isoformat(),
        "port_slot": slot,
    }
    _change_line(porting, wanted)
    porting.day, porting.slot = day, slot
    if porting.due_on is not None:
        porting.due_on = max(porting.due_on, day)
    book.keep(porting)


def give_up(porting: Porting, *, by: str) -> None:
    """The number stays where it is; the line gets a new one and goes on without waiting."""
    config = _change_line(porting, {"number_choice": "new"})
    task = port_task(porting)
    for each in _waiting_for(task):
        finish(each, TaskState.CANCELLED, by=by, note="the porting is cancelled")
    timers.cancel_all([*ask_keys(task.pk), *clocks.timer_keys(porting)])
    book.move(porting, PortState.CANCELLED, by=by, data={"new_number": config["msisdn"]})
    over = has_ended(porting.order_number, group=porting.group)
    new = "" if over else book.pack().display_number(config["msisdn"])
    telling.tell(porting, "porting_cancelled", new_number=new)
    wake(task.plan_id)


def finish(task: Task, target: TaskState, *, by: str, note: str) -> None:
    """Raises IllegalTransition."""
    TASK_LIFE.check(TaskState(task.state), target)
    task.state = target
    if target in FINISHED:
        task.finished_at = business_now()
    task.save()
    step = TaskHistory(task=task, state=target, at=business_now(), by=by, note=note)
    publish_all(record([step], plan=task.plan))


def send_again(task: Task, *, by: str) -> None:
    """What was refused is asked anew, under a new key."""
    task.generation += 1
    task.attempts, task.not_before, task.cause, task.last_error = 0, machine_now(), "", ""
    finish(task, TaskState.RETRYING, by=by, note="corrected and sent again")
    wake(task.plan_id)


def _change_line(porting: Porting, config: Mapping[str, str]) -> Mapping[str, str]:
    return change_port_in(order_number=porting.order_number, line_id=porting.line_id, config=config)


def _waiting_for(port: Task) -> list[Task]:
    """The port's task, the timer before it, its milestones, and the messages that tell of them."""
    tasks = list(Task.objects.filter(plan_id=port.plan_id))
    watching = {task.key for task in tasks if task.of == port.key}
    return [
        task
        for task in tasks
        if task.state not in FINISHED
        and (
            task.key in {port.key, *watching}
            or (task.kind == TaskKind.TIMER and task.key in port.needs)
            or (task.kind == TaskKind.NOTIFY and watching & set(task.needs))
        )
    ]
