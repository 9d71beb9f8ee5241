"""A withdrawal takes back what of its bundle has not happened, before it brings the rest back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.conf import settings
from django.db import transaction

from commerce.accounts.identity import SYSTEM
from commerce.kernel.clock import PARIS, business_now, business_today
from commerce.kernel.errors import Conflict
from commerce.markets.pack import market
from commerce.notifications.services import send
from commerce.ordering.selectors import groups_of_order
from commerce.ordering.services.unwinding import cancel_before_plans
from commerce.ordering.services.withdrawn import (
    Bundle,
    is_planned,
    lines_of,
    name_what_comes_back,
)
from commerce.ordering.services.writing import CHANGE_GROUP
from orchestration.domain.recipes import TaskKind
from orchestration.domain.states import FINISHED, PlanState
from orchestration.domain.unwinding import SETTLING, Impact, Step, impact_of, staying
from orchestration.models import Plan, PlanAmendment, Task
from orchestration.porting.rio import rio_of_subscription
from orchestration.services import way
from orchestration.services.cancel import cancel_under_way, quote_cancellation
from orchestration.services.desk import Desk
from orchestration.services.standing import steps_of
from orchestration.services.taking_back import (
    add,
    compensating,
    leave,
    next_position,
    note_what_arrived,
    settling,
    stop,
)
from subscriptions.contracts.lines import line_of_subscription

_STARTING = "billing.start"
_ACKNOWLEDGED = "confirmed"
"""The task that acknowledges a withdrawal from what has arrived; it is not done twice."""


def is_under_way(bundle: Bundle) -> bool:
    """Whether something of it is still to come, or to be taken back."""
    plan = _plan_of(bundle)
    return not bundle.begun or (plan is not None and not _is_over(plan, bundle))


def take_back(bundle: Bundle) -> bool:
    """Take back what of the bundle has not passed its point of no return; whether all of that is
    over, so that at most parcels are on their way, which come back. May be repeated.

    Raises:
        Conflict, RuleViolated: not at this moment.
    """
    plan = _plan_of(bundle)
    if plan is None:
        return bundle.begun or _cancel_whole(bundle)
    if not plan.moves:
        return _is_over(plan, bundle)
    if plan.state == PlanState.CANCELLING or _cancel(bundle):
        return False
    return _cut_short(plan)


def _plan_of(bundle: Bundle) -> Plan | None:
    return Plan.objects.filter(order_number=bundle.number, group=bundle.group).first()


def _is_over(plan: Plan, bundle: Bundle) -> bool:
    """A plan that was taken back is over once ordering has heard of it: until then its lines look
    as if they had arrived."""
    if plan.state == PlanState.CANCELLED:
        return not is_planned(bundle.number, group=bundle.group)
    return not plan.moves


@transaction.atomic
def _cancel_whole(bundle: Bundle) -> bool:
    """An order without plans ends as a whole or not at all."""
    alone = groups_of_order(bundle.number, limit=2) == [bundle.group]
    context = replace(SYSTEM, party_id=bundle.party_id)
    if not alone or not cancel_before_plans(context, number=bundle.number):
        raise Conflict("Work on the order begins just now.", code="beginning")
    return True


@transaction.atomic
def _cancel(bundle: Bundle) -> bool:
    """Begin to take the whole bundle back; False if a part of it can't be any more."""
    context = replace(SYSTEM, party_id=bundle.party_id)
    number, groups = bundle.number, [bundle.group]
    shown = quote_cancellation(context, number=number, groups=groups)
    if shown.possible:
        cancel_under_way(context, number=number, token=shown.token, groups=groups, note="withdrawn")
    return shown.possible


@transaction.atomic
def _cut_short(plan: Plan) -> bool:
    """End what can be ended of the bundle; whether nothing of that is left to do."""
    desk = Desk.of(plan.pk)
    if desk is None:  # It has come to its end just now, one or the other.
        return False
    note_what_arrived(desk)
    cut = _cut_of(desk)
    if cut.ending or cut.dropped:
        _carry_out(desk, cut)
    leave(desk)
    return all(
        task.state in FINISHED or (task.kind == TaskKind.MILESTONE and not task.given_up)
        for task in desk.tasks
    )


