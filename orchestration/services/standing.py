"""The tasks of a plan on the desk as the pure core weighs them when it is to be taken back."""

from dataclasses import replace

from orchestration.actions import ACTIONS
from orchestration.domain.recipes import TaskKind
from orchestration.domain.states import EffectState, TaskState
from orchestration.domain.unwinding import Step
from orchestration.models import Task
from orchestration.porting import following
from orchestration.services.callbacks import refused_later
from orchestration.services.desk import Desk, is_beyond


def steps_of(desk: Desk) -> tuple[Step, ...]:
    """What the plan was made of; neither the order's bill nor what takes something back."""
    return tuple(
        replace(step_of(desk, task), late=following.too_late(desk, task))
        for task in desk.tasks
        if task.undoes is None and not is_beyond(task) and not task.given_up
    )


def step_of(desk: Desk, task: Task) -> Step:
    effect = desk.effect(task)
    state = EffectState(effect.state) if effect else None
    return Step(
        key=task.key,
        before=(*task.needs, *([task.of] if task.of else [])),
        kind=TaskKind(task.kind),
        state=TaskState(task.state),
        undo=task.undo,
        ponr=task.ponr,
        outside=task.action in ACTIONS,
        effect=state,
        turned_down=state is EffectState.ACCEPTED and _turned_down(desk, task),
    )


def _turned_down(desk: Desk, task: Task) -> bool:
    """The provider took the request, and said later that nothing came of it."""
    if task.until is None or task.state == TaskState.DONE:
        return False
    return refused_later(desk.effects[task.pk])
