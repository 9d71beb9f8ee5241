"""What an operator does with a task that can't go on by itself; everything names who did it."""

from collections.abc import Mapping

from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.events import timers
from commerce.events.outbox import publish_all
from commerce.kernel.clock import business_now, machine_now
from commerce.kernel.errors import Conflict, Forbidden, NotFound
from commerce.ordering.services.fulfilment import record_item_facts
from orchestration.domain.keeping import KEPT
from orchestration.domain.porting import Direction
from orchestration.domain.requests import MISFORTUNES
from orchestration.domain.states import FINISHED, TASK_LIFE, EffectState, TaskState
from orchestration.domain.way import WAY
from orchestration.models import Effect, Porting, Task, TaskHistory
from orchestration.porting.following import PORT_IN
from orchestration.services.callbacks import refused_later
from orchestration.services.desk import hold_plan
from orchestration.services.keeping import kept_timers
from orchestration.services.plans import wake
from orchestration.services.steps import record


def retry(context: AccountContext, *, task_id: int) -> None:
    """Try again: what was refused is asked anew under a new key; what is unknown is not. What was
    not fetched is kept for its time once more.

    Raises:
        Conflict: `already_done`: the provider did it, and a new key would do it twice;
            `parcel_lost`, `profile_failed`: waiting longer brings nothing.
    """
    with transaction.atomic():
        task = locked_task(context, task_id=task_id)
        if task.until in KEPT:
            _keep_on(task, by=context.actor.name)
            return
        check_again(task)
        effect = Effect.objects.filter(task=task, generation=task.generation).first()
        if effect is not None and is_over(effect):
            task.generation += 1
        task.attempts, task.not_before, task.cause = 0, machine_now(), ""
        move_task(task, TaskState.RETRYING, by=context.actor.name, note="retried")


def skip(context: AccountContext, *, task_id: int, note: str) -> None:
    """Go on without it. Raises Conflict: `waits_for_orders`."""
    with transaction.atomic():
        task = locked_task(context, task_id=task_id)
        _check_its_own(task)
        move_task(task, TaskState.SKIPPED, by=context.actor.name, note=note)


def complete_by_hand(
    context: AccountContext, *, task_id: int, note: str, facts: dict[str, str] | None = None
) -> None:
    """It was done outside of the system; `facts` are what the rest of the plan needs to know. Of a
    number that comes along it is that it came. Raises Conflict: `waits_for_orders`."""
    with transaction.atomic():
        task = locked_task(context, task_id=task_id)
        _check_its_own(task)
        told = _came(task) | (facts or {})
        if told:
            learnt = dict.fromkeys(task.lines, told)
            record_item_facts(order_number=task.plan.order_number, facts=learnt)
        move_task(task, TaskState.DONE, by=context.actor.name, note=note)


def _check_its_own(task: Task) -> None:
    """What an order does is laid out only behind its wait for others: without that it would be
    complete, and nothing done."""
    if task.key == WAY:
        raise Conflict(
            "This order waits for others: cancel those, or this one.", code="waits_for_orders"
        )


def _came(task: Task) -> dict[str, str]:
    """The number that the task has brought over, if it is such a one."""
    if task.action != PORT_IN:
        return {}
    coming = Porting.objects.filter(
        direction=Direction.IN, order_number=task.plan.order_number, line_id__in=task.lines
    ).first()
    return {"msisdn": coming.msisdn} if coming is not None else {}


def _keep_on(task: Task, *, by: str) -> None:
    task.started_at, task.cause = business_now(), ""
    move_task(task, TaskState.AWAITING, by=by, note="kept on")
    timers.schedule_all(kept_timers(task))


def check_again(task: Task) -> None:
    """Raises Conflict `parcel_lost` or `profile_failed`."""
    befell = MISFORTUNES.get(task.until or "")
    if befell is not None and task.cause == befell.cause:
        raise Conflict(befell.sentence, code=befell.cause)


def is_over(effect: Effect) -> bool:
    """Whether the provider refused it, at once or by a later callback, so that nothing stands.

    Raises:
        Conflict: `already_done`.
    """
    if effect.state != EffectState.ACCEPTED:
        return effect.state == EffectState.REFUSED
    if not refused_later(effect):
        raise Conflict(
            "The provider has done this already; complete the task by hand.", code="already_done"
        )
    return True


def check_operator(context: AccountContext) -> None:
    """Raises Forbidden `operators_only`."""
    if context.role != Role.OPERATOR:
        raise Forbidden("Only operators may decide about a plan.", code="operators_only")


def locked_task(context: AccountContext, *, task_id: int, of_others: bool = False) -> Task:
    """The task with its plan, both locked.

    Raises:
        Forbidden: `operators_only`. NotFound. Conflict: `claimed` by another operator, unless
        `of_others`.
    """
    check_operator(context)
    plan_id = Task.objects.filter(pk=task_id).values_list("plan_id", flat=True).first()
    if plan_id is None:
        raise NotFound("No task of that id.", code="unknown_task", task=task_id)
    hold_plan(plan_id)
    task = Task.objects.select_for_update(of=("self",)).select_related("plan").get(pk=task_id)
    if not of_others and task.claimed_id not in (None, context.actor.id):
        raise Conflict(
            f"{task.claimed_by} has taken this task.", code="claimed", operator=task.claimed_by
        )
    return task


def move_task(
    task: Task,
    target: TaskState,
    *,
    by: str,
    note: str,
    changes: Mapping[str, list[str]] | None = None,
) -> None:
    """Store the locked task in its new state, free for any operator, and let its plan go on.

    Raises:
        IllegalTransition: it has moved on.
    """
    TASK_LIFE.check(TaskState(task.state), target)
    task.state = target
    task.claimed_id, task.claimed_by, task.claimed_at = None, "", None
    if target in FINISHED:
        task.finished_at = business_now()
    task.save()
    step = TaskHistory(
        task=task,
        state=target,
        at=business_now(),
        by=by,
        note=note,
        changes=dict(changes or {}),
    )
    publish_all(record([step], plan=task.plan))
    wake(task.plan_id)
