"""A parcel that waits for its pieces waits for another day."""

from datetime import date, datetime

from django.db import transaction

from commerce.events import timers
from commerce.kernel.clock import PARIS
from orchestration.domain.recipes import TaskKind
from orchestration.domain.states import TaskState
from orchestration.models import Plan, Task
from orchestration.services import jeopardy
from orchestration.services.decide import TIMER_DUE
from orchestration.services.desk import hold_plan


@transaction.atomic
def move_parcel(
    *, order_number: str, group: str, before: str, after: str, expected_on: date
) -> None:
    """The bundle's tasks of the parcel `before` are those of `after` from now on. May be repeated;
    nothing happens where there is no plan yet: it is made with the new day."""
    plan = Plan.objects.filter(order_number=order_number, group=group).first()
    if plan is None:
        return
    hold_plan(plan.pk)
    tasks = Task.objects.filter(plan=plan, parcel=before)
    waiting = list(tasks.filter(kind=TaskKind.TIMER, state=TaskState.AWAITING))
    tasks.update(parcel=after, starts_on=expected_on)
    jeopardy.plan_anew(plan)
    due = datetime(expected_on.year, expected_on.month, expected_on.day, tzinfo=PARIS)
    timers.schedule_all(
        timers.Due(f"task:{task.pk}", TIMER_DUE, due, {"plan": plan.pk}) for task in waiting
    )
