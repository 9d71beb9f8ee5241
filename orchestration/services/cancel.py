"""Cancelling what fulfilment has begun, a whole order or some bundles: asked first, then done."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.kernel.errors import Conflict, NotFound, RuleViolated
from commerce.kernel.money import Money, total
from commerce.ordering.domain.states import ItemState
from commerce.ordering.models import Order
from commerce.ordering.services.unwinding import (
    begun_order,
    cancel_before_plans,
    due_once,
    note_cancelling,
    shares_of_money,
)
from orchestration.domain.recipes import TaskKind
from orchestration.domain.states import PLAN_LIFE, PlanState, TaskState
from orchestration.domain.unwinding import CREDIT, CREDITING, Impact, impact_of, token_of
from orchestration.domain.way import WAY
from orchestration.models import Plan, Task
from orchestration.services.desk import Desk, is_beyond
from orchestration.services.plans import OWED
from orchestration.services.standing import steps_of
from orchestration.services.taking_back import (
    REFUSALS,
    TouchedTask,
    add,
    compensating,
    leave,
    next_position,
    note_what_arrived,
    refusal_of,
    stop,
    touched,
)

MOST_BUNDLES = 100
"""Of a fleet's order at a time: their plans stay locked meanwhile."""


@dataclass(frozen=True, slots=True)
class BundleQuote:
    """What cancelling does to one bundle. `refusal` is a code, empty if it can be cancelled:
    `past_return` (what is `passed` can't be taken back), `number_moves` (the cut-off of its porting
    is over), `passing` (ask again in a minute), `bundle_over`, `cancelling` (it is being cancelled
    already)."""

    group: str
    undone: tuple[TouchedTask, ...]
    stopped: tuple[TouchedTask, ...]
    kept: tuple[TouchedTask, ...]
    passed: tuple[TouchedTask, ...]
    refusal: str


@dataclass(frozen=True, slots=True)
class CancellationQuote:
    """`credit`: what is credited of the bill; `refund`: what goes back to the card. Both are what
    the order said, with tax. The `token` is good as long as the answer would be the same."""

    number: str
    bundles: tuple[BundleQuote, ...]
    credit: Money
    refund: Money
    token: str

    @property
    def possible(self) -> bool:
        return all(not bundle.refusal for bundle in self.bundles)


@transaction.atomic
def quote_cancellation(
    context: AccountContext, *, number: str, groups: Sequence[str] = ()
) -> CancellationQuote:
    """What cancelling the order, or only the bundles `groups`, would do now; nothing is changed.

    Raises:
        NotFound: `unknown_order`, `unknown_bundle`. Forbidden: `viewer`, `caller_not_verified`.
        Conflict: `beginning`: of an order that has no plans yet, only all can be cancelled.
        RuleViolated: `not_accepted`: it can simply be cancelled; `order_over`; `too_many_bundles`.
    """
    order = begun_order(context, number=number)
    quote, _ = _quoted(order, groups=groups)
    transaction.set_rollback(True)
    return quote


@transaction.atomic
def cancel_under_way(
    context: AccountContext, *, number: str, token: str, groups: Sequence[str] = (), note: str = ""
) -> None:
    """Begin to take back what was shown by `quote_cancellation`; workers carry it out.

    Raises:
        As `quote_cancellation`.
        RuleViolated: `past_return`, `number_moves`, `passing`, `bundle_over`, `cancelling`;
            nothing is done.
        Conflict: `impact_changed`: what was shown is no longer what would happen.
    """
    order = begun_order(context, number=number)
    quote, desks = _quoted(order, groups=groups)
    if quote.token != token:
        raise Conflict(
            "Meanwhile the order has gone on; look again at what cancelling does.",
            code="impact_changed",
        )
    for bundle in quote.bundles:
        if bundle.refusal:
            raise RuleViolated(REFUSALS[bundle.refusal], code=bundle.refusal, bundle=bundle.group)
    if not desks:
        if not cancel_before_plans(context, number=order.number):
            raise Conflict("Work on the order begins just now.", code="impact_changed")
        return
    for desk, impact in desks:
        _unwind(desk, impact, by=context.actor.name)
    note_cancelling(context, number=order.number, note=note)


