"""Deciding what of a plan can go on: under the plan's lock, in one short transaction."""

import random
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q

from commerce.events import timers
from commerce.kernel.clock import PARIS
from commerce.kernel.errors import FaisceauError
from commerce.ordering.services.unwinding import money_is_known
from commerce.rows import Given, Prepared, update
from orchestration.actions import ACTIONS, action, speaks_for
from orchestration.domain.decompose import ORDER_BILL
from orchestration.domain.keeping import KEPT
from orchestration.domain.recipes import TaskKind
from orchestration.domain.requests import BEYOND, MISFORTUNES, Misfortune, facts_of_event
from orchestration.domain.retry import MOST_ATTEMPTS
from orchestration.domain.states import FINISHED, EffectState, TaskState
from orchestration.domain.unwinding import (
    CREDITING,
    PAYING_BACK,
    REFUND_DUE,
    SETTLING,
    Standing,
)
from orchestration.models import Effect, ProviderCallback, Task
from orchestration.porting import following
from orchestration.services.desk import Desk
from orchestration.services.health import shut_until
from orchestration.services.keeping import kept_timers
from orchestration.services.local import perform
from orchestration.services.outcome import Call, Outcome, store
from orchestration.services.standing import step_of

LEASE = timedelta(seconds=60)
PER_CALL = timedelta(seconds=20)
"""The calls of a round go out one after the other; asking and sending may both be waited for."""
BILL_COMES = timedelta(seconds=5)
"""Until the order's bill is looked for again."""
EARLIER_COMES = timedelta(seconds=20)
"""Until it is looked again what became of an earlier word about a service."""
TIMER_DUE = "orchestration.timer_due"
_CALLED_BACK = Prepared(
    lambda: ProviderCallback.objects.filter(request_key__in=Given("keys", each="text")).order_by(
        "occurred_at", "callback_id"
    )
)
_WORKING = frozenset({TaskKind.CALL, TaskKind.CALLBACK, TaskKind.NOTIFY})


@transaction.atomic(durable=True)
def decide(*, plan_id: int, outcomes: Iterable[Outcome] = ()) -> Sequence[Call]:
    """Store what became of calls, take callbacks in, let tasks become ready; answers the calls that
    the caller must make now.

    Two workers on one plan wait for each other here and never get the same task. What needs nobody
    else is done on the spot. Schedules the next look when something has to be tried again.
    """
    desk = Desk.of(plan_id)
    if desk is None:
        return ()
    for outcome in outcomes:
        store(desk, outcome)
    seen = take_in(desk)
    _reclaim(desk)
    calls = _settle(desk, seen=seen)
    desk.write(on_the_way=bool(calls))
    return calls


def take_in(desk: Desk) -> dict[int, set[str]]:
    """Callbacks of accepted effects: learn their facts once; answers the types seen, per task."""
    accepted = {
        effect.key: effect
        for effect in desk.effects.values()
        if effect.state == EffectState.ACCEPTED
    }
    if not accepted:
        return {}
    seen: dict[int, set[str]] = {}
    fresh: list[ProviderCallback] = []
    for callback in _CALLED_BACK.rows(keys=list(accepted)):
        effect = accepted[callback.request_key]
        if not speaks_for(callback.provider, port=effect.port):
            continue
        task = desk.task(effect.task_id)
        seen.setdefault(task.pk, set()).add(callback.type)
        if not callback.processed:
            callback.processed = True
            fresh.append(callback)
            _learn(desk, task, callback)
    update(fresh, ["processed"])
    return seen


def _learn(desk: Desk, task: Task, callback: ProviderCallback) -> None:
    if not task.given_up:
        desk.learn(facts_of_event(callback.type, callback.data, context=desk.context(task)))
    if task.action == following.PORT_IN:
        following.heard(desk, task, callback)
        if callback.type == "port.scheduled":
            # The day is told by messages of its own; what was planned around another is void.
            task.starts_on = date.fromisoformat(str(callback.data["date"]))
            desk.changed[task.pk] = task
            desk.plan.planned_finish = None


