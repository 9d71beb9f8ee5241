"""What is kept for a time only is gone after it, and nothing else is."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from commerce.events import retention
from commerce.events.models import IdempotencyRecord, IdempotencyState, Timer
from commerce.kernel.clock import business_time_fixed, machine_now
from commerce.payments.models import StoredWebhook
from orchestration.models import Effect, Plan, ProviderCallback, Task

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
SAID = {"rio": "02PA1B2C3RE+"}

pytestmark = pytest.mark.django_db


def finished(number: str, *, at: datetime | None) -> None:
    plan = Plan.objects.create(
        order_number=number, group="g1", party_id=1, release=1, created_at=NOW, finished_at=at
    )
    task = Task.objects.create(plan=plan, key="port", position=0, lines=["1"], kind="callback")
    Effect.objects.create(
        task=task, generation=1, key=number, port="porting", request=SAID, state="accepted"
    )
    ProviderCallback.objects.create(
        callback_id=number,
        provider="porting",
        request_key=number,
        type="port.completed",
        occurred_at=NOW,
        received_at=NOW,
        data=SAID,
    )


def test_what_was_said_to_providers_is_blanked_after_a_year() -> None:
    finished("F-1", at=NOW - timedelta(days=367))
    finished("F-2", at=NOW - timedelta(days=365))
    finished("F-3", at=None)
    for _ in range(2):
        with business_time_fixed(NOW):
            retention.on_retention_due({})
    assert dict(Effect.objects.values_list("key", "request")) == {
        "F-1": {},
        "F-2": SAID,
        "F-3": SAID,
    }
    assert dict(ProviderCallback.objects.values_list("request_key", "data")) == {
        "F-1": {},
        "F-2": SAID,
        "F-3": SAID,
    }
    assert Plan.objects.get(order_number="F-1").erased_at == NOW


def test_answers_and_webhooks_go_by_machine_time() -> None:
    for key, hours in (("old", 25), ("new", 23)):
        made = machine_now() - timedelta(hours=hours)
        IdempotencyRecord.objects.create(
            key=key,
            caller="c",
            route="r",
            body_digest="",
            state=IdempotencyState.FINISHED,
            status=201,
            lease_until=made,
            created_at=made,
        )
    for event, kind, days in (
        ("old", "payment_intent.succeeded", 31),
        ("of no use", "charge.updated", 31),
        ("new", "payment_intent.succeeded", 29),
    ):
        StoredWebhook.objects.create(
            event_id=event,
            type=kind,
            payload={},
            handled=event != "of no use",
            received_at=machine_now() - timedelta(days=days),
        )
    waits = StoredWebhook.objects.create(
        event_id="not handled yet",
        type="payment_intent.succeeded",
        payload={},
        received_at=machine_now() - timedelta(days=31),
    )
    retention.on_retention_due({})
    assert list(IdempotencyRecord.objects.values_list("key", flat=True)) == ["new"]
    left = set(StoredWebhook.objects.values_list("event_id", flat=True))
    assert left == {"new", waits.event_id}


def test_it_is_set_once_and_sets_itself_again() -> None:
    retention.begin()
    first = Timer.objects.get(key=retention.TIMER)
    retention.begin()
    assert Timer.objects.get(key=retention.TIMER).due_at == first.due_at
    retention.on_retention_due({})
    assert Timer.objects.get(key=retention.TIMER).generation != first.generation


def test_a_purge_that_fails_keeps_no_other_from_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
        return 1

    monkeypatch.setattr(retention, "purges", lambda: {"broken": broken, "sound": sound})
    done: list[str] = []

    def sound() -> int:
        done.append(str(Timer.objects.get(key=retention.TIMER).handler))
        return 1

    retention.on_retention_due({})
    assert done == [retention.TIMER]
