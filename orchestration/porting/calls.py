"""Requests to the clearing house beside the porting itself: stored, sent once, outcome stored."""

import random
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import F
from pydantic import TypeAdapter

from commerce.events import timers
from commerce.kernel.clock import business_now, machine_now
from commerce.kernel.errors import FaisceauError, Unknown
from orchestration.actions import provider
from orchestration.adapters.client import plain
from orchestration.domain.retry import back_off
from orchestration.domain.states import EFFECT_LIFE, EffectState
from orchestration.models import Porting, PortingCall
from orchestration.porting import outcomes
from orchestration.ports import Answer, PortMove, PortOutAnswer, PortRedirect, TakeBack
from orchestration.services.health import note_silence

HOUSE = "porting"
"""The clearing house's port. Who alone may say that a number leaves; others' words about it are
stored and not read."""
TIMER = "porting.call"
_REQUESTS: Mapping[str, type[Any]] = {
    "cancel": TakeBack,
    "move": PortMove,
    "redirect": PortRedirect,
    "answer": PortOutAnswer,
}
_OPEN = (EffectState.SENT, EffectState.UNKNOWN)


def ask(porting: Porting, action: str, request: Any, *, by: str) -> PortingCall:
    """Have the clearing house asked soon; in the caller's transaction."""
    count = PortingCall.objects.filter(porting=porting).count()
    call = PortingCall.objects.create(
        porting=porting,
        key=f"{porting.reference}:{action}:{count + 1}",
        action=action,
        request=plain(request),
        asked_by=by,
        asked_at=business_now(),
    )
    timers.soon(key=_timer_key(call), handler=TIMER, payload={"call": call.pk})
    return call


def open_call(porting: Porting) -> PortingCall | None:
    """The request whose answer is still awaited, if there is one."""
    return PortingCall.objects.filter(porting=porting, state__in=_OPEN).first()


def carry_out(payload: Mapping[str, Any]) -> bool:
    """Timer, called with no transaction open. May be called again after a crash at any line.
    Whether the clearing house has answered.

    What was sent before is asked for first; it is then sent under the same key, which the clearing
    house answers from its record. While it is silent it is asked again and again: what a customer
    or the law waits for is not given up after some tries.
    """
    call = PortingCall.objects.get(pk=payload["call"])
    if call.state not in _OPEN:
        return False
    begun = call.attempts > 0
    PortingCall.objects.filter(pk=call.pk).update(attempts=F("attempts") + 1)
    try:
        house = provider(HOUSE)
        if begun:
            house.find(call.key)
        request = TypeAdapter(_REQUESTS[call.action]).validate_python(call.request)
        result: Answer | FaisceauError = getattr(house, call.action)(request, key=call.key)
    except Unknown as silence:
        note_silence(HOUSE, error=silence.message)
        _ask_again(call)
        return False
    except FaisceauError as refusal:
        result = refusal
    _store(call, result)
    return True


@transaction.atomic
def _ask_again(call: PortingCall) -> None:
    PortingCall.objects.filter(pk=call.pk, state__in=_OPEN).update(state=EffectState.UNKNOWN)
    wait = back_off(call.attempts + 1, draw=random.random())  # noqa: S311  jitter, not a secret
    timers.schedule(
        key=_timer_key(call),
        handler=TIMER,
        due_at=machine_now() + wait,
        payload={"call": call.pk},
        clock="machine",
    )


def _timer_key(call: PortingCall) -> str:
    return f"{TIMER}:{call.pk}"


@transaction.atomic
def _store(call: PortingCall, result: Answer | FaisceauError) -> None:
    """One writer wins; the porting's plan is locked before the porting."""
    porting = outcomes.locked(call.porting_id)
    call = PortingCall.objects.select_for_update().get(pk=call.pk)
    if call.state not in _OPEN:
        return
    taken = isinstance(result, Answer)
    target = EffectState.ACCEPTED if taken else EffectState.REFUSED
    EFFECT_LIFE.check(EffectState(call.state), target)
    call.state = target
    call.answer = dict(result.facts) if isinstance(result, Answer) else {"code": result.code}
    call.save(update_fields=["state", "answer"])
    outcomes.apply(porting, call)
