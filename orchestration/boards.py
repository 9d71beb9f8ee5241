"""What operators see of orders that will be late, and what customers are told of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Q

from commerce.kernel.clock import PARIS
from orchestration.actions import ACTIONS
from orchestration.domain.jeopardy import Colour, told_by
from orchestration.domain.recipes import TaskKind
from orchestration.domain.settlement import Difference, Differing
from orchestration.domain.states import FINISHED, MOVING, FoundState, TaskState
from orchestration.domain.way import WAY
from orchestration.models import (
    FoundDifference,
    OrderWatch,
    Plan,
    Reconciliation,
    Settlement,
    SettlementDifference,
    Task,
)
from orchestration.selectors import waits_for


@dataclass(frozen=True, slots=True)
class LateOrder:
    """An order that will be later than planned, by the task on which its end depends.

    `told_by`: the end of the day that the customer was told first; `told_on`: the day told last.
    `late` is by how much the expected finish misses `told_by`, less than nothing while it does not.
    `port` is whose provider has it, or has what it watches; empty where that is nobody but us.
    `orders` are those that have to be over first.
    """

    order_number: str
    group: str
    colour: Colour
    since: datetime
    told_by: datetime
    told_on: date
    expected: datetime
    task_id: int | None
    key: str
    action: str
    kind: str
    state: str
    until: str | None
    cause: str
    attempts: int
    claimed_by: str
    port: str
    orders: tuple[str, ...]

    @property
    def late(self) -> timedelta:
        return self.expected - self.told_by


@dataclass(frozen=True, slots=True)
class SettledMonth:
    """A month of the content partner: how many differences wait and how many are decided."""

    month: date
    looked_at: datetime
    waiting: int
    decided: int


@dataclass(frozen=True, slots=True)
class WaitingDifference:
    id: int
    month: date
    difference: Difference

    @property
    def order_number(self) -> str:
        return self.difference.reference.partition("/")[0]


def settled_months(*, limit: int = 24) -> tuple[SettledMonth, ...]:
    """The newest first."""
    open_ = Q(differences__decided_at=None, differences__isnull=False)
    rows = Settlement.objects.annotate(
        waiting=Count("differences", filter=open_),
        decided=Count("differences", filter=Q(differences__decided_at__isnull=False)),
    ).order_by("-month")[:limit]
    return tuple(SettledMonth(row.month, row.looked_at, row.waiting, row.decided) for row in rows)


def waiting_differences(*, limit: int = 100) -> tuple[WaitingDifference, ...]:
    """Those that nobody has decided about, the oldest months first."""
    rows = SettlementDifference.objects.filter(decided_at=None)
    return tuple(
        WaitingDifference(
            row.pk,
            row.settlement_id,
            Difference(Differing(row.kind), row.reference, row.theirs, row.ours),
        )
        for row in rows.order_by("settlement_id", "reference", "id")[:limit]
    )


def count_waiting() -> int:
    """Of all differences that nobody has decided about."""
    return SettlementDifference.objects.filter(decided_at=None).count()


@dataclass(frozen=True, slots=True)
class FoundView:
    """A difference of daily reconciliation that is not solved; `note` says what became of it."""

    id: int
    kind: str
    identity: str
    expected: str
    found: str
    first_on: date
    last_on: date
    state: str
    decided_at: datetime | None
    decided_by: str
    note: str


def differences_found(*, kind: str = "", limit: int) -> tuple[FoundView, ...]:
    """What waits for somebody first, then what was explained; the oldest first."""
    rows = FoundDifference.objects.exclude(state=FoundState.SOLVED)
    if kind:
        rows = rows.filter(kind=kind)
    return tuple(
        FoundView(
            id=row.pk, kind=row.kind, identity=row.identity, expected=row.expected,
            found=row.found, first_on=row.first_on, last_on=row.last_on, state=row.state,
            decided_at=row.decided_at, decided_by=row.decided_by, note=row.note,
        )
        for row in rows.order_by("-state", "first_on", "pk")[:limit]
    )  # fmt: skip


def kinds_found() -> Mapping[str, int]:
    """How many of each kind are not solved."""
    rows = FoundDifference.objects.exclude(state=FoundState.SOLVED).values_list("kind")
    return dict(rows.annotate(Count("pk")).order_by("kind"))


@dataclass(frozen=True, slots=True)
class LastLook:
    day: date
    looked_at: datetime
    silent: tuple[str, ...]


def last_reconciliation() -> LastLook | None:
    """None if there was none yet."""
    row = Reconciliation.objects.order_by("-day").first()
    return LastLook(row.day, row.looked_at, tuple(row.silent)) if row else None


def late_orders(*, limit: int = 100, colour: Colour | None = None) -> tuple[LateOrder, ...]:
    """Those that break their word first come first; three queries."""
    found = OrderWatch.objects.exclude(colour=Colour.GREEN)
    if colour is not None:
        found = found.filter(colour=colour)
    rows = list(found.select_related("plan").order_by("told_by", "order_number")[:limit])
    tasks = _tasks({row.plan.pk: row.plan.culprit for row in rows if row.plan})
    watched = _tasks({plan: task.of for plan, task in tasks.items() if task.of})
    return tuple(
        _late(row, row.plan, tasks.get(row.plan.pk), watched.get(row.plan.pk))
        for row in rows
        if row.plan is not None
    )


def _tasks(keys: Mapping[int, str]) -> Mapping[int, Task]:
    """Of each plan the task of that key; one query."""
    found = Task.objects.filter(plan__in=list(keys), key__in=set(keys.values()))
    return {task.plan_id: task for task in found if keys[task.plan_id] == task.key}


def _late(row: OrderWatch, plan: Plan, task: Task | None, watched: Task | None) -> LateOrder:
    assert row.told_by is not None
    assert row.told_on is not None
    assert row.since is not None
    assert plan.expected_finish is not None
    doer = watched or task
    return LateOrder(
        order_number=row.order_number,
        group=plan.group,
        colour=Colour(row.colour),
        since=row.since,
        told_by=row.told_by,
        told_on=row.told_on,
        expected=plan.expected_finish,
        task_id=task.pk if task else None,
        key=plan.culprit,
        action=task.action if task else "",
        kind=task.kind if task else "",
        state=task.state if task else "",
        until=task.until if task else None,
        cause=task.cause if task else "",
        attempts=task.attempts if task else 0,
        claimed_by=task.claimed_by if task else "",
        port=ACTIONS[doer.action].port if doer and doer.action in ACTIONS else "",
        orders=waits_for(task, order_number=row.order_number) if task else (),
    )


def colours_of(numbers: Sequence[str]) -> Mapping[str, Colour]:
    """The colours of those of the orders that will be late."""
    rows = OrderWatch.objects.filter(order_number__in=list(numbers)).exclude(colour=Colour.GREEN)
    return {row.order_number: Colour(row.colour) for row in rows}


@dataclass(frozen=True, slots=True)
class ToldDay:
    """The day by which a customer expects all of his order, and the one told first."""

    on: date
    first: date


def told_day(order_number: str) -> ToldDay | None:
    """None where nothing is under way, or it has to wait for other orders first."""
    plans = Plan.objects.filter(order_number=order_number, state__in=MOVING, arrived_at=None)
    waiting = Task.objects.filter(key=WAY, plan__order_number=order_number)
    plans = plans.exclude(pk__in=waiting.exclude(state__in=list(FINISHED)).values("plan"))
    days = [
        told_by(plan.planned_finish, since=plan.created_at).astimezone(PARIS).date()
        for plan in plans
        if plan.planned_finish is not None
    ]
    if not days:
        return None
    watched = OrderWatch.objects.filter(order_number=order_number).first()
    if watched is None or watched.told_by is None or watched.told_on is None:
        return ToldDay(max(days), max(days))
    first = watched.told_by.astimezone(PARIS).date()
    return ToldDay(max(watched.told_on, *days), max(first, *days))


@dataclass(frozen=True, slots=True)
class ManualTask:
    """A task that a person does, and who has taken it; `asks` is what he fills in."""

    id: int
    order_number: str
    group: str
    key: str
    action: str
    asks: tuple[str, ...]
    since: datetime | None
    due: datetime | None
    claimed_id: int | None
    claimed_by: str
    claimed_at: datetime | None


def manual_tasks(*, limit: int = 100) -> tuple[ManualTask, ...]:
    """What is to be done by hand, what is due first on top; one query."""
    rows = Task.objects.filter(kind=TaskKind.MANUAL, state=TaskState.AWAITING)
    return tuple(
        ManualTask(
            row.pk,
            row.plan.order_number,
            row.plan.group,
            row.key,
            row.action,
            tuple(row.asks),
            row.started_at,
            row.planned_finish,
            row.claimed_id,
            row.claimed_by,
            row.claimed_at,
        )
        for row in rows.select_related("plan").order_by("planned_finish", "id")[:limit]
    )
