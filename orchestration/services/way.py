"""An order that has to wait until others are over has a plan meanwhile, of one task that waits: so
it stands on every board, with what it waits for, and is late when that takes too long."""

from django.db import transaction

from commerce.events.outbox import publish_all
from commerce.kernel.clock import business_now
from commerce.ordering.selectors import order_for_fulfilment
from commerce.ordering.services.fulfilment import (
    complete_order,
    is_still_accepted,
    start_fulfilment,
)
from commerce.ordering.services.writing import CHANGE_GROUP
from orchestration.domain.decompose import TaskSpec
from orchestration.domain.recipes import TaskKind
from orchestration.domain.states import FINISHED, PlanState, TaskState
from orchestration.domain.way import CLEAR, WAY
from orchestration.models import Plan, TaskHistory
from orchestration.services.desk import Desk, hold_plan
from orchestration.services.jeopardy import lay_out
from orchestration.services.plans import create_plans, task_row, tasks_of, watch_refunds
from orchestration.services.steps import record
from orchestration.services.taking_back import add, leave, next_position

HOURS = 24
"""What was ordered before is usually taken back within minutes; a number that can't be stopped any
more, or a parcel, takes its days."""
_WAIT = TaskSpec(
    key=WAY,
    lines=(),
    role="",
    kind=TaskKind.MILESTONE,
    action="",
    needs=(),
    until=CLEAR,
    of=None,
    ponr=False,
    undo=None,
    hours=HOURS,
)


def wait(*, order_number: str) -> None:
    """Give the order, which has none yet, a plan that waits, unless it was cancelled just before.
    In the caller's transaction."""
    if not is_still_accepted(order_number):
        return
    order, now = order_for_fulfilment(order_number), business_now()
    plan = Plan(
        order_number=order_number,
        group=CHANGE_GROUP,
        party_id=order.party_id,
        release=order.release,
        created_at=now,
    )
    task = task_row(plan, _WAIT, 0)
    task.state, task.started_at = TaskState.AWAITING, now
    lay_out(plan, [task], now=now)
    plan.save()
    task.save()
    publish_all(record([TaskHistory(task=task, state=task.state, at=now)], plan=plan))


def is_planned(order_number: str) -> bool:
    return _plan_of(order_number) is not None


def is_open(order_number: str) -> bool:
    """Whether the order still waits; also one of before there were such plans."""
    plan = _plan_of(order_number)
    return plan is None or _waits(plan)


def hold(order_number: str) -> bool:
    """As `is_open`, with the plan locked before its order, as everywhere, until the caller's
    transaction ends."""
    plan = _plan_of(order_number)
    return plan is None or _waits(hold_plan(plan.pk))


@transaction.atomic
def go_on(*, order_number: str) -> None:
    """Nothing is in the way any more: what was ordered is laid out behind the wait."""
    plan = _plan_of(order_number)
    if plan is None:
        create_plans(order_number=order_number)
        return
    if not start_fulfilment(order_number=order_number):
        return
    desk = _arrived(plan)
    if desk is None:
        return
    fresh = tasks_of(desk.plan, desk.order, first=True, now=desk.now, position=1)
    lay_out(desk.plan, [*desk.tasks, *fresh], now=desk.now)
    desk.plan.save(update_fields=["planned_finish", "look_at"])
    add(desk, fresh, by="system")
    watch_refunds([desk.plan], order=desk.order)
    leave(desk)


def hold_laid_out(order_number: str) -> bool:
    """Whether the order waits for no other and is being carried out; its plan is locked before it,
    as everywhere, until the caller's transaction ends."""
    plan = _plan_of(order_number)
    if plan is None:
        return False
    held = hold_plan(plan.pk)
    return held.state == PlanState.RUNNING and not _waits(held)


@transaction.atomic
def lay_out_more(*, order_number: str) -> None:
    """The order, if it is planned, has got lines since: what is to be done for them joins what is
    laid out. May be repeated."""
    plan = _plan_of(order_number)
    desk = Desk.of(plan.pk) if plan is not None else None
    if desk is None:
        return
    known = {task.key: task for task in desk.tasks}
    place = next_position(desk)
    laid = tasks_of(desk.plan, desk.order, first=True, now=desk.now, position=place)
    fresh = [task for task in laid if task.key not in known]
    if not fresh:
        return
    for task in laid:
        if task.key in known and known[task.key].lines != task.lines:
            known[task.key].lines = task.lines
            known[task.key].save(update_fields=["lines"])
    lay_out(desk.plan, [*desk.tasks, *fresh], now=desk.now)
    desk.plan.save(update_fields=["planned_finish", "look_at"])
    add(desk, fresh, by="system")
    leave(desk)


@transaction.atomic
def end(*, order_number: str) -> None:
    """Nothing is in the way any more, and nothing is left to do."""
    plan = _plan_of(order_number)
    desk = _arrived(plan) if plan is not None else None
    if desk is not None:
        desk.write(on_the_way=False)
    complete_order(order_number=order_number)


def _plan_of(order_number: str) -> Plan | None:
    return Plan.objects.filter(order_number=order_number, group=CHANGE_GROUP).first()


def _waits(plan: Plan) -> bool:
    way = plan.tasks.filter(key=WAY).exclude(state__in=list(FINISHED))
    return plan.state == PlanState.RUNNING and way.exists()


def _arrived(plan: Plan) -> Desk | None:
    """The plan on the desk with its wait over; None if it no longer waits."""
    desk = Desk.of(plan.pk)
    way = next((task for task in desk.tasks if task.key == WAY), None) if desk else None
    if desk is None or way is None or desk.plan.state != PlanState.RUNNING:
        return None
    if way.state in FINISHED:
        return None
    desk.move(way, TaskState.DONE)
    return desk
