"""Amending an order under way: asked first, then done by tasks of the plan's next version.

Running orders keep the recipes that they started with: what is laid out anew is made of those of
the order's own release. See docs/decisions/0018-amending-under-way.md.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.kernel.errors import Conflict, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.ordering.models import Order
from commerce.ordering.selectors import order_for_fulfilment
from commerce.ordering.services.amending import Amended, Aspect, Wish, amended, write_amended
from commerce.ordering.services.unwinding import begun_order
from orchestration.domain.amending import Rework, base_key, duration, rework
from orchestration.domain.decompose import TaskSpec, decompose
from orchestration.domain.recipes import TaskKind
from orchestration.domain.states import FINISHED, EffectState, PlanState, TaskState
from orchestration.models import Plan, PlanAmendment, Task
from orchestration.services.desk import Desk
from orchestration.services.jeopardy import day_of, plan_anew
from orchestration.services.plans import recipes_of, task_row
from orchestration.services.standing import steps_of
from orchestration.services.taking_back import (
    TouchedTask,
    add,
    compensating,
    leave,
    next_position,
    note_what_arrived,
    refusal_of,
    settling,
    stop,
    touched,
)

MOST_VERSIONS = 20
"""Of a plan; who changes his mind more often speaks with us."""
_ASKS: Mapping[Aspect, frozenset[str]] = {
    Aspect.ADDRESS: frozenset({"logistics.ship", "dropship.ship"}),
    Aspect.NUMBER: frozenset({"numbering.assign"}),
}
"""Whose request is another where a line is otherwise; a timer's is where its day is."""
_SERVICES = frozenset({"network.activate"})
"""Names what goes with the line."""

_STARTING = "billing.start"


@dataclass(frozen=True, slots=True)
class AmendmentQuote:
    """What an amendment does to a bundle. `redone` are done a second time, `added` for the first;
    `ready_at`: when all of it is expected to be done then (business time). The exchange itself
    costs nothing; `credit` and `refund` are for a line that is left out. `refusal` is a code, empty
    if it can be done: those of cancelling, or `too_many_changes`; `instead` says what the customer
    can do then: `wait`, `return_it`, `change_the_line`."""

    number: str
    group: str
    undone: tuple[TouchedTask, ...]
    stopped: tuple[TouchedTask, ...]
    kept: tuple[TouchedTask, ...]
    passed: tuple[TouchedTask, ...]
    redone: tuple[str, ...]
    added: tuple[str, ...]
    ready_at: datetime
    credit: Money
    refund: Money
    refusal: str
    instead: str
    token: str

    @property
    def possible(self) -> bool:
        return not self.refusal


@transaction.atomic
def quote_amendment(
    context: AccountContext, *, number: str, group: str, wish: Wish
) -> AmendmentQuote:
    """What changing the bundle would do now; nothing is changed.

    Raises:
        As `begun_order` and `amended`.
        Conflict: `beginning`: the order has no plans yet.
    """
    order = begun_order(context, number=number)
    quote = _quoted(order, group=group, wish=wish).quote
    transaction.set_rollback(True)
    return quote


@transaction.atomic
def amend_under_way(
    context: AccountContext, *, number: str, group: str, wish: Wish, token: str, note: str = ""
) -> None:
    """Begin what was shown by `quote_amendment`; workers carry it out.

    Raises:
        As `quote_amendment`, and as `write_amended`.
        RuleViolated: the quote's `refusal`; nothing is done.
        Conflict: `impact_changed`: what was shown is no longer what would happen.
    """
    order = begun_order(context, number=number)
    found = _quoted(order, group=group, wish=wish)
    if found.quote.token != token:
        raise Conflict(
            "Meanwhile the order has gone on; look again at what changing it does.",
            code="impact_changed",
        )
    if found.quote.refusal:
        refusal, instead = found.quote.refusal, found.quote.instead
        raise RuleViolated(_INSTEAD[instead], code=refusal, bundle=group, instead=instead)
    _carry_out(context, order, found, note=note)


@dataclass(frozen=True, slots=True)
class _Found:
    """An amendment worked out, with its plan on the desk."""

    quote: AmendmentQuote
    desk: Desk
    of: Amended
    work: Rework
    version: int


def _quoted(order: Order, *, group: str, wish: Wish) -> _Found:
    plan = Plan.objects.filter(order_number=order.number, group=group).first()
    if plan is None:
        if not order.items.filter(group=group).exists():
            raise NotFound(f"The order has no bundle {group!r}.", code="unknown_bundle")
        raise Conflict(
            "Work on the order begins just now; ask again in a minute.", code="beginning"
        )
    desk = Desk.of(plan.pk)
    if desk is None:
        raise RuleViolated("This part of the order is over.", code="bundle_over", bundle=group)
    if desk.plan.state == PlanState.RUNNING:
        note_what_arrived(desk)
    of = amended(order, group=group, wish=wish)
    version = PlanAmendment.objects.filter(plan=plan).count() + 2
    specs = decompose(of.items, recipes=recipes_of(order.release))
    work = rework(
        steps_of(desk),
        specs,
        changed=_changed(desk, specs, of=of),
        used={base_key(task.key) for task in desk.tasks},
        version=version,
    )
    quote = _quote(order, desk, of=of, work=work, version=version)
    return _Found(quote, desk, of, work, version)


def _changed(desk: Desk, specs: Collection[TaskSpec], *, of: Amended) -> set[str]:
    """The tasks that ask for something else than they did."""
    present = {
        base_key(task.key): task for task in desk.tasks if task.undoes is None and not task.given_up
    }
    roles = {row.role for row in of.rows if row.line_id in of.dropped}
    return {
        spec.key
        for spec in specs
        if spec.key in present
        and (
            set(spec.lines) != set(present[spec.key].lines)
            or _asks_otherwise(spec, of=of)
            or ("option" in roles and spec.action in _SERVICES)
        )
    }


