"""What lies ready in a shop and is not fetched: a reminder, then an operator decides."""

from django.db import transaction

from commerce.events import timers
from orchestration.domain.keeping import KEPT
from orchestration.domain.states import TaskState
from orchestration.models import Task
from orchestration.services.desk import Desk
from orchestration.services.local import tell

KEPT_DUE = "orchestration.kept_due"


def kept_timers(task: Task) -> list[timers.Due]:
    """When the task that has just begun to wait is looked at; none if it waits without end."""
    keeping = KEPT.get(task.until or "")
    if keeping is None or task.started_at is None:
        return []
    payload = {"plan": task.plan_id, "task": task.pk}
    remind, end = keeping.looks_at(task.started_at)
    return [
        timers.Due(f"kept:{task.pk}:remind", KEPT_DUE, remind, payload),
        timers.Due(f"kept:{task.pk}:end", KEPT_DUE, end, payload),
    ]


@transaction.atomic
def look_at_kept(*, plan_id: int, task_id: int) -> None:
    """Remind the customer once, or lay the task before an operator; nothing once he came."""
    desk = Desk.of(plan_id)
    if desk is None:
        return
    task = desk.task(task_id)
    keeping = KEPT.get(task.until or "")
    if keeping is None or task.started_at is None or task.state != TaskState.AWAITING:
        return
    if desk.now < keeping.ends_at(task.started_at):
        about = f"{task.key}/{task.started_at:%Y-%m-%d}"
        tell(desk, task, code=keeping.reminder, about=about)
        return
    message = f"It was kept for {keeping.days} days and nobody came for it."
    desk.fall_out(task, cause=keeping.cause, message=message)
    desk.write(on_the_way=False)