def _reclaim(desk: Desk) -> None:
    """Tasks whose worker vanished: what was sent is unknown until the provider was asked."""
    for task in desk.tasks:
        if task.state != TaskState.RUNNING or task.lease_until is None:
            continue
        if task.lease_until > desk.machine:
            continue
        effect = desk.effect(task)
        if effect and effect.state == EffectState.SENT:
            desk.settle(effect, EffectState.UNKNOWN)
        if desk.gives_up(task):
            desk.move(task, TaskState.CANCELLED, note="its worker vanished")
            continue
        if task.attempts >= MOST_ATTEMPTS:
            message = "Its worker vanished each time; look at the log."
            desk.fall_out(task, cause="worker_vanished", message=message)
            continue
        task.not_before = desk.machine
        desk.move(task, TaskState.RETRYING, note="its worker vanished")


def _settle(desk: Desk, *, seen: dict[int, set[str]]) -> list[Call]:
    """Move every task as far as it can go; answers the calls to be made now."""
    by_key = {task.key: task for task in desk.tasks}
    calls: list[Call] = []
    moving = True
    while moving:
        moving = False
        for task in desk.tasks:
            step = _step(desk, task, by_key=by_key, seen=seen, calls=calls)
            if step is not None:
                moving = True
                step()
    return calls


def _step(
    desk: Desk,
    task: Task,
    *,
    by_key: dict[str, Task],
    seen: dict[int, set[str]],
    calls: list[Call],
) -> Callable[[], None] | None:
    """The next move of `task`, or None when it has to wait."""
    match task.state:
        case TaskState.WAITING if task.undoes and _ready(task, by_key):
            return _undoing(desk, task, calls=calls)
        case TaskState.WAITING if _too_early(desk, task):
            desk.wake_at.append(desk.machine + BILL_COMES)
            return None
        case TaskState.WAITING if _ready(task, by_key):
            if task.kind in _WORKING:
                return _work(desk, task, calls=calls)
            if arrived(desk, task, by_key=by_key, seen=seen):
                return lambda: desk.move(task, TaskState.DONE)
            return lambda: _await(desk, task)
        case TaskState.AWAITING if arrived(desk, task, by_key=by_key, seen=seen):
            return lambda: desk.move(task, TaskState.DONE)
        case TaskState.AWAITING if befell := _misfortune(task, by_key, seen):
            return lambda: desk.fall_out(task, cause=befell.cause, message=befell.sentence)
        case TaskState.FALLOUT if _may_end(task) and arrived(desk, task, by_key=by_key, seen=seen):
            return lambda: desk.move(task, TaskState.DONE, note="arrived after all")
        case TaskState.FALLOUT if task.cause == REFUND_DUE and _may_pay_back(desk, task, by_key):
            note = "what it waited for has come"
            return lambda: desk.move(task, TaskState.RETRYING, note=note)
        case TaskState.RETRYING if task.not_before is None or task.not_before <= desk.machine:
            return _work(desk, task, calls=calls)
        case _:
            return None


def _may_pay_back(desk: Desk, task: Task, by_key: dict[str, Task]) -> bool:
    return _ready(task, by_key) and not _too_early(desk, task)


def _misfortune(
    task: Task, by_key: dict[str, Task], seen: dict[int, set[str]]
) -> Misfortune | None:
    """Why what the task awaits will not come."""
    befell = MISFORTUNES.get(task.until or "")
    watched = by_key[task.of] if task.of else task
    return befell if befell is not None and befell.told in seen.get(watched.pk, ()) else None


def _may_end(task: Task) -> bool:
    """Whether what an operator was to decide about may still settle itself."""
    befell = MISFORTUNES.get(task.until or "")
    return task.until in KEPT or (befell is not None and task.cause == befell.cause)


def _work(desk: Desk, task: Task, *, calls: list[Call]) -> Callable[[], None] | None:
    """Run the task, unless its provider is being left alone, or something else must be known
    first."""
    if task.action in ACTIONS and (_left_alone(desk, task) or _after_another(desk, task)):
        return None
    return lambda: _run(desk, task, calls=calls)


def _left_alone(desk: Desk, task: Task) -> bool:
    """The provider keeps silent: the task waits until it may be asked again, at some moment after,
    so that not all of them come at once."""
    until = shut_until(action(task.action).port)
    if until is None:
        return False
    until += timedelta(seconds=random.random())  # noqa: S311  jitter, not a secret
    if task.state == TaskState.RETRYING:
        task.not_before = until
        desk.changed[task.pk] = task
    desk.wake_at.append(until)
    return True


