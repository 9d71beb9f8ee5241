"""An item that its provider refuses for good: its bundle goes on or back as its recipe says.

What nobody said, what the rules of prices and bundles do not allow, and what was only silent stays
with an operator.
"""

import logging

from django.db import transaction

from commerce.accounts.identity import SYSTEM
from commerce.kernel.errors import RuleViolated
from commerce.ordering.selectors import order_for_fulfilment
from commerce.ordering.services.amending import Wish
from orchestration.domain.failing import Verdict, verdict_on
from orchestration.domain.recipes import Failing
from orchestration.domain.states import EffectState, PlanState, TaskState
from orchestration.models import Effect, Task
from orchestration.services.amend import amend_under_way, quote_amendment
from orchestration.services.cancel import cancel_under_way, quote_cancellation
from orchestration.services.plans import recipes_of

log = logging.getLogger("faisceau.orchestration")
NOTE = "failed_for_good"


def follow_policy(*, order_number: str, group: str, key: str) -> None:
    """Called when the task fell out. May be repeated."""
    task = Task.objects.filter(
        plan__order_number=order_number,
        plan__group=group,
        plan__state=PlanState.RUNNING,
        key=key,
        state=TaskState.FALLOUT,
        undoes=None,
    ).first()
    if task is None or not _refused(task):
        return
    verdict = _verdict(order_number, group=group, task=task)
    try:
        with transaction.atomic():
            _carry_out(verdict, order_number=order_number, group=group)
    except RuleViolated as refusal:
        log.info("policy not followed", extra={"order": order_number, "code": refusal.code})


def _refused(task: Task) -> bool:
    """By the provider at once; what was taken and came to nothing later has ways of its own."""
    effect = Effect.objects.filter(task=task, generation=task.generation).first()
    return effect is not None and effect.state == EffectState.REFUSED


def _verdict(order_number: str, *, group: str, task: Task) -> Verdict:
    order = order_for_fulfilment(order_number, group=group)
    recipes = recipes_of(order.release)
    policies = {
        item.line_id: recipes[item.recipe].fails if item.recipe else Failing.ASK
        for item in order.items
    }
    return verdict_on(task.lines, policies=policies)


def _carry_out(verdict: Verdict, *, order_number: str, group: str) -> None:
    if verdict.failing is Failing.ALONE:
        for line in verdict.lines:
            wish = Wish(without=line)
            asked = quote_amendment(SYSTEM, number=order_number, group=group, wish=wish)
            amend_under_way(
                SYSTEM,
                number=order_number,
                group=group,
                wish=wish,
                token=asked.token,
                note=NOTE,
            )
    elif verdict.failing is Failing.BUNDLE:
        whole = quote_cancellation(SYSTEM, number=order_number, groups=[group])
        cancel_under_way(SYSTEM, number=order_number, groups=[group], token=whole.token, note=NOTE)
