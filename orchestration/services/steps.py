"""The steps of tasks: kept as their history, and told to whom wants to hear of each."""

from collections.abc import Sequence

from commerce.rows import insert
from orchestration.domain.states import TaskState
from orchestration.events import TaskStateChanged
from orchestration.models import Plan, TaskHistory


def record(steps: Sequence[TaskHistory], *, plan: Plan) -> list[TaskStateChanged]:
    """Store steps of tasks of one plan; the events that tell of them, for the caller to publish
    with what else it tells. That a task was added and waits is none."""
    return [
        TaskStateChanged(
            order_number=plan.order_number,
            party_id=plan.party_id,
            group=plan.group,
            task=step.task.key,
            action=step.task.action,
            lines=tuple(step.task.lines),
            state=step.state,
            sequence=step.pk,
        )
        for step in insert(steps)
        if step.state != TaskState.WAITING
    ]