def _quoted(
    order: Order, *, groups: Sequence[str]
) -> tuple[CancellationQuote, list[tuple[Desk, Impact]]]:
    """The quote, and the plans that it speaks of, locked in one order."""
    known = sorted(set(order.items.values_list("group", flat=True)))
    chosen = sorted(set(groups)) or known
    for group in chosen:
        if group not in known:
            raise NotFound(f"The order has no bundle {group!r}.", code="unknown_bundle")
    if len(chosen) > MOST_BUNDLES:
        raise RuleViolated(
            f"Choose the bundles to cancel, {MOST_BUNDLES} at most at a time.",
            code="too_many_bundles",
            field="bundles",
        )
    plans = list(Plan.objects.filter(order_number=order.number, group__in=chosen).order_by("pk"))
    if len(plans) < len(chosen) and (plans or chosen != known):
        # Without plans an order ends as a whole or not at all; a large one gets them bit by bit.
        raise Conflict(
            "Work on the order begins just now; ask again in a minute.", code="beginning"
        )
    bundles: list[BundleQuote] = []
    desks: list[tuple[Desk, Impact]] = []
    impacts: dict[str, Impact] = {}
    for plan in plans:
        desk = Desk.of(plan.pk)
        if desk is None:
            bundles.append(BundleQuote(plan.group, (), (), (), (), "bundle_over"))
            continue
        if desk.plan.state == PlanState.RUNNING:
            note_what_arrived(desk)
        impact = impact_of(steps_of(desk))
        impacts[plan.group] = impact
        desks.append((desk, impact))
        bundles.append(_bundle(desk, impact))
    if not groups:
        # What is over or being cancelled already is no obstacle to cancelling the rest.
        bundles = [b for b in bundles if b.refusal not in ("bundle_over", "cancelling")] or bundles
        desks = [(d, i) for d, i in desks if d.plan.state == PlanState.RUNNING]
    ending = [bundle.group for bundle in bundles] or chosen
    lines = order.items.filter(group__in=ending).values_list("line_id", "state")
    gone = [line for line, state in lines if state == ItemState.CANCELLED]
    credit = due_once(order, groups=ending, but=gone)
    refund = Money.zero(order.currency)
    if order.payment_key:
        shares = shares_of_money(order)
        back = (shares[line] for line, _ in lines if line not in gone)
        refund = total(back, currency=order.currency)
    token = token_of(order.number, impacts, amount=str(refund.amount))
    return CancellationQuote(order.number, tuple(bundles), credit, refund, token), desks


def _bundle(desk: Desk, impact: Impact) -> BundleQuote:
    return BundleQuote(
        group=desk.plan.group,
        undone=touched(desk, [each.undoes for each in impact.undone]),
        stopped=touched(desk, impact.stopped),
        kept=touched(desk, impact.kept),
        passed=touched(desk, (*impact.passed, *impact.late, *impact.passing)),
        refusal=refusal_of(desk, impact),
    )


def _unwind(desk: Desk, impact: Impact, *, by: str) -> None:
    """Stop what has not happened, and store the tasks that take the rest back."""
    plan = desk.plan
    PLAN_LIFE.check(PlanState(plan.state), PlanState.CANCELLING)
    plan.state = PlanState.CANCELLING
    plan.save(update_fields=["state"])
    stop(desk, [task for task in desk.tasks if desk.gives_up(task)], by=by)
    back = compensating(desk, impact)
    add(desk, [*back, *_crediting(desk, back)], by=by)
    leave(desk)


def _waited(task: Task) -> bool:
    """Nothing was laid out behind it."""
    return task.key == WAY and task.state == TaskState.CANCELLED


def _crediting(desk: Desk, back: Sequence[Task]) -> list[Task]:
    """None where the order is billed by what is called off with it, or still waits for others:
    there is no bill."""
    plan = desk.plan
    if any(task.action == OWED or _waited(task) for task in desk.tasks):
        return []
    before = [task.key for task in desk.tasks if task.undoes is None and is_beyond(task)]
    return [
        Task(
            plan=plan,
            key=CREDIT,
            position=next_position(desk) + len(back),
            lines=[],
            kind=TaskKind.CALL,
            action=CREDITING,
            needs=[*before, *(task.key for task in back)],
        )
    ]
