"""The last day of a refund (L221-24): an operator sees one that still waits before it is broken."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from orchestration.domain.states import TaskState
from orchestration.domain.unwinding import PAYING_BACK, REFUND_DUE
from orchestration.services.desk import Desk


@transaction.atomic
def on_refund_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time. A refund that waits comes before an operator, who may pay it back at
    once, also before anything has come back; it goes on by itself if what it waits for comes first.
    """
    desk = Desk.of(payload["plan"])
    if desk is None:
        return
    for task in desk.tasks:
        if task.action == PAYING_BACK and task.state == TaskState.WAITING:
            desk.move(task, TaskState.RUNNING)
            desk.fall_out(task, cause=REFUND_DUE, message=_SENTENCE)
    desk.write(on_the_way=False)


_SENTENCE = (
    "The refund is due in two days, and what it waits for has not come: pay it back now by trying"
    " again, or wait if the customer has not sent anything back yet (L221-24)."
)
