"""Carrying a plan on: claim what is ready, do it with no transaction open, store the outcome."""

from commerce.kernel.clock import business_now
from commerce.kernel.errors import FaisceauError, Unknown
from commerce.ordering.domain.fulfilment import FulfilmentOrder
from orchestration.actions import action, provider
from orchestration.domain.states import EffectState
from orchestration.models import Effect, Task
from orchestration.services.claim import claim
from orchestration.services.local import perform
from orchestration.services.outcome import accept, refuse, try_later

_MOST_ROUNDS = 50


def advance(*, plan_id: int) -> None:
    """Bring the plan as far as it can go now. May be called twice, at once, and after any crash.

    Called with no transaction open; every step commits by itself.
    """
    for _ in range(_MOST_ROUNDS):
        order, claimed = claim(plan_id=plan_id)
        if order is None or not claimed:
            return
        for task, effect in claimed:
            if effect is None:
                _perform(task, order=order)
            else:
                _call(task, effect, order=order)


def _perform(task: Task, *, order: FulfilmentOrder) -> None:
    """A task of our own: its effect and its end are one transaction."""
    try:
        perform(task, order=order)
    except FaisceauError as error:
        refuse(task, None, cause=error.code, message=error.message)


def _call(task: Task, effect: Effect, *, order: FulfilmentOrder) -> None:
    """A provider's: what is unknown is asked for before anything is sent again."""
    asked = effect.state == EffectState.UNKNOWN
    if not _mark_sent(effect):
        return
    try:
        if asked:
            provider(effect.port).find(effect.key)
        answer = action(task.action).carry_out(effect.request, key=effect.key)
    except Unknown as silence:
        try_later(task, effect, message=silence.message)
    except FaisceauError as refusal:
        # `Refused`, or our own billing's reason: its transaction is undone, so nothing happened.
        refuse(task, effect, cause=refusal.code, message=refusal.message)
    else:
        accept(task, effect, answer=answer, order=order)


def _mark_sent(effect: Effect) -> bool:
    """False if another worker has it."""
    return bool(
        Effect.objects.filter(
            pk=effect.pk, state__in=[EffectState.INTENDED, EffectState.UNKNOWN]
        ).update(state=EffectState.SENT, sent_at=business_now())
    )
