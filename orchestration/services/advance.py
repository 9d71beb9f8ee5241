"""Carrying a plan on: decide what is ready, do it with no transaction open, store the outcome."""

import logging

from commerce.kernel.errors import FaisceauError, Unknown
from orchestration.actions import action, provider
from orchestration.ports import Answer
from orchestration.services.decide import decide
from orchestration.services.health import note_answer, note_silence
from orchestration.services.outcome import Call, Outcome

logger = logging.getLogger(__name__)


def advance(*, plan_id: int) -> None:
    """Bring the plan as far as it can go now. May be called twice, at once, and after any crash.

    Called with no transaction open; every round commits by itself: outcomes of the one before, and
    the requests of the next.
    """
    outcomes: list[Outcome] = []
    while calls := decide(plan_id=plan_id, outcomes=outcomes):
        outcomes = [Outcome(call, _carry_out(call)) for call in calls]


def _carry_out(call: Call) -> Answer | FaisceauError:
    """What is unknown is asked for before anything is sent again, under the same key."""
    effect = call.effect
    try:
        if call.unknown:
            provider(effect.port).find(effect.key)
        answer = action(call.task.action).carry_out(effect.request, key=effect.key)
    except Unknown as silence:
        note_silence(effect.port, error=silence.message)
        return silence
    except FaisceauError as error:
        # `Refused`; or our own billing's reason, whose transaction is undone.
        note_answer(effect.port)
        return error
    except Exception as fault:
        # Of this call alone: what became of the others of its round must be stored all the same.
        logger.exception("call failed", extra={"key": effect.key})
        return Unknown(f"{effect.port}: {type(fault).__name__}")
    note_answer(effect.port)
    return answer
