"""Watching over the day that a customer was told: stored when a plan moves, and when a plan has
used up so much time that its colour may have changed; see domain.jeopardy.

A plan that runs as planned costs no statement: it is written only when its colour changes, or when
it must be looked at earlier than was thought.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, Value, When

from commerce.events import outbox, timers
from commerce.events.models import Timer
from commerce.kernel.clock import PARIS, business_now, machine_now
from commerce.notifications.services import send
from commerce.ordering.domain.fulfilment import FulfilmentOrder
from orchestration.domain.jeopardy import LOOK_AGAIN, Colour, Stage, Watch, forecast, told_by, watch
from orchestration.domain.keeping import KEPT
from orchestration.domain.recipes import TaskKind
from orchestration.domain.requests import port_day
from orchestration.domain.states import PlanState, TaskState
from orchestration.domain.way import WAY
from orchestration.events import OrderInJeopardy, OrderOutOfJeopardy
from orchestration.models import OrderWatch, Plan, Task

logger = logging.getLogger(__name__)

LOOK = "orchestration.jeopardy"
EVERY = timedelta(seconds=60)
AT_ONCE = 200
"""Plans that one look takes; where there are more, it comes again at once."""
PORT_IN = "porting.port_in"
CUT_OVER_BY = time(20)
_EARLIER = timedelta(minutes=15)
_RANK = Case(When(colour=Colour.RED, then=Value(0)), default=Value(1))


def stages_of(tasks: Sequence[Task]) -> tuple[Stage, ...]:
    """The tasks of a plan, in their order, as the pure core weighs their time."""
    return tuple(
        Stage(
            key=task.key,
            before=tuple(task.needs),
            watches=task.of,
            hours=0 if task.kind == TaskKind.TIMER else task.hours,
            working=task.working,
            state=TaskState(task.state),
            started_at=task.started_at,
            finished_at=task.finished_at,
            earliest=_earliest(task),
            ours=not _customers(task),
        )
        for task in tasks
        if task.undoes is None and not task.aside
    )


def day_of(task: Task, *, order: FulfilmentOrder, now: datetime) -> date | None:
    """The day before which a new task can't be over: of a wait, or of a porting."""
    items = [item for item in order.items if item.line_id in task.lines]
    if task.kind == TaskKind.TIMER:
        days = [task.starts_on, *(item.not_before for item in items)]
        return max((day for day in days if day is not None), default=None)
    if task.action == PORT_IN and items:
        item = items[0]
        today = now.astimezone(PARIS).date()
        wished = item.config.get("port_on", "")
        return port_day(wished=wished, not_before=item.not_before, today=today)
    return task.starts_on


def lay_out(plan: Plan, tasks: Sequence[Task], *, now: datetime) -> None:
    """Give a new plan, and each of its tasks, the finish that is planned."""
    ends = forecast(stages_of(tasks), now=now)
    for task in tasks:
        task.planned_finish = ends.get(task.key)
    _plan(plan, max(ends.values(), default=now), now=now)


def plan_anew(plan: Plan) -> None:
    """Its customer was told another day by other words: the next look plans it afresh, also that of
    the desk on which the plan lies."""
    plan.planned_finish, plan.look_at = None, business_now()
    plan.save(update_fields=["planned_finish", "look_at"])


def judge(plan: Plan, tasks: Sequence[Task], *, now: datetime) -> list[outbox.Event]:
    """What a plan on the desk, which is locked, is to be expected of now; stored if it matters.

    Answers what has to be told of its order.
    """
    if plan.state != PlanState.RUNNING or not plan.moves:
        return _changed(plan, colour=Colour.GREEN, now=now) if plan.colour != Colour.GREEN else []
    stages = stages_of(tasks)
    anew = plan.planned_finish is None
    planned = plan.planned_finish or max(forecast(stages, now=now).values(), default=now)
    found = watch(stages, planned=planned, since=plan.created_at, now=now)
    if anew:
        _plan(plan, planned, now=now)
        plan.save(update_fields=["planned_finish", "look_at"])
    if found.colour != plan.colour or (
        found.colour != Colour.GREEN and _otherwise_late(plan, found)
    ):
        plan.expected_finish, plan.culprit = found.expected, found.culprit
        plan.look_at = found.look_at
        return _changed(plan, colour=found.colour, now=now)
    if plan.look_at is None or not now < plan.look_at <= found.look_at + _EARLIER:
        Plan.objects.filter(pk=plan.pk).update(look_at=found.look_at)
    return []


def _otherwise_late(plan: Plan, found: Watch) -> bool:
    """By another task, or until another day."""
    if plan.expected_finish is None or found.culprit != plan.culprit:
        return True
    known, now = (at.astimezone(PARIS).date() for at in (plan.expected_finish, found.expected))
    return known != now


def look_over(*, now: datetime) -> int:
    """Judge the plans whose colour may have got worse by time alone, each in a transaction of its
    own; answers how many. One that can't be judged is left for later and keeps no other from it."""
    due = Plan.objects.filter(state=PlanState.RUNNING, arrived_at=None, look_at__lte=now)
    due = due.order_by("look_at")
    ids = list(due.values_list("pk", flat=True)[:AT_ONCE])
    for plan_id in ids:
        try:
            _look_at(plan_id, now=now)
        except Exception:
            logger.exception("plan not judged", extra={"plan": plan_id})
            Plan.objects.filter(pk=plan_id).update(look_at=now + LOOK_AGAIN)
    return len(ids)


