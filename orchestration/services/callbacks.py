"""What providers call back: stored first, once per id, in any order; then the plan is woken."""

from collections.abc import Iterable
from contextlib import suppress

from django.db import transaction
from django.db.models import F

from commerce.events import timers
from commerce.kernel.clock import business_now, machine_now
from commerce.kernel.errors import Unknown
from orchestration.actions import provider
from orchestration.domain.states import TaskState
from orchestration.models import Effect, ProviderCallback, Task
from orchestration.ports import ProviderEvent
from orchestration.services.desk import ask_timers
from orchestration.services.plans import wake


@transaction.atomic
def receive(*, provider_code: str, request_key: str, events: Iterable[ProviderEvent]) -> int:
    """Store the events of one request; the same id again changes nothing. Answers how many are new.

    An event may come before the call that caused it has returned.
    """
    rows = [
        ProviderCallback(
            callback_id=event.id,
            provider=provider_code,
            request_key=request_key,
            type=event.type,
            occurred_at=event.occurred_at,
            data=dict(event.data),
            received_at=business_now(),
        )
        for event in events
    ]
    before = ProviderCallback.objects.filter(pk__in=[row.pk for row in rows]).count()
    ProviderCallback.objects.bulk_create(rows, ignore_conflicts=True)
    fresh = len(rows) - before
    if fresh:
        for plan_id in Effect.objects.filter(key=request_key).values_list("task__plan", flat=True):
            wake(plan_id)
    return fresh


def ask(*, task_id: int) -> None:
    """Ask the provider of an awaiting task for callbacks that were lost on the way.

    Called with no transaction open. A provider that does not answer is asked again later. The plan
    is woken in any case: what it awaits may have come, and its wake-up been lost.
    """
    task = Task.objects.filter(pk=task_id, plan__state="running").first()
    if task is None or not _awaits(task):
        return
    effect = Effect.objects.filter(task=task, generation=task.generation).first()
    if effect is None:
        return
    with suppress(Unknown):
        found = provider(effect.port).find(effect.key)
        receive(provider_code=effect.port, request_key=effect.key, events=found.events)
    with transaction.atomic():
        timers.schedule_all(ask_timers(task, now=business_now(), machine=machine_now()))
        wake(task.plan_id)
        Task.objects.filter(pk=task.pk).update(asked=F("asked") + 1)


def _awaits(task: Task) -> bool:
    """Whether the task or a milestone that watches it still waits for a callback."""
    if task.state == TaskState.AWAITING:
        return True
    watching = Task.objects.filter(plan_id=task.plan_id, of=task.key)
    return watching.filter(state__in=[TaskState.WAITING, TaskState.AWAITING]).exists()
