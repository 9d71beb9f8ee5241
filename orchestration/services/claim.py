"""Deciding what of a plan can go on: under the plan's lock, in one short transaction."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from catalogue.services import numbers
from commerce.events import outbox, timers
from commerce.kernel.clock import PARIS, business_now, machine_now
from commerce.kernel.errors import FaisceauError
from commerce.ordering.domain.fulfilment import FulfilmentOrder
from commerce.ordering.selectors import order_for_fulfilment
from commerce.ordering.services.fulfilment import record_item_facts
from orchestration.actions import ACTIONS, action
from orchestration.domain.recipes import TaskKind
from orchestration.domain.requests import REFUSING_EVENTS, TaskContext, facts_of_event
from orchestration.domain.retry import MOST_ATTEMPTS
from orchestration.domain.states import (
    FINISHED,
    PLAN_LIFE,
    TASK_LIFE,
    EffectState,
    PlanState,
    TaskState,
)
from orchestration.events import PlanCompleted, TaskFellOut
from orchestration.models import Effect, Plan, ProviderCallback, Task, TaskHistory
from orchestration.services.outcome import ask_keys
from orchestration.services.plans import ADVANCE

LEASE = timedelta(seconds=60)
TIMER_DUE = "orchestration.timer_due"
_WORKING = frozenset({TaskKind.CALL, TaskKind.CALLBACK, TaskKind.NOTIFY})


@dataclass
class Desk:
    """One plan on the table, with everything needed to decide; written back at the end."""

    plan: Plan
    tasks: list[Task]
    effects: list[Effect]
    order: FulfilmentOrder
    now: datetime
    machine: datetime
    changed: dict[int, Task] = field(default_factory=dict)
    history: list[TaskHistory] = field(default_factory=list)
    events: list[outbox.Event] = field(default_factory=list)

    def move(self, task: Task, target: TaskState, *, note: str = "", by: str = "system") -> None:
        """Raises IllegalTransition."""
        TASK_LIFE.check(TaskState(task.state), target)
        task.state = target
        if task.started_at is None:
            task.started_at = self.now
            task.planned_finish = self.now + timedelta(hours=task.hours)
        if target in FINISHED:
            task.finished_at = self.now
        self.changed[task.pk] = task
        self.history.append(TaskHistory(task=task, state=target, at=self.now, by=by, note=note))

    def fall_out(self, task: Task, *, cause: str, message: str) -> None:
        self.move(task, TaskState.FALLOUT, note=message)
        task.cause, task.last_error = cause[:60], message
        plan = self.plan
        self.events.append(TaskFellOut(plan.order_number, plan.group, task.key, task.cause))

    def context(self, task: Task) -> TaskContext:
        today = self.now.astimezone(PARIS).date()
        return TaskContext(self.order, self.plan.group, tuple(task.lines), today)

    def effect_of(self, task: Task) -> Effect | None:
        mine = [e for e in self.effects if e.task_id == task.pk and e.generation == task.generation]
        return mine[0] if mine else None


@transaction.atomic(durable=True)
def claim(*, plan_id: int) -> tuple[FulfilmentOrder | None, list[tuple[Task, Effect | None]]]:
    """Take in callbacks, let tasks become ready, and claim those that a worker must carry out.

    Two workers on one plan wait for each other here and never claim the same task. Schedules the
    next look when something has to be tried again.
    """
    plan = Plan.objects.select_for_update().get(pk=plan_id)
    if plan.state != PlanState.RUNNING:
        return None, []
    desk = Desk(
        plan,
        list(plan.tasks.order_by("position")),
        list(Effect.objects.filter(task__plan=plan)),
        order_for_fulfilment(plan.order_number, group=plan.group),
        business_now(),
        machine_now(),
    )
    seen = _take_in(desk)
    _reclaim(desk)
    claimed = _settle(desk, seen=seen)
    _write(desk)
    return desk.order, [(task, desk.effect_of(task)) for task in claimed]


def _take_in(desk: Desk) -> dict[int, set[str]]:
    """Callbacks of accepted effects: learn their facts once; answers the types seen, per task."""
    accepted = {e.key: e for e in desk.effects if e.state == EffectState.ACCEPTED}
    if not accepted:
        return {}
    tasks = {task.pk: task for task in desk.tasks}
    seen: dict[int, set[str]] = {}
    fresh = []
    stored = ProviderCallback.objects.filter(request_key__in=list(accepted))
    for callback in stored.order_by("occurred_at", "callback_id"):
        task = tasks[accepted[callback.request_key].task_id]
        seen.setdefault(task.pk, set()).add(callback.type)
        if not callback.processed:
            fresh.append(callback.pk)
            _learn(desk, task, callback)
    if fresh:
        ProviderCallback.objects.filter(pk__in=fresh).update(processed=True)
        desk.order = order_for_fulfilment(desk.plan.order_number, group=desk.plan.group)
    return seen


def _learn(desk: Desk, task: Task, callback: ProviderCallback) -> None:
    learnt = facts_of_event(callback.type, callback.data, context=desk.context(task))
    if learnt:
        record_item_facts(order_number=desk.plan.order_number, facts=learnt)
    if callback.type == "port.completed":
        _take_number_in(desk, task, msisdn=str(callback.data["msisdn"]))
    if callback.type in REFUSING_EVENTS and task.state == TaskState.AWAITING:
        cause = str(callback.data.get("motive") or callback.type)
        desk.fall_out(task, cause=cause, message=str(callback.data.get("message") or cause))


def _take_number_in(desk: Desk, task: Task, *, msisdn: str) -> None:
    reference = desk.context(task).reference(desk.context(task).item)
    try:
        numbers.record_port_in(msisdn=msisdn, key=reference)
    except FaisceauError as conflict:
        # An operator's matter; the rest of the plan, and its other callbacks, go on.
        if task.state == TaskState.AWAITING:
            desk.fall_out(task, cause=conflict.code, message=conflict.message)


def _reclaim(desk: Desk) -> None:
    """Tasks whose worker vanished: what was sent is unknown until the provider was asked."""
    for task in desk.tasks:
        if task.state != TaskState.RUNNING or task.lease_until is None:
            continue
        if task.lease_until > desk.machine:
            continue
        effect = desk.effect_of(task)
        if effect and effect.state == EffectState.SENT:
            effect.state = EffectState.UNKNOWN
            effect.save(update_fields=["state"])
        if task.attempts >= MOST_ATTEMPTS:
            message = "Its worker vanished each time; look at the log."
            desk.fall_out(task, cause="worker_vanished", message=message)
            continue
        task.not_before = desk.machine
        desk.move(task, TaskState.RETRYING, note="its worker vanished")


def _settle(desk: Desk, *, seen: dict[int, set[str]]) -> list[Task]:
    """Move every task as far as it can go; answers those that a worker must carry out now."""
    by_key = {task.key: task for task in desk.tasks}
    claimed: list[Task] = []
    moving = True
    while moving:
        moving = False
        for task in desk.tasks:
            step = _step(desk, task, by_key=by_key, seen=seen)
            if step is not None:
                moving = True
                step()
                if task.state == TaskState.RUNNING:
                    claimed.append(task)
    return claimed


def _step(
    desk: Desk, task: Task, *, by_key: dict[str, Task], seen: dict[int, set[str]]
) -> Callable[[], None] | None:
    """The next move of `task`, or None when it has to wait."""
    match task.state:
        case TaskState.WAITING if _ready(task, by_key):
            return _start(desk, task, by_key=by_key, seen=seen)
        case TaskState.AWAITING if _arrived(desk, task, by_key=by_key, seen=seen):
            return lambda: desk.move(task, TaskState.DONE)
        case TaskState.RETRYING if task.not_before is None or task.not_before <= desk.machine:
            return lambda: _run(desk, task)
        case _:
            return None


def _ready(task: Task, by_key: dict[str, Task]) -> bool:
    return all(by_key[need].state in FINISHED for need in task.needs)


def _arrived(desk: Desk, task: Task, *, by_key: dict[str, Task], seen: dict[int, set[str]]) -> bool:
    """Whether what the task awaits has come: a callback of its own or of the task it watches."""
    if task.kind == TaskKind.TIMER:
        return _timer_due(desk, task) <= desk.now
    watched = by_key[task.of] if task.of else task
    return task.until is not None and task.until in seen.get(watched.pk, set())


def _start(
    desk: Desk, task: Task, *, by_key: dict[str, Task], seen: dict[int, set[str]]
) -> Callable[[], None]:
    if task.kind in _WORKING:
        return lambda: _run(desk, task)
    if task.kind != TaskKind.MANUAL and _arrived(desk, task, by_key=by_key, seen=seen):
        return lambda: desk.move(task, TaskState.DONE)
    return lambda: _await(desk, task)


def _await(desk: Desk, task: Task) -> None:
    desk.move(task, TaskState.AWAITING)
    if task.kind == TaskKind.TIMER:
        timers.schedule(
            key=f"task:{task.pk}",
            handler=TIMER_DUE,
            due_at=_timer_due(desk, task),
            payload={"plan": desk.plan.pk},
        )


def _timer_due(desk: Desk, task: Task) -> datetime:
    """Midnight in Paris of the day before which the item must not go on."""
    day = desk.context(task).item.not_before
    if day is None:
        return desk.now
    return datetime(day.year, day.month, day.day, tzinfo=PARIS)


def _run(desk: Desk, task: Task) -> None:
    """Claim `task` for this worker; its request is stored with its key before anything leaves."""
    desk.move(task, TaskState.RUNNING)
    task.lease_until = desk.machine + LEASE
    task.attempts += 1
    if task.action not in ACTIONS or desk.effect_of(task):
        return
    try:
        request = action(task.action).ask(desk.context(task))
    except FaisceauError as error:
        desk.fall_out(task, cause=error.code, message=error.message)
        return
    plan = desk.plan
    desk.effects.append(
        Effect.objects.create(
            task=task,
            generation=task.generation,
            key=f"{plan.order_number}:{plan.group}:{task.key}:{task.generation}",
            port=action(task.action).port,
            request=dict(request),
        )
    )


def _write(desk: Desk) -> None:
    _update(desk.changed.values())
    TaskHistory.objects.bulk_create(desk.history)
    if all(task.state in FINISHED for task in desk.tasks):
        PLAN_LIFE.check(PlanState(desk.plan.state), PlanState.COMPLETED)
        desk.plan.state, desk.plan.finished_at = PlanState.COMPLETED, desk.now
        desk.plan.save(update_fields=["state", "finished_at"])
        desk.events.append(PlanCompleted(desk.plan.order_number, desk.plan.group))
        timers.cancel_all(key for task in desk.tasks for key in ask_keys(task.pk))
    outbox.publish_all(desk.events)
    _look_again(desk)


def _look_again(desk: Desk) -> None:
    waits = [
        task.not_before if task.state == TaskState.RETRYING else task.lease_until
        for task in desk.tasks
        if task.state in (TaskState.RETRYING, TaskState.RUNNING)
    ]
    due = min((wait for wait in waits if wait is not None), default=None)
    # A timer of its own, set and cancelled under the plan's lock: those that wake a plan are not.
    key = f"again:{desk.plan.pk}"
    if due is None:
        timers.cancel(key)
    else:
        payload = {"plan": desk.plan.pk}
        timers.schedule(key=key, handler=ADVANCE, due_at=due, payload=payload, clock="machine")


_FIELDS: Sequence[str] = (
    "state", "generation", "attempts", "asked", "not_before", "lease_until",
    "started_at", "planned_finish", "finished_at", "cause", "last_error",
)  # fmt: skip


def _update(tasks: Iterable[Task]) -> None:
    changed = list(tasks)
    if changed:
        Task.objects.bulk_update(changed, list(_FIELDS))
