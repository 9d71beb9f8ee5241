"""What became of a call to a provider, and what that makes of its task."""

import random
from dataclasses import dataclass

from commerce.kernel.errors import FaisceauError, Unknown
from orchestration.actions import action
from orchestration.domain.recipes import TaskKind
from orchestration.domain.retry import MOST_ATTEMPTS, back_off
from orchestration.domain.states import EffectState, TaskState
from orchestration.models import Effect, Task
from orchestration.porting import following
from orchestration.ports import Answer
from orchestration.services.desk import Desk
from orchestration.services.health import is_shut


@dataclass(frozen=True, slots=True)
class Call:
    """A call that this worker must make. `unknown`: an earlier try had no answer, so the provider
    is asked for the key before anything is sent again."""

    task: Task
    effect: Effect
    unknown: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """The provider's answer; or its refusal, or our own billing's; or `Unknown`: silence."""

    call: Call
    result: Answer | FaisceauError


def store(desk: Desk, outcome: Outcome) -> None:
    """Note the outcome, unless the task or its effect has moved on meanwhile."""
    task = desk.task(outcome.call.task.pk)
    effect = desk.effect(task)
    if effect is None or effect.pk != outcome.call.effect.pk or effect.state != EffectState.SENT:
        return
    if desk.gives_up(task) and task.state == TaskState.RUNNING:
        _know(desk, task, effect, result=outcome.result)
        return
    match outcome.result:
        case Answer() as answer:
            _accept(desk, task, effect, answer=answer)
        case Unknown() as silence:
            _try_later(desk, task, effect, message=silence.message)
        case FaisceauError() as refusal:
            desk.settle(effect, EffectState.REFUSED, answer={"code": refusal.code})
            if task.state == TaskState.RUNNING:
                desk.fall_out(task, cause=refusal.code, message=refusal.message)
    following.answered(desk, task, effect)


def _know(desk: Desk, task: Task, effect: Effect, *, result: Answer | FaisceauError) -> None:
    """The plan is being cancelled: what became of the call decides what there is to undo."""
    match result:
        case Answer() as answer:
            desk.settle(effect, EffectState.ACCEPTED, answer=answer.facts)
            if not task.given_up:
                desk.learn(action(task.action).learn(answer, desk.context(task)))
        case Unknown():
            desk.settle(effect, EffectState.UNKNOWN)
        case FaisceauError() as refusal:
            desk.settle(effect, EffectState.REFUSED, answer={"code": refusal.code})
    desk.move(task, TaskState.CANCELLED)


def _accept(desk: Desk, task: Task, effect: Effect, *, answer: Answer) -> None:
    """The provider took it: the task is done, or awaits the callback that ends it."""
    desk.settle(effect, EffectState.ACCEPTED, answer=answer.facts)
    desk.learn(action(task.action).learn(answer, desk.context(task)))
    if task.state != TaskState.RUNNING:
        return
    task.last_error = ""
    if task.kind == TaskKind.CALLBACK:
        desk.await_callback(task)
    else:
        desk.move(task, TaskState.DONE)


def _try_later(desk: Desk, task: Task, effect: Effect, *, message: str) -> None:
    """No answer: asked for after a while; after too many times an operator decides."""
    desk.settle(effect, EffectState.UNKNOWN)
    if task.state != TaskState.RUNNING:
        return
    if is_shut(effect.port):
        # Who is known not to answer anybody uses up nobody's attempts.
        task.attempts -= 1
    if task.attempts >= MOST_ATTEMPTS:
        desk.fall_out(task, cause="provider_silent", message=message)
        return
    wait = back_off(max(task.attempts, 1), draw=random.random())  # noqa: S311  jitter, not a secret
    task.not_before, task.last_error = desk.machine + wait, message
    desk.move(task, TaskState.RETRYING, note=message)