@transaction.atomic
def _look_at(plan_id: int, *, now: datetime) -> None:
    """Whoever works on the plan meanwhile judges it himself."""
    plan = Plan.objects.select_for_update(skip_locked=True).filter(pk=plan_id).first()
    if plan is not None:
        tasks = list(Task.objects.filter(plan=plan).order_by("position"))
        outbox.publish_all(judge(plan, tasks, now=now))


def begin() -> None:
    """Make sure that the timer is set; the pump calls this when it starts."""
    first = Timer(key=LOOK, handler=LOOK, due_at=machine_now(), clock="machine")
    Timer.objects.bulk_create([first], ignore_conflicts=True)


def on_look_due(payload: Mapping[str, Any]) -> None:
    """Timer, machine time; called with no transaction open. Comes again whatever happens."""
    _come_again(EVERY)
    if look_over(now=business_now()) == AT_ONCE:
        _come_again(timedelta())


def _come_again(after: timedelta) -> None:
    due = machine_now() + after
    timers.schedule(key=LOOK, handler=LOOK, due_at=due, payload={}, clock="machine")


def _plan(plan: Plan, planned: datetime, *, now: datetime) -> None:
    told = told_by(planned, since=plan.created_at)
    plan.planned_finish, plan.look_at = planned, now + (told - planned) / 2


def _changed(plan: Plan, *, colour: Colour, now: datetime) -> list[outbox.Event]:
    plan.colour = colour
    plan.save(update_fields=["colour", "expected_finish", "culprit", "look_at"])
    return _roll_up(plan, now=now)


def _roll_up(plan: Plan, *, now: datetime) -> list[outbox.Event]:
    """The order is as its worst plan is, which is told once for each change; its row is locked, so
    that of two plans that change at once the second sees the first."""
    OrderWatch.objects.bulk_create(
        [OrderWatch(order_number=plan.order_number, party_id=plan.party_id)], ignore_conflicts=True
    )
    order = OrderWatch.objects.select_for_update().get(order_number=plan.order_number)
    running = Plan.objects.filter(
        order_number=plan.order_number, state=PlanState.RUNNING, arrived_at=None
    )
    late = running.exclude(colour=Colour.GREEN).exclude(planned_finish=None)  # those to plan anew
    worst = late.order_by(_RANK, "planned_finish").first()
    before = order.colour
    order.plan, order.colour = worst, Colour(worst.colour) if worst else Colour.GREEN
    if order.colour != before:
        order.since = now
    if worst is not None:
        _note_days(order, worst)
    order.save()
    if worst is not None and order.colour == Colour.RED:
        _tell_the_customer(order, worst)
    if order.colour == before:
        return []
    if worst is None:
        return [OrderOutOfJeopardy(order.order_number, order.party_id)]
    assert order.told_on is not None
    assert order.expected_on is not None
    return [
        OrderInJeopardy(
            order_number=order.order_number,
            party_id=order.party_id,
            colour=order.colour,
            told_on=order.told_on,
            expected_on=order.expected_on,
        )
    ]


def _note_days(order: OrderWatch, worst: Plan) -> None:
    assert worst.planned_finish is not None
    assert worst.expected_finish is not None
    order.told_by = told_by(worst.planned_finish, since=worst.created_at)
    told = order.told_by.astimezone(PARIS).date()
    order.told_on = max(order.told_on or told, told)
    order.expected_on = worst.expected_finish.astimezone(PARIS).date()


def _tell_the_customer(order: OrderWatch, worst: Plan) -> None:
    """A new day as soon as the one told last can't be held, with a reserve as the first one had;
    each day once. Of an order that waits for others none was told."""
    assert worst.expected_finish is not None
    assert order.expected_on is not None
    assert order.told_on is not None
    if order.expected_on <= order.told_on or worst.culprit == WAY:
        return
    day = told_by(worst.expected_finish, since=worst.created_at).astimezone(PARIS).date()
    send(
        party_id=order.party_id,
        code="order_late",
        values={
            "order": order.order_number,
            "told": f"{order.told_on:%d/%m/%Y}",
            "day": f"{day:%d/%m/%Y}",
        },
        reference=f"{order.order_number}/late/{day}",
    )
    order.told_on = day
    order.save(update_fields=["told_on"])


def _earliest(task: Task) -> datetime | None:
    """A parcel's other tasks come after the wait for it."""
    if task.starts_on is not None and (task.kind == TaskKind.TIMER or task.action == PORT_IN):
        at = CUT_OVER_BY if task.action == PORT_IN else time()
        return datetime.combine(task.starts_on, at, tzinfo=PARIS)
    return None


def _customers(task: Task) -> bool:
    """Only the customer can bring it on: he fetches it, or mends his own request."""
    return task.until in KEPT or (task.action == PORT_IN and task.state == TaskState.FALLOUT)
