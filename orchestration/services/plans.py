"""From an accepted order to stored plans."""

from collections.abc import Mapping
from functools import lru_cache

from django.db import transaction

from catalogue.selectors import kept_per_release, snapshot_of
from commerce.events import timers
from commerce.kernel.clock import business_now, machine_now
from commerce.ordering.domain.fulfilment import FulfilmentOrder
from commerce.ordering.selectors import order_for_fulfilment
from commerce.ordering.services.fulfilment import start_fulfilment
from orchestration.domain.decompose import ORDER_BILL, TaskSpec, decompose
from orchestration.domain.recipes import Recipe, parse_recipes
from orchestration.models import Plan, Task
from orchestration.porting.opening import open_port_ins

ADVANCE = "orchestration.advance"
_BATCH = 500


@lru_cache(maxsize=4)
def recipes_of(release: int) -> Mapping[str, Recipe]:
    """The recipes of a release, parsed once per process."""
    return parse_recipes(snapshot_of(release).recipes)


kept_per_release(recipes_of)


@transaction.atomic
def create_plans(*, order_number: str) -> int:
    """Decompose an accepted order: one plan per bundle. Again: nothing happens; answers how many.

    An order that was cancelled meanwhile gets none.

    Raises:
        RuleViolated: a recipe is unknown or the plan would be cyclic; nothing is stored.
    """
    order = order_for_fulfilment(order_number)
    groups = sorted({item.group for item in order.items})
    present = set(Plan.objects.filter(order_number=order_number).values_list("group", flat=True))
    missing = [group for group in groups if group not in present]
    if not missing or not start_fulfilment(order_number=order_number):
        return 0
    _store(order, groups=missing, first=groups[0])
    return len(missing)


def _store(order: FulfilmentOrder, *, groups: list[str], first: str) -> None:
    now = business_now()
    plans = Plan.objects.bulk_create(
        [
            Plan(
                order_number=order.number,
                group=group,
                party_id=order.party_id,
                release=order.release,
                created_at=now,
            )
            for group in groups
        ],
        batch_size=_BATCH,
    )
    recipes = recipes_of(order.release)
    Task.objects.bulk_create(
        [
            _row(plan, spec, position)
            for plan in plans
            for position, spec in enumerate(
                (
                    *decompose(order.group(plan.group), recipes=recipes),
                    *([ORDER_BILL] if plan.group == first else ()),
                )
            )
        ],
        batch_size=_BATCH,
    )
    open_port_ins(order, groups=groups)
    soon = machine_now()
    timers.schedule_all(
        timers.Due(wake_key(plan.pk), ADVANCE, soon, {"plan": plan.pk}, "machine") for plan in plans
    )


def wake_key(plan_id: int) -> str:
    return f"plan:{plan_id}"


def wake(plan_id: int) -> None:
    """Let a worker look at the plan at once."""
    timers.soon(key=wake_key(plan_id), handler=ADVANCE, payload={"plan": plan_id})


def _row(plan: Plan, spec: TaskSpec, position: int) -> Task:
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
    )