def _after_another(desk: Desk, task: Task) -> bool:
    """What goes on aside may outlast its order: of one service the later word waits until it is
    known what became of an earlier one, so that they can't arrive the other way round."""
    if not task.aside:
        return False
    service = desk.context(task).item.said("entitlement_id")
    earlier = Effect.objects.filter(
        Q(request__entitlement_id=service) | Q(request__id=service),
        state__in=[EffectState.SENT, EffectState.UNKNOWN],
        task__state__in=[TaskState.RUNNING, TaskState.RETRYING, TaskState.FALLOUT],
        task__plan_id__lt=desk.plan.pk,
        task__aside=True,
    )
    if not service or not earlier.exists():
        return False
    desk.wake_at.append(desk.machine + EARLIER_COMES)
    return True


def _too_early(desk: Desk, task: Task) -> bool:
    """Nothing is credited before it was billed, nor paid back before it is known to be paid."""
    if task.action == SETTLING:
        return not money_is_known(desk.plan.order_number)
    if task.action == PAYING_BACK:
        return not money_is_known(desk.order.withdraws.partition("/")[0])
    return task.action == CREDITING and not _billed(desk)


def _billed(desk: Desk) -> bool:
    """Whether the order's bill, which another of its plans may make, is made or given up."""
    bills = Task.objects.filter(plan__order_number=desk.plan.order_number, key=ORDER_BILL.key)
    return not bills.exclude(plan=desk.plan).exclude(state__in=FINISHED).exists()


def _undoing(desk: Desk, task: Task, *, calls: list[Call]) -> Callable[[], None] | None:
    """What is there to undo decides; as long as nobody knows that, the task waits."""
    undone = desk.undone(task)
    if desk.in_doubt(undone):
        return None
    match step_of(desk, undone).standing:
        case Standing.NOTHING:
            return lambda: desk.move(task, TaskState.SKIPPED, note="nothing to undo")
        case Standing.BY_HAND:
            return lambda: _undo_by_hand(desk, task)
        case _:
            return _work(desk, task, calls=calls)


def _undo_by_hand(desk: Desk, task: Task) -> None:
    desk.move(task, TaskState.RUNNING)
    message = "It was done by hand, outside of the system; undo it there."
    desk.fall_out(task, cause="done_by_hand", message=message)


def _ready(task: Task, by_key: dict[str, Task]) -> bool:
    return all(by_key[need].state in FINISHED for need in task.needs)


def arrived(desk: Desk, task: Task, *, by_key: dict[str, Task], seen: dict[int, set[str]]) -> bool:
    """Whether what the task awaits has come: a callback of its own or of the task it watches."""
    if task.kind == TaskKind.TIMER:
        return _timer_due(desk, task) <= desk.now
    watched = by_key[task.of] if task.of else task
    told = seen.get(watched.pk, set())
    return task.until in told or BEYOND.get(task.until or "") in told


def _await(desk: Desk, task: Task) -> None:
    desk.move(task, TaskState.AWAITING)
    if task.kind == TaskKind.TIMER:
        due = _timer_due(desk, task)
        payload = {"plan": desk.plan.pk}
        desk.due.append(timers.Due(f"task:{task.pk}", TIMER_DUE, due, payload))
    desk.due += kept_timers(task)


def _timer_due(desk: Desk, task: Task) -> datetime:
    """Midnight in Paris of the day before which the item, or the parcel, must not go on."""
    days = [task.starts_on, *(item.not_before for item in desk.context(task).items)]
    day = max((day for day in days if day is not None), default=None)
    if day is None:
        return desk.now
    return datetime(day.year, day.month, day.day, tzinfo=PARIS)


def _run(desk: Desk, task: Task, *, calls: list[Call]) -> None:
    """Do what is ours; claim a provider's for this worker, with its request stored first."""
    desk.move(task, TaskState.RUNNING)
    task.attempts += 1
    if task.action not in ACTIONS:
        perform(desk, task)
        return
    effect = desk.effect(task)
    if effect is None and action(task.action).needless(desk.context(task)):
        desk.move(task, TaskState.DONE, note="nothing to ask as things are")
        return
    task.lease_until = desk.machine + LEASE + PER_CALL * len(calls)
    unknown = effect is not None and effect.state == EffectState.UNKNOWN
    if effect is None:
        try:
            request = action(task.action).ask(desk.context(task))
        except FaisceauError as error:
            desk.fall_out(task, cause=error.code, message=error.message)
            return
        desk.ask(task, port=action(task.action).port, request=request)
    elif unknown:
        effect.sent_at = desk.now
        desk.settle(effect, EffectState.SENT)
    calls.append(Call(task, desk.effects[task.pk], unknown))
