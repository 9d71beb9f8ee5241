"""What pages and APIs read of the plans."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet

from commerce.ordering.services.open_changes import in_the_way_of
from commerce.ordering.services.withdrawn import withdrawn_bundle
from orchestration.actions import ACTIONS
from orchestration.domain.corrections import REPLACEABLE
from orchestration.domain.jeopardy import Colour
from orchestration.domain.masking import masked
from orchestration.domain.states import FINISHED, EffectState, PlanState, TaskState
from orchestration.domain.way import CLEAR, WAY
from orchestration.models import Effect, Plan, PortHealth, ProviderCallback, Task, TaskHistory


@dataclass(frozen=True, slots=True)
class TaskStep:
    """One entry of a task's history; `at` is business time."""

    state: str
    at: datetime
    by: str
    note: str
    changes: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task as operators see it; `request` and `answer` hold no secrets. `orders`: those that have
    to be over first; `aside`: its own does not wait for it."""

    id: int
    key: str
    lines: tuple[str, ...]
    kind: str
    action: str
    state: str
    needs: tuple[str, ...]
    until: str | None
    of: str | None
    undoes: str | None
    ponr: bool
    attempts: int
    started_at: datetime | None
    planned_finish: datetime | None
    finished_at: datetime | None
    cause: str
    last_error: str
    effect_key: str
    replaceable: tuple[str, ...]
    claimed_by: str
    asks: tuple[str, ...]
    request: Mapping[str, object]
    answer: Mapping[str, object]
    history: tuple[TaskStep, ...]
    orders: tuple[str, ...] = ()
    aside: bool = False


@dataclass(frozen=True, slots=True)
class PlanView:
    """One bundle's plan; `callbacks` are (type, instant) in the order in which they occurred;
    `culprit` is the task on which its end depends, if it is late."""

    id: int
    order_number: str
    group: str
    state: str
    tasks: tuple[TaskView, ...]
    callbacks: tuple[tuple[str, datetime], ...]
    colour: Colour = Colour.GREEN
    culprit: str = ""
    planned_finish: datetime | None = None
    expected_finish: datetime | None = None


@dataclass(frozen=True, slots=True)
class Milestone:
    """A step in a customer's words: its code, whether it is done, running, ahead or stuck; with the
    `orders` that have to be over first."""

    code: str
    state: str
    at: datetime | None
    expected_at: datetime | None
    line_ids: tuple[str, ...]
    orders: tuple[str, ...] = ()


def plan_views(order_number: str, *, groups: Sequence[str] | None = None) -> tuple[PlanView, ...]:
    """The plans of an order with all that operators need, in six queries at most.

    Only those of `groups` when given: an order of a fleet has a plan for every user.
    """
    chosen = Plan.objects.filter(order_number=order_number)
    if groups is not None:
        chosen = chosen.filter(group__in=list(groups))
    plans = chosen.order_by("group").prefetch_related(
        Prefetch("tasks", queryset=Task.objects.order_by("position")),
        Prefetch("tasks__effects", queryset=Effect.objects.order_by("generation")),
        Prefetch("tasks__history", queryset=TaskHistory.objects.order_by("id")),
    )
    callbacks = _callbacks(order_number, groups=groups)
    return tuple(
        PlanView(
            plan.pk,
            plan.order_number,
            plan.group,
            plan.state,
            tuple(_task_view(task, order_number=order_number) for task in plan.tasks.all()),
            tuple(callbacks.get(plan.pk, ())),
            Colour(plan.colour),
            plan.culprit,
            plan.planned_finish,
            plan.expected_finish,
        )
        for plan in plans
    )


def _callbacks(
    order_number: str, *, groups: Sequence[str] | None
) -> dict[int, list[tuple[str, datetime]]]:
    effects = Effect.objects.filter(task__plan__order_number=order_number)
    if groups is not None:
        effects = effects.filter(task__plan__group__in=list(groups))
    plans = dict(effects.values_list("key", "task__plan_id"))
    found: dict[int, list[tuple[str, datetime]]] = {}
    stored = ProviderCallback.objects.filter(request_key__in=list(plans)).order_by("occurred_at")
    for callback in stored:
        found.setdefault(plans[callback.request_key], []).append(
            (callback.type, callback.occurred_at)
        )
    return found


def _shown(value: Mapping[str, object] | None) -> Mapping[str, object]:
    shown = masked(value or {})
    return shown if isinstance(shown, Mapping) else {}


def _task_view(task: Task, *, order_number: str) -> TaskView:
    effects = list(task.effects.all())
    last = effects[-1] if effects else None
    return TaskView(
        task.pk,
        task.key,
        tuple(task.lines),
        task.kind,
        task.action,
        task.state,
        tuple(task.needs),
        task.until,
        task.of,
        task.undoes,
        task.ponr,
        task.attempts,
        task.started_at,
        task.planned_finish,
        task.finished_at,
        task.cause,
        task.last_error,
        last.key if last else "",
        REPLACEABLE.get(task.action, ()) if task.state == TaskState.FALLOUT else (),
        task.claimed_by,
        tuple(task.asks),
        _shown(last.request if last else None),
        _shown(last.answer if last else None),
        tuple(TaskStep(h.state, h.at, h.by, h.note, h.changes) for h in task.history.all()),
        waits_for(task, order_number=order_number),
        task.aside,
    )


def waits_for(task: Task, *, order_number: str) -> tuple[str, ...]:
    """The orders that have to be over before this one can begin, if that is what the task waits
    for."""
    if task.key != WAY or task.state in FINISHED:
        return ()
    _, others = in_the_way_of(order_number)
    bundle = withdrawn_bundle(order_number)
    return (*others, *([bundle.number] if bundle is not None else []))


_CUSTOMER_WORDS: Mapping[str, str] = {
    "logistics.ship": "parcel_prepared",
    "dropship.ship": "parcel_prepared",
    "shop.reserve": "pick_up_ready",
    "porting.port_in": "number_ported",
    "numbering.assign": "number_assigned",
    "numbering.lend": "number_lent",
    "esim.confirm": "esim_ready",
    "network.activate": "line_active",
    "network.route": "number_routed",
    "content.entitle": "content_ready",
    "billing.start": "contract_running",
    "network.change": "line_changed",
    "network.swap_sim": "sim_swapped",
    "network.end_sim": "old_sim_ended",
    "network.renumber": "number_changed",
    "network.suspend": "line_suspended",
    "network.restrict": "line_restricted",
    "network.resume": "line_resumed",
    "content.stop": "content_ended",
    "content.suspend": "content_suspended",
    "content.resume": "content_resumed",
    "logistics.take_back": "thing_back",
    "money.pay_back": "paid_back",
    "network.stop": "line_ended",
    "network.stop_route": "line_ended",
    "billing.change": "contract_changed",
}
_MILESTONES: Mapping[str, str] = {
    "profile.installed": "esim_installed",
    "shipment.picked": "parcel_prepared",
    "shipment.shipped": "parcel_shipped",
    "shipment.delivered": "parcel_delivered",
    "pick_up.collected": "pick_up_collected",
    "return.announced": "return_label",
    "return.sent": "thing_sent",
    CLEAR: "way_clear",
}


def tracking(order_number: str) -> tuple[Milestone, ...]:
    """The order's way in the steps that a customer cares about, in the plan's order.

    Of a bundle that is cancelled only that is told (`taken_back`).
    """
    tasks = Task.objects.filter(plan__order_number=order_number, given_up=False)
    tasks = tasks.order_by("plan__group", "position")
    unwound = _unwound(order_number)
    steps = list(unwound.values())
    for task in tasks.exclude(plan__in=list(unwound)):
        code = _MILESTONES.get(task.until or "", "") if task.kind == "milestone" else ""
        code = code or _CUSTOMER_WORDS.get(task.action, "")
        if code:
            steps.append(
                Milestone(
                    code,
                    _plain_state(task),
                    task.finished_at,
                    None if task.key == WAY else task.planned_finish,
                    tuple(task.lines),
                    waits_for(task, order_number=order_number),
                )
            )
    return tuple(steps)


def _unwound(order_number: str) -> dict[int, Milestone]:
    """By plan, the end of those bundles that are cancelled or are being so."""
    plans = Plan.objects.filter(
        order_number=order_number, state__in=[PlanState.CANCELLING, PlanState.CANCELLED]
    )
    return {
        plan.pk: Milestone(
            "taken_back",
            "done" if plan.state == PlanState.CANCELLED else "running",
            plan.finished_at,
            None,
            tuple({line: None for task in plan.tasks.all() for line in task.lines}),
        )
        for plan in plans.prefetch_related("tasks")
    }


def _plain_state(task: Task) -> str:
    if task.state in FINISHED:
        return "done"
    if task.state == TaskState.FALLOUT:
        return "stuck"
    return "ahead" if task.state == TaskState.WAITING else "running"


@dataclass(frozen=True, slots=True)
class FalloutCluster:
    cause: str
    action: str
    count: int


def fallout_clusters() -> tuple[FalloutCluster, ...]:
    """Tasks that wait for an operator, by cause and action; the largest first."""
    rows = (
        Task.objects.filter(state=TaskState.FALLOUT)
        .values("cause", "action")
        .annotate(count=Count("id"))
        .order_by("-count", "cause")
    )
    return tuple(FalloutCluster(row["cause"], row["action"], row["count"]) for row in rows)


@dataclass(frozen=True, slots=True)
class FallenTask:
    """A task that waits for an operator, and since when (business time)."""

    id: int
    order_number: str
    action: str
    cause: str
    last_error: str
    since: datetime | None
    group: str


def fallen_out(*, limit: int = 100, cause: str = "") -> tuple[FallenTask, ...]:
    """The tasks that wait for an operator, the oldest first; of one cause when it is given."""
    stuck = Task.objects.filter(state=TaskState.FALLOUT)
    if cause:
        stuck = stuck.filter(cause=cause)
    rows = stuck.select_related("plan").order_by("id")[:limit]
    return tuple(
        FallenTask(
            task.pk,
            task.plan.order_number,
            task.action,
            task.cause,
            task.last_error,
            task.started_at,
            task.plan.group,
        )
        for task in rows
    )


@dataclass(frozen=True, slots=True)
class ProviderHealth:
    """A provider's port: `silences` in a row; left alone `shut_until` (machine time), None if it is
    asked as usual. `waiting`: requests that it has not answered, `stuck`: tasks in fallout."""

    port: str
    silences: int
    shut_until: datetime | None
    last_error: str
    changed_at: datetime | None
    waiting: int
    stuck: int


def provider_health() -> tuple[ProviderHealth, ...]:
    """Every port that tasks go to, those that keep silent first; three queries."""
    rows = {row.port: row for row in PortHealth.objects.all()}
    busy = Effect.objects.filter(task__state__in=[TaskState.RUNNING, TaskState.RETRYING])
    waiting = _by_port(busy.filter(state__in=[EffectState.SENT, EffectState.UNKNOWN]))
    stuck = _by_port(Effect.objects.filter(task__state=TaskState.FALLOUT))
    found = [
        ProviderHealth(
            port,
            row.silences if row else 0,
            row.shut_until if row else None,
            row.last_error if row else "",
            row.changed_at if row else None,
            waiting.get(port, 0),
            stuck.get(port, 0),
        )
        for port in sorted(
            {"letters", "messages", "payments", *(each.port for each in ACTIONS.values())}
        )
        for row in [rows.get(port)]
    ]
    return tuple(sorted(found, key=lambda each: (-each.silences, each.port)))


def _by_port(effects: QuerySet[Effect]) -> dict[str, int]:
    counted = effects.values_list("port").annotate(count=Count("task", distinct=True))
    return dict(counted.order_by("port"))


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """`arrived`: its order waits for nothing of it any more."""

    order_number: str
    group: str
    state: str
    created_at: datetime
    done: int
    total: int
    stuck: int
    arrived: bool = False


def progress_of(numbers: Sequence[str]) -> Mapping[str, tuple[int, int, int]]:
    """For each order that has plans: tasks finished, all tasks, tasks that need a decision."""
    rows = (
        Task.objects.filter(plan__order_number__in=list(numbers))
        .values("plan__order_number")
        .annotate(
            done=Count("id", filter=Q(state__in=list(FINISHED))),
            total=Count("id"),
            stuck=Count("id", filter=Q(state=TaskState.FALLOUT)),
        )
    )
    return {row["plan__order_number"]: (row["done"], row["total"], row["stuck"]) for row in rows}


def plans_of(order_number: str) -> tuple[PlanSummary, ...]:
    """An order's plans with their progress, those that need a decision first; one query."""
    plans = _counted(Plan.objects.filter(order_number=order_number))
    return _summaries(plans.order_by("-stuck", "id"))


def orders_stuck(numbers: Sequence[str]) -> frozenset[str]:
    """Those of the orders of which a task waits for an operator."""
    tasks = Task.objects.filter(plan__order_number__in=list(numbers), state=TaskState.FALLOUT)
    return frozenset(tasks.values_list("plan__order_number", flat=True))


def _counted(plans: QuerySet[Plan]) -> QuerySet[Any]:
    return plans.annotate(
        done=Count("tasks", filter=Q(tasks__state__in=list(FINISHED))),
        total=Count("tasks"),
        stuck=Count("tasks", filter=Q(tasks__state=TaskState.FALLOUT)),
    )


def _summaries(rows: Iterable[Any]) -> tuple[PlanSummary, ...]:
    return tuple(
        PlanSummary(
            row.order_number,
            row.group,
            row.state,
            row.created_at,
            row.done,
            row.total,
            row.stuck,
            row.arrived_at is not None,
        )
        for row in rows
    )
