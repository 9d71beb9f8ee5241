"""What providers call back: stored first, once per id, in any order; then the plan is woken."""

import json
from collections.abc import Iterable
from dataclasses import replace

from django.db import connection, transaction
from django.db.models import F

from commerce.events import timers
from commerce.kernel.clock import business_now, machine_now
from commerce.kernel.errors import Forbidden, Unknown
from orchestration.actions import provider, speaks_for
from orchestration.domain.requests import REFUSING_EVENTS
from orchestration.domain.states import MOVING, TaskState
from orchestration.models import Effect, ProviderCallback, Task
from orchestration.ports import ProviderEvent
from orchestration.services.desk import ask_timers
from orchestration.services.health import note_answer, note_silence, shut_until
from orchestration.services.plans import wake

# Of every callback: written out, because building them anew costs more than running them.
_STORE = """
INSERT INTO orchestration_providercallback
       (provider, request_key, received_at, callback_id, type, occurred_at, data, processed)
SELECT %s, %s, %s::timestamptz, id, type, occurred_at, data::jsonb, false
  FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::text[])
       AS told (id, type, occurred_at, data)
ON CONFLICT DO NOTHING
"""
_PLANS = """
SELECT plan.id, plan.turn, effect.port FROM orchestration_effect AS effect
       JOIN orchestration_task AS task ON task.id = effect.task_id
       JOIN orchestration_plan AS plan ON plan.id = task.plan_id
 WHERE effect.key = %s
"""


@transaction.atomic
def receive(*, provider_code: str, request_key: str, events: Iterable[ProviderEvent]) -> int:
    """Store the events of one request; the same id again changes nothing. Answers how many are new.

    An event may come before the call that caused it has returned. One that comes before its request
    was even made is of nobody's asking: who reads the request's events leaves out other senders'.

    Raises:
        Forbidden: `not_its_request`: it was another provider that was asked.
    """
    told = [
        (event.id, event.type, event.occurred_at, json.dumps(dict(event.data), ensure_ascii=False))
        for event in events
    ]
    if not told:
        return 0
    with connection.cursor() as cursor:
        columns = [list(column) for column in zip(*told, strict=True)]
        cursor.execute(_STORE, [provider_code, request_key, business_now(), *columns])
        fresh: int = cursor.rowcount
        if fresh:
            cursor.execute(_PLANS, [request_key])
            for plan_id, turn, port in cursor.fetchall():
                _check_sender(provider_code, port=port)
                wake(plan_id, turn=turn)
    return fresh


def _check_sender(code: str, *, port: str) -> None:
    if not speaks_for(code, port=port):
        raise Forbidden("This was asked of another provider.", code="not_its_request")


def refused_later(effect: Effect) -> bool:
    """The provider took the request, and said afterwards that nothing came of it."""
    told = ProviderCallback.objects.filter(request_key=effect.key, type__in=REFUSING_EVENTS)
    senders = set(told.values_list("provider", flat=True))
    return any(speaks_for(code, port=effect.port) for code in senders)


def ask(*, task_id: int) -> None:
    """Ask the provider of an awaiting task for callbacks that were lost on the way.

    Called with no transaction open. A provider that does not answer is asked again later, one that
    is left alone when he may be asked again. The plan is woken in any case: what it awaits may have
    come, and its wake-up been lost.
    """
    task = Task.objects.filter(pk=task_id, plan__state__in=MOVING).first()
    if task is None or not _awaits(task):
        return
    effect = Effect.objects.filter(task=task, generation=task.generation).first()
    if effect is None:
        return
    until = shut_until(effect.port)
    if until is None:
        _hear(effect)
    with transaction.atomic():
        soon, late = ask_timers(task, now=business_now(), machine=machine_now())
        timers.schedule_all([replace(soon, due_at=until) if until else soon, late])
        wake(task.plan_id)
        if until is None:
            Task.objects.filter(pk=task.pk).update(asked=F("asked") + 1)


def _hear(effect: Effect) -> None:
    """What the provider has told, or tried to tell, since."""
    try:
        found = provider(effect.port).find(effect.key)
    except Unknown as silence:
        note_silence(effect.port, error=silence.message)
        return
    note_answer(effect.port)
    receive(provider_code=effect.port, request_key=effect.key, events=found.events)


def _awaits(task: Task) -> bool:
    """Whether the task or a milestone that watches it still waits for a callback."""
    if task.state == TaskState.AWAITING:
        return True
    watching = Task.objects.filter(plan_id=task.plan_id, of=task.key)
    return watching.filter(state__in=[TaskState.WAITING, TaskState.AWAITING]).exists()
