"""Many tasks that fell out for one reason, decided at once: first told one by one, then done."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from django.db import transaction
from django.db.models import QuerySet

from commerce.accounts.identity import AccountContext
from commerce.kernel.errors import FaisceauError, InvalidInput
from orchestration.domain.keeping import KEPT
from orchestration.domain.states import FINISHED, EffectState, TaskState
from orchestration.models import Effect, Task
from orchestration.services import fallout
from orchestration.services.desk import hold_plan

MOST_AT_ONCE = 500


class Remedy(StrEnum):
    RETRY = "retry"
    SKIP = "skip"
    COMPLETE = "complete"


class Consequence(StrEnum):
    """What a remedy does to a task. ASKED_ANEW: the provider refused, and gets a new request;
    ASKED_FOR: nobody knows what became of the request, so he is asked for it before it is sent
    again; SENT: it has not left yet; KEPT_ON: it is kept for its time once more; LEFT_OUT and
    COUNTS_AS_DONE: the plan goes on; STAYS: it can't be done, see `problem`."""

    ASKED_ANEW = "asked_anew"
    ASKED_FOR = "asked_for"
    SENT = "sent"
    KEPT_ON = "kept_on"
    LEFT_OUT = "left_out"
    COUNTS_AS_DONE = "counts_as_done"
    STAYS = "stays"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would happen, or has happened, to one task. `next` are the keys of those that could then
    begin; `problem` is a code where it stays."""

    task_id: int
    order_number: str
    group: str
    key: str
    action: str
    cause: str
    consequence: Consequence
    next: tuple[str, ...] = ()
    problem: str = ""


def foresee(
    context: AccountContext, *, remedy: Remedy, cause: str, action: str = ""
) -> tuple[Foreseen, ...]:
    """The dry run: what `remedy` would do to the tasks that fell out for `cause`, the oldest first,
    500 at most. Nothing is changed.

    Raises:
        Forbidden: `operators_only`.
    """
    fallout.check_operator(context)
    rows = Task.objects.filter(state=TaskState.FALLOUT, cause=cause)
    if action:
        rows = rows.filter(action=action)
    return tuple(_foreseen(list(_loaded(rows)), remedy=remedy))


def decide_all(
    context: AccountContext, *, remedy: Remedy, task_ids: Collection[int], note: str = ""
) -> tuple[Foreseen, ...]:
    """Do to each of the tasks what was foreseen; each by itself, so that one that has moved on
    meanwhile, or can't be helped like that, holds nobody up.

    Raises:
        Forbidden: `operators_only`. InvalidInput: `note_missing`, `too_many_tasks`.
    """
    fallout.check_operator(context)
    if remedy is not Remedy.RETRY and not note.strip():
        raise InvalidInput("Say why, for the history.", code="note_missing", field="note")
    if len(set(task_ids)) > MOST_AT_ONCE:
        raise InvalidInput(
            f"Decide about {MOST_AT_ONCE} tasks at most at once.",
            code="too_many_tasks",
            field="tasks",
        )
    tasks = list(_loaded(Task.objects.filter(pk__in=set(task_ids))))
    return tuple(
        _done(context, each, remedy=remedy, note=note.strip())
        for each in _foreseen(tasks, remedy=remedy)
    )


def _still_fallen(task_id: int) -> bool:
    """Whether somebody has still to decide about it; its plan stays locked."""
    plan_id = Task.objects.values_list("plan_id", flat=True).get(pk=task_id)
    hold_plan(plan_id)
    return Task.objects.filter(pk=task_id, state=TaskState.FALLOUT).exists()


@transaction.atomic
def _done(context: AccountContext, each: Foreseen, *, remedy: Remedy, note: str) -> Foreseen:
    if not _still_fallen(each.task_id):
        return _staying(each, problem="moved_on")
    try:
        match remedy:
            case Remedy.RETRY:
                fallout.retry(context, task_id=each.task_id)
            case Remedy.SKIP:
                fallout.skip(context, task_id=each.task_id, note=note)
            case Remedy.COMPLETE:
                fallout.complete_by_hand(context, task_id=each.task_id, note=note)
    except FaisceauError as problem:
        return _staying(each, problem=problem.code)
    return each


def _loaded(rows: QuerySet[Task]) -> QuerySet[Task]:
    return rows.select_related("plan").order_by("pk")[:MOST_AT_ONCE]


def _foreseen(tasks: list[Task], *, remedy: Remedy) -> Iterable[Foreseen]:
    effects = {(e.task_id, e.generation): e for e in Effect.objects.filter(task__in=tasks)}
    plans: dict[int, list[Task]] = {}
    if remedy is not Remedy.RETRY:
        for task in Task.objects.filter(plan__in={task.plan_id for task in tasks}):
            plans.setdefault(task.plan_id, []).append(task)
    for task in tasks:
        told = Foreseen(
            task.pk,
            task.plan.order_number,
            task.plan.group,
            task.key,
            task.action,
            task.cause,
            _CONSEQUENCES.get(remedy, Consequence.SENT),
            _begin_next(task, plans.get(task.plan_id, [])),
        )
        if task.state != TaskState.FALLOUT:
            yield _staying(told, problem="moved_on")
        elif remedy is Remedy.RETRY:
            yield _retried(told, task, effects.get((task.pk, task.generation)))
        else:
            yield told


_CONSEQUENCES = {
    Remedy.SKIP: Consequence.LEFT_OUT,
    Remedy.COMPLETE: Consequence.COUNTS_AS_DONE,
}


def _retried(told: Foreseen, task: Task, effect: Effect | None) -> Foreseen:
    if task.until in KEPT:
        return replace(told, consequence=Consequence.KEPT_ON)
    try:
        fallout.check_again(task)
    except FaisceauError as problem:
        return _staying(told, problem=problem.code)
    if effect is None:
        return told
    if effect.state in (EffectState.SENT, EffectState.UNKNOWN):
        return replace(told, consequence=Consequence.ASKED_FOR)
    try:
        fallout.is_over(effect)
    except FaisceauError as problem:
        return _staying(told, problem=problem.code)
    return replace(told, consequence=Consequence.ASKED_ANEW)


def _begin_next(task: Task, plan: Iterable[Task]) -> tuple[str, ...]:
    """Those that wait for `task` alone."""
    plan = list(plan)
    over = {each.key for each in plan if each.state in FINISHED} | {task.key}
    return tuple(
        each.key
        for each in plan
        if each.state == TaskState.WAITING and task.key in each.needs and over >= set(each.needs)
    )


def _staying(told: Foreseen, *, problem: str) -> Foreseen:
    return replace(told, consequence=Consequence.STAYS, next=(), problem=problem)