def _asks_otherwise(spec: TaskSpec, *, of: Amended) -> bool:
    aspects = {aspect for line in spec.lines for aspect in of.touched.get(line, ())}
    if spec.kind is TaskKind.TIMER:
        return Aspect.DATE in aspects
    return any(spec.action in _ASKS.get(aspect, ()) for aspect in aspects)


def _quote(order: Order, desk: Desk, *, of: Amended, work: Rework, version: int) -> AmendmentQuote:
    impact = work.impact
    refusal = refusal_of(desk, impact) or (_begun(desk) if of.dropped else "")
    if not refusal and version > MOST_VERSIONS:
        refusal = "too_many_changes"
    ready_at = _ready_at(desk, work)
    redone = tuple(base_key(spec.key) for spec in work.added if spec.key in work.redone)
    added = tuple(base_key(spec.key) for spec in work.added if spec.key not in work.redone)
    shown = [
        [each.undoes for each in impact.undone],
        *(impact.stopped, impact.passed, redone, added),
        [{line: sorted(aspects)} for line, aspects in sorted(of.touched.items())],
        *(of.dropped, str(of.refund.amount), version, refusal),
    ]
    return AmendmentQuote(
        number=order.number,
        group=desk.plan.group,
        undone=touched(desk, [each.undoes for each in impact.undone]),
        stopped=touched(desk, impact.stopped),
        kept=touched(desk, impact.kept),
        passed=touched(desk, (*impact.passed, *impact.late, *impact.passing)),
        redone=redone,
        added=added,
        ready_at=ready_at,
        credit=of.credit,
        refund=of.refund,
        refusal=refusal,
        instead=_instead(refusal, of=of),
        token=hashlib.sha256(json.dumps([order.number, shown]).encode()).hexdigest()[:32],
    )


def _begun(desk: Desk) -> str:
    """What its contract bills is fixed as it begins; a code of `REFUSALS`."""
    for task in desk.tasks:
        if task.action == _STARTING and not task.given_up:
            if task.state == TaskState.DONE:
                return "past_return"
            effect = desk.effect(task)
            if effect is not None and effect.state != EffectState.REFUSED:
                return "passing"
    return ""


def _instead(refusal: str, *, of: Amended) -> str:
    if not refusal:
        return ""
    if refusal != "past_return":
        return "wait"
    aspects = {aspect for each in of.touched.values() for aspect in each}
    carried = Aspect.ADDRESS in aspects or of.dropped
    return "return_it" if carried else "change_the_line"


_INSTEAD: Mapping[str, str] = {
    "wait": "Not at this moment; ask again in a minute.",
    "return_it": "It has left or is in use already: return it or end it, and order anew.",
    "change_the_line": "Its line is in service: change it as a running line.",
}


def _ready_at(desk: Desk, work: Rework) -> datetime:
    """By the usual time of each task that is still to be done, one after the other."""
    left = {
        task.key: (task.hours, tuple(task.needs))
        for task in desk.tasks
        if task.state not in FINISHED and task.key not in work.ending
    }
    left |= {each.key: (1, each.needs) for each in work.impact.undone}
    left |= {
        spec.key: (spec.hours, (*spec.needs, *([spec.of] if spec.of else [])))
        for spec in (*work.waiting, *work.added)
    }
    return desk.now + timedelta(hours=duration(left))


def _carry_out(context: AccountContext, order: Order, found: _Found, *, note: str) -> None:
    desk, work, by = found.desk, found.work, context.actor.name
    reachable = any(_reached(desk, task) for task in desk.tasks)
    write_amended(context, order, of=found.of, reachable=reachable, note=note)
    ending = [task for task in desk.tasks if task.key in work.ending]
    for task in ending:
        task.given_up = True
    stop(desk, ending, by=by)
    waiting = {spec.key: spec for spec in work.waiting}
    for task in desk.tasks:
        if task.key in waiting:
            spec = waiting[task.key]
            task.needs, task.of, task.lines = list(spec.needs), spec.of, list(spec.lines)
    Task.objects.bulk_update(desk.tasks, ["given_up", "needs", "of", "lines"])
    back = compensating(desk, work.impact)
    first = next_position(desk) + len(back)
    anew = [task_row(desk.plan, spec, first + place) for place, spec in enumerate(work.added)]
    now_so = order_for_fulfilment(order.number, group=desk.plan.group)
    for task in anew:
        task.starts_on = day_of(task, order=now_so, now=desk.now)
    closing = settling(
        desk,
        found.of.dropped,
        version=found.version,
        after=[task.key for task in back],
        position=first + len(anew),
    )
    add(desk, [*back, *anew, *closing], by=by)
    PlanAmendment.objects.create(
        plan=desk.plan,
        version=found.version,
        at=desk.now,
        by=by,
        wish={line: sorted(aspects) for line, aspects in found.of.touched.items()}
        | {line: ["left_out"] for line in found.of.dropped},
        impact={
            "undone": [each.undoes for each in work.impact.undone],
            "stopped": list(work.impact.stopped),
            "added": [spec.key for spec in work.added],
        },
    )
    plan_anew(desk.plan)
    leave(desk)


def _reached(desk: Desk, task: Task) -> bool:
    """The network knows the line, or may, by this task: of now, or of an earlier version of the
    plan, which is perhaps not taken back yet."""
    effect = desk.effect(task) if task.action in _SERVICES else None
    return effect is not None and effect.state != EffectState.REFUSED
