"""From an accepted order to stored plans."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from django.conf import settings
from django.db import transaction

from catalogue.selectors import kept_per_release, snapshot_of
from commerce.events import timers
from commerce.events.queues import turn_of
from commerce.kernel.clock import PARIS, business_now, machine_now
from commerce.markets.pack import market
from commerce.ordering.domain.fulfilment import FulfilmentOrder
from commerce.ordering.selectors import groups_of_order, order_for_fulfilment
from commerce.ordering.services.fulfilment import start_fulfilment
from commerce.rows import insert
from orchestration.domain.decompose import ORDER_BILL, TaskSpec, decompose
from orchestration.domain.recipes import Recipe, parse_recipes
from orchestration.models import Plan, Task
from orchestration.porting.opening import open_port_ins
from orchestration.services.jeopardy import day_of, lay_out

ADVANCE = "orchestration.advance"
OWED = "billing.owed"
"""Bills the order, at the place that its recipe has for it."""
PLAN_MORE = "orchestration.plan"
BUNDLES_AT_ONCE = 100
"""Planned in one transaction."""
REFUND = "orchestration.refund_due"
_BEFORE_REFUND = timedelta(days=2)
_LOOKED_AT = time(8)


@lru_cache(maxsize=4)
def recipes_of(release: int) -> Mapping[str, Recipe]:
    """The recipes of a release, parsed once per process."""
    return parse_recipes(snapshot_of(release).recipes)


kept_per_release(recipes_of)


@transaction.atomic
def create_plans(*, order_number: str, after: str | None = None, position: int = 0) -> int:
    """Decompose an accepted order: one plan per bundle. Again: nothing happens; answers how many.

    Of a large order the first bundles `after` the one given, which is its `position`th; the others
    follow by a timer, so that neither memory nor a transaction grows with the order. An order that
    was cancelled meanwhile gets none.

    Raises:
        RuleViolated: a recipe is unknown or the plan would be cyclic; nothing is stored.
    """
    groups = groups_of_order(order_number, after=after, limit=BUNDLES_AT_ONCE)
    known = Plan.objects.filter(order_number=order_number, group__in=groups)
    present = set(known.values_list("group", flat=True))
    missing = {
        group: place for place, group in enumerate(groups, start=position) if group not in present
    }
    if missing:
        if not start_fulfilment(order_number=order_number):
            return 0
        _store(order_for_fulfilment(order_number, groups=list(missing)), places=missing)
    if len(groups) == BUNDLES_AT_ONCE:
        rest = {"number": order_number, "after": groups[-1], "position": position + len(groups)}
        timers.soon(key=f"plans:{order_number}", handler=PLAN_MORE, payload=rest)
    return len(missing)


def _store(order: FulfilmentOrder, *, places: Mapping[str, int]) -> None:
    """The plans of the bundles in `places`, with the place of each in its order."""
    now = business_now()
    plans: list[Plan] = []
    tasks: list[Task] = []
    for group, place in places.items():
        plan = Plan(
            order_number=order.number,
            group=group,
            party_id=order.party_id,
            release=order.release,
            turn=turn_of(place),
            created_at=now,
        )
        own = tasks_of(plan, order, first=place == 0, now=now)
        lay_out(plan, own, now=now)
        plans.append(plan)
        tasks += own
    insert(plans)
    insert(tasks)
    open_port_ins(order, groups=places)
    watch_refunds(plans, order=order)
    timers.schedule_all(_wakes({plan.pk: plan.turn for plan in plans}))


def tasks_of(
    plan: Plan, order: FulfilmentOrder, *, first: bool, now: datetime, position: int = 0
) -> list[Task]:
    """The tasks of the plan, not stored yet, from this position on; `first`: it is its order's."""
    specs = decompose(order.group(plan.group), recipes=recipes_of(order.release))
    billed = _with_bill(specs, first=first)
    own = [task_row(plan, spec, place) for place, spec in enumerate(billed, start=position)]
    for task in own:
        task.starts_on = day_of(task, order=order, now=now)
    return own


def _with_bill(specs: tuple[TaskSpec, ...], *, first: bool) -> tuple[TaskSpec, ...]:
    """The order is billed at once, by its first plan, unless its recipes say when: then only if the
    plan comes to that, so that what is called off before is not billed at all."""
    said = any(spec.action == OWED for spec in specs)
    return (*specs, ORDER_BILL) if first and not said else specs


def watch_refunds(plans: Iterable[Plan], *, order: FulfilmentOrder) -> None:
    """Of an order that withdraws from another."""
    if order.withdraws:
        timers.schedule_all(_refund_due(plan, order=order) for plan in plans)


def _refund_due(plan: Plan, *, order: FulfilmentOrder) -> timers.Due:
    """When an operator looks at a refund that still waits: two days before its last day, which
    counts from the day on which we learnt of the withdrawal, perhaps in writing (L221-24)."""
    stated = next(
        (item.config["asked_on"] for item in order.items if "asked_on" in item.config), ""
    )
    learnt_on = date.fromisoformat(stated) if stated else order.placed_on
    assert learnt_on is not None
    days = market(settings.MARKET).withdrawal_rules().refund_days
    day = learnt_on + timedelta(days=days) - _BEFORE_REFUND
    due = datetime.combine(day, _LOOKED_AT, tzinfo=PARIS)
    return timers.Due(f"refund:{plan.pk}", REFUND, due, {"plan": plan.pk})


def wake_key(plan_id: int) -> str:
    return f"plan:{plan_id}"


def wake(plan_id: int, *, turn: int | None = None) -> None:
    """Let a worker look at the plan at once; `turn` is the plan's, if the caller knows it."""
    if turn is None:
        turn = Plan.objects.values_list("turn", flat=True).get(pk=plan_id)
    timers.schedule_all(_wakes({plan_id: turn}))


def _wakes(turns: Mapping[int, int]) -> Iterator[timers.Due]:
    now = machine_now()
    for plan_id, turn in turns.items():
        payload = {"plan": plan_id}
        yield timers.Due(wake_key(plan_id), ADVANCE, now, payload, "machine", turn)


def task_row(plan: Plan, spec: TaskSpec, position: int) -> Task:
    return Task(
        plan=plan,
        key=spec.key,
        position=position,
        lines=list(spec.lines),
        parcel=str(spec.parcel or ""),
        starts_on=spec.parcel.expected_on if spec.parcel else None,
        role=spec.role,
        kind=spec.kind,
        action=spec.action,
        needs=list(spec.needs),
        until=spec.until,
        of=spec.of,
        ponr=spec.ponr,
        undo=spec.undo,
        hours=spec.hours,
        working=spec.working,
        asks=list(spec.asks),
        aside=spec.aside,
    )
