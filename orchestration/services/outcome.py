"""Storing what became of a task: under the plan's lock, by updates that one writer wins."""

import random
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from commerce.events import outbox, timers
from commerce.kernel.clock import PARIS, business_now, machine_now
from commerce.ordering.domain.fulfilment import FulfilmentOrder
from commerce.ordering.services.fulfilment import record_item_facts
from orchestration.actions import action
from orchestration.domain.recipes import TaskKind
from orchestration.domain.requests import TaskContext
from orchestration.domain.retry import (
    MOST_ATTEMPTS,
    ask_again_after,
    back_off,
    overdue_after,
)
from orchestration.domain.states import EffectState, TaskState
from orchestration.events import TaskFellOut
from orchestration.models import Effect, Plan, Task, TaskHistory
from orchestration.ports import Answer

ASK = "orchestration.ask"
OVERDUE = "orchestration.overdue"


@transaction.atomic(durable=True)
def accept(task: Task, effect: Effect, *, answer: Answer, order: FulfilmentOrder) -> None:
    """The provider took it: the task is done, or awaits the callback that ends it."""
    hold_plan(task.plan_id)
    if not _conclude(effect, EffectState.ACCEPTED, answer=dict(answer.facts)):
        return
    context = TaskContext(
        order,
        task.plan.group,
        tuple(task.lines),
        business_now().astimezone(PARIS).date(),
    )
    learnt = action(task.action).learn(answer, context)
    if learnt:
        record_item_facts(order_number=order.number, facts=learnt)
    if task.kind == TaskKind.CALLBACK:
        move(task, TaskState.AWAITING)
        ask_later(task)
    else:
        move(task, TaskState.DONE)


@transaction.atomic(durable=True)
def refuse(task: Task, effect: Effect | None, *, cause: str, message: str) -> None:
    """The provider said no, or we can't even ask: an operator decides."""
    hold_plan(task.plan_id)
    if effect is not None and not _conclude(effect, EffectState.REFUSED, answer={"code": cause}):
        return
    _fall_out(task, cause=cause, message=message)


@transaction.atomic(durable=True)
def try_later(task: Task, effect: Effect, *, message: str) -> None:
    """No answer: asked for after a while; after too many times an operator decides."""
    hold_plan(task.plan_id)
    if not _conclude(effect, EffectState.UNKNOWN, answer=None):
        return
    if task.attempts >= MOST_ATTEMPTS:
        _fall_out(task, cause="provider_silent", message=message)
        return
    wait = back_off(task.attempts, draw=random.random())  # noqa: S311  jitter, not a secret
    move(task, TaskState.RETRYING, note=message, not_before=machine_now() + wait)


def hold_plan(plan_id: int) -> None:
    """Lock the plan until the transaction ends, before any of its tasks and effects.

    Deciding (`claim`) reads them one after the other; it must not see half of an outcome, nor write
    its own over one that was stored meanwhile.
    """
    Plan.objects.select_for_update().get(pk=plan_id)


def move(task: Task, target: TaskState, *, note: str = "", by: str = "system", **also: Any) -> bool:
    """From RUNNING to `target` in one conditional update, with its history; False if it moved on.

    To be called in a transaction.
    """
    finished: datetime | None = business_now() if target == TaskState.DONE else None
    moved = Task.objects.filter(pk=task.pk, state=TaskState.RUNNING).update(
        state=target, finished_at=finished, last_error=note, **also
    )
    if moved:
        TaskHistory.objects.create(task=task, state=target, at=business_now(), by=by, note=note)
    return bool(moved)


def ask_later(task: Task) -> None:
    """If the callback is lost, the provider is asked: at growing intervals of machine time, and
    when it is late in business time."""
    payload = {"task": task.pk}
    soon = machine_now() + ask_again_after(task.asked)
    late = max(task.planned_finish or business_now(), business_now() + overdue_after(task.asked))
    by_machine, by_business = ask_keys(task.pk)
    timers.schedule_all(
        [
            timers.Due(by_machine, ASK, soon, payload, "machine"),
            timers.Due(by_business, OVERDUE, late, payload),
        ]
    )
    Task.objects.filter(pk=task.pk).update(asked=F("asked") + 1)


def ask_keys(task_id: int) -> tuple[str, str]:
    """The keys of the two timers that ask about a task: by machine time, and by business time."""
    return f"ask:{task_id}", f"overdue:{task_id}"


def _conclude(effect: Effect, target: EffectState, *, answer: dict[str, Any] | None) -> bool:
    return bool(
        Effect.objects.filter(pk=effect.pk, state=EffectState.SENT).update(
            state=target, answer=answer
        )
    )


def _fall_out(task: Task, *, cause: str, message: str) -> None:
    if move(task, TaskState.FALLOUT, note=message, cause=cause[:60]):
        plan = task.plan
        outbox.publish(TaskFellOut(plan.order_number, plan.group, task.key, cause[:60]))
