"""Work that people do: one operator takes a task, so that no other does it too."""

from collections.abc import Mapping

from django.db import transaction
from django.db.models import Q

from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_now
from commerce.kernel.errors import Conflict, InvalidInput
from orchestration.domain.corrections import checked
from orchestration.domain.recipes import TaskKind
from orchestration.domain.states import TaskState
from orchestration.models import Task, TaskHistory
from orchestration.services import fallout

BY_HAND = Q(state=TaskState.FALLOUT) | Q(kind=TaskKind.MANUAL, state=TaskState.AWAITING)
"""What waits for an operator."""


@transaction.atomic
def claim(context: AccountContext, *, task_id: int) -> None:
    """Take the task; again by the same operator: nothing happens.

    Raises:
        Forbidden: `operators_only`. NotFound. Conflict: `claimed` by somebody else, `moved_on`.
    """
    task = fallout.locked_task(context, task_id=task_id)
    if task.claimed_id == context.actor.id:
        return
    ours = Task.objects.filter(BY_HAND, pk=task_id, claimed_id=None)
    if not ours.update(
        claimed_id=context.actor.id, claimed_by=context.actor.name, claimed_at=business_now()
    ):
        raise Conflict("The task waits for nobody any more.", code="moved_on")
    _note(task, context, "claimed")


@transaction.atomic
def release(context: AccountContext, *, task_id: int) -> None:
    """Leave the task to others, also for somebody who can't do so himself; nothing happens where it
    is nobody's.

    Raises:
        Forbidden: `operators_only`. NotFound.
    """
    task = fallout.locked_task(context, task_id=task_id, of_others=True)
    if task.claimed_id is None:
        return
    Task.objects.filter(pk=task_id).update(claimed_id=None, claimed_by="", claimed_at=None)
    _note(task, context, "released")


@transaction.atomic
def complete(context: AccountContext, *, task_id: int, note: str, facts: Mapping[str, str]) -> None:
    """It is done; `facts` are what its recipe asks for, all of them.

    Raises:
        Forbidden: `operators_only`. NotFound. Conflict: `claimed` by somebody else, `not_claimed`,
        `moved_on`. InvalidInput: `note_missing`, `value_missing`, `value_malformed`,
        `not_replaceable`.
    """
    task = fallout.locked_task(context, task_id=task_id)
    if task.kind != TaskKind.MANUAL or task.state != TaskState.AWAITING:
        raise Conflict("The task waits for nobody any more.", code="moved_on")
    if task.claimed_id is None:
        raise Conflict("Take the task first, so that nobody else does it.", code="not_claimed")
    if not note.strip():
        raise InvalidInput("Say what was done, for the history.", code="note_missing", field="note")
    asked = tuple(task.asks)
    told = checked(asked, {**dict.fromkeys(asked, ""), **facts})
    fallout.complete_by_hand(context, task_id=task_id, note=note.strip(), facts=told)


def _note(task: Task, context: AccountContext, note: str) -> None:
    TaskHistory.objects.create(
        task=task, state=task.state, at=business_now(), by=context.actor.name, note=note
    )