@dataclass(frozen=True, slots=True)
class _Cut:
    """What ends of a plan, and the lines that are left out with it."""

    impact: Impact
    dropped: Sequence[str]

    @property
    def ending(self) -> frozenset[str]:
        return frozenset({*self.impact.stopped, *(each.undoes for each in self.impact.undone)})


def _cut_of(desk: Desk) -> _Cut:
    steps = steps_of(desk)
    stays = staying(steps)
    dropped = _dropped(desk, stays=stays)
    lines = {task.key: set(task.lines) for task in desk.tasks}
    watching = {
        step.key for step in steps if _watches(step, stays) and not lines[step.key] <= set(dropped)
    }
    going = [step.key for step in steps if step.key not in stays | watching]
    return _Cut(impact_of(steps, ending=going), dropped)


def _watches(step: Step, stays: Collection[str]) -> bool:
    """It only tells how far something is that stays, as the way of a parcel."""
    return step.kind is TaskKind.MILESTONE and set(step.before) <= set(stays)


def _dropped(desk: Desk, *, stays: Collection[str]) -> list[str]:
    """The lines of which nothing stays that comes back or that a contract holds: a card that has
    left for a line that never begins does not."""
    left, things = lines_of(desk.plan.order_number, group=desk.plan.group)
    kept = {line for task in desk.tasks if task.key in stays for line in task.lines}
    served = {line for task in desk.tasks for line in task.lines}
    begins = any(task.action == _STARTING and task.key in stays for task in desk.tasks)
    settled = {line for task in desk.tasks if task.action == SETTLING for line in task.lines}
    gone = left & served - kept if begins else left - (kept & things)
    return sorted(gone - settled)


def _carry_out(desk: Desk, cut: _Cut) -> None:
    by = SYSTEM.actor.name
    version = PlanAmendment.objects.filter(plan=desk.plan).count() + 2
    ending = [task for task in desk.tasks if task.key in cut.ending]
    for task in ending:
        task.given_up = True
    stop(desk, ending, by=by)
    Task.objects.bulk_update(ending, ["given_up"])
    back = compensating(desk, cut.impact)
    after = [task.key for task in back]
    position = next_position(desk) + len(back)
    closing = settling(desk, cut.dropped, version=version, after=after, position=position)
    add(desk, [*back, *closing], by=by)
    PlanAmendment.objects.create(
        plan=desk.plan,
        version=version,
        at=desk.now,
        by=by,
        wish={line: ["left_out"] for line in cut.dropped},
        impact={
            "undone": [each.undoes for each in cut.impact.undone],
            "stopped": list(cut.impact.stopped),
            "added": [],
        },
    )


def go_on(*, number: str, bundle: Bundle) -> None:
    """What was to be taken back is: the withdrawal `number` brings back what there is. In the
    caller's transaction."""
    if name_what_comes_back(number=number):
        way.go_on(order_number=number)
        return
    way.end(order_number=number)
    send(
        party_id=bundle.party_id,
        code="withdrawal_undone",
        values={"order": number, "withdraws": bundle.number},
        reference=f"{number}/{CHANGE_GROUP}/settled_notice",
    )


def acknowledge(*, number: str, bundle: Bundle) -> None:
    """On a durable medium, without delay (L221-21); where things are looked at first, the plan of
    the withdrawal would come too late for that."""
    line = line_of_subscription(bundle.subject) if bundle.subject is not None else None
    now, rules = business_now(), market(settings.MARKET).porting_rules()
    saved = business_today() + timedelta(days=rules.recoverable_days)
    send(
        party_id=bundle.party_id,
        code="withdrawal_confirmed",
        values={
            "order": number,
            "withdraws": bundle.number,
            "received": now.astimezone(PARIS).strftime("%d/%m/%Y, %H:%M"),
            "coming": True,
            "ported": bundle.ported,
            "msisdn": line.msisdn if line is not None else "",
            "rio": rio_of_subscription(line.subscription_id) if line is not None else "",
            "saved_until": f"{saved:%d/%m/%Y}",
        },
        reference=f"{number}/{CHANGE_GROUP}/{_ACKNOWLEDGED}",
    )
