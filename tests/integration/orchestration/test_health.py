"""A provider that keeps silent is left alone; what waits for it uses up no attempts."""

from collections.abc import Mapping
from datetime import timedelta
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction

from commerce.events import registry
from commerce.events.models import Timer
from commerce.events.pump import drain
from commerce.events.registry import register_timer
from commerce.events.timers import due_at, soon
from commerce.kernel.clock import business_time_fixed, machine_now
from commerce.kernel.errors import Refused, Unknown
from orchestration import actions
from orchestration.domain.states import EffectState, TaskState
from orchestration.models import PortHealth, Task
from orchestration.ports import Answer, Found, Standing
from orchestration.selectors import provider_health
from orchestration.services import advance as carrying_on
from orchestration.services import callbacks, health, outcome
from orchestration.services.desk import ask_keys
from orchestration.services.guarding import Guarded
from orchestration.services.health import MOST_SILENCES, note_answer, note_silence, shut_until
from tests.integration.orchestration.conftest import AT, MakeTask


class Provider:
    """Keeps silent until it is told to speak."""

    def __init__(self) -> None:
        self.calls = 0
        self.says: Exception | None = Unknown("silence")

    def port_in(self, request: object, *, key: str) -> Answer:
        self.calls += 1
        if self.says:
            raise self.says
        return Answer({"porting_id": "por_1"})

    def find(self, key: str) -> Found:
        return Found(Standing.NEVER_ARRIVED, {})


@pytest.fixture
def clearing_house(monkeypatch: pytest.MonkeyPatch) -> Provider:
    house = Provider()
    monkeypatch.setattr(actions, "provider", lambda port: house)
    monkeypatch.setattr(carrying_on, "provider", lambda port: house)
    monkeypatch.setattr(outcome, "back_off", lambda attempts, draw: timedelta(0))
    return house


def time_over() -> None:
    PortHealth.objects.update(shut_until=machine_now() - timedelta(seconds=1))
    Task.objects.filter(state=TaskState.RETRYING).update(not_before=machine_now())
    health.forget()


@pytest.mark.django_db(transaction=True)
def test_a_silent_provider_is_left_alone_tried_by_one_and_found_again(
    make_task: MakeTask, clearing_house: Provider
) -> None:
    task = make_task(state=TaskState.WAITING, attempts=0)
    with business_time_fixed(AT):
        carrying_on.advance(plan_id=task.plan_id)
        assert clearing_house.calls == MOST_SILENCES
        task.refresh_from_db()
        assert (task.state, task.attempts) == (TaskState.RETRYING, MOST_SILENCES - 1)
        (porting,) = [each for each in provider_health() if each.port == "porting"]
        assert (porting.silences, porting.waiting) == (MOST_SILENCES, 1)
        assert porting.shut_until is not None

        carrying_on.advance(plan_id=task.plan_id)
        assert clearing_house.calls == MOST_SILENCES

        for tried in range(1, 16):  # far more often than a task may be attempted
            time_over()
            carrying_on.advance(plan_id=task.plan_id)
            assert clearing_house.calls == MOST_SILENCES + tried
        task.refresh_from_db()
        assert (task.state, task.attempts) == (TaskState.RETRYING, MOST_SILENCES - 1)

        clearing_house.says = None
        time_over()
        carrying_on.advance(plan_id=task.plan_id)
    task.refresh_from_db()
    assert task.state == TaskState.AWAITING
    assert PortHealth.objects.values_list("silences", "shut_until").get() == (0, None)


@pytest.mark.django_db(transaction=True)
def test_only_one_of_many_goes_out_to_see_and_a_no_is_an_answer() -> None:
    for _ in range(MOST_SILENCES):
        note_silence("porting", error="silence")
    assert shut_until("porting") is not None
    assert shut_until("network") is None
    time_over()
    assert [shut_until("porting") is None for _ in range(3)] == [True, False, False]
    note_answer("porting")
    assert [shut_until("porting") is None for _ in range(3)] == [True, True, True]


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_another_that_is_about_to_try() -> None:
    """Two plans that try two shut ports in either order would wait for each other."""
    for _ in range(MOST_SILENCES):
        note_silence("porting", error="silence")
    time_over()
    taken, over = Event(), Event()

    def hold() -> None:
        with transaction.atomic():
            PortHealth.objects.select_for_update().get(port="porting")
            taken.set()
            over.wait(10)
        connection.close()

    other = Thread(target=hold)
    other.start()
    try:
        assert taken.wait(10)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = 1")
            assert shut_until("porting") is not None
    finally:
        over.set()
        other.join()
    assert shut_until("porting") is None


@pytest.mark.django_db(transaction=True)
def test_refusals_shut_nothing(make_task: MakeTask, clearing_house: Provider) -> None:
    clearing_house.says = Refused("No.", code="date_past")
    task = make_task(state=TaskState.WAITING, attempts=0)
    with business_time_fixed(AT):
        carrying_on.advance(plan_id=task.plan_id)
    task.refresh_from_db()
    assert (task.state, task.cause) == (TaskState.FALLOUT, "date_past")
    assert not PortHealth.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_messages_and_payments_wait_for_a_silent_provider_without_using_up_their_tries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "_timers", {})
    sent: list[int] = []
    says: list[Exception] = [Unknown("silence")]

    def carry(payload: Mapping[str, Any]) -> bool:
        if says:
            raise says[0]
        sent.append(payload["n"])
        return True

    register_timer("carry", Guarded("messages", carry), durable=False)
    for number in range(MOST_SILENCES + 2):
        soon(key=f"m{number}", handler="carry", payload={"n": number})
    drain()
    tries = list(Timer.objects.order_by("key").values_list("attempts", flat=True))
    assert tries == [1] * (MOST_SILENCES - 1) + [0, 0, 0]
    (health_of,) = [each for each in provider_health() if each.port == "messages"]
    assert (health_of.silences, health_of.last_error) == (MOST_SILENCES, "silence")
    says.clear()
    Timer.objects.update(next_at=machine_now())
    drain()
    assert sent == []
    time_over()
    Timer.objects.update(next_at=machine_now())
    drain()
    assert sorted(sent) == list(range(MOST_SILENCES + 2))
    assert PortHealth.objects.get(port="messages").silences == 0
    assert not Timer.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_who_has_nothing_to_ask_has_heard_no_answer() -> None:
    for _ in range(MOST_SILENCES):
        note_silence("messages", error="silence")
    time_over()
    Guarded("messages", lambda _: False)({})
    assert PortHealth.objects.get(port="messages").silences == MOST_SILENCES
    assert shut_until("messages") is not None
    time_over()
    Guarded("messages", lambda _: True)({})
    assert PortHealth.objects.get(port="messages").silences == 0


def test_all_that_reaches_a_provider_beside_the_plans_leaves_a_silent_one_alone() -> None:
    handlers: dict[str, Any] = {**registry._timers, **registry._subscriptions}
    guarded = {
        name: entry.handler.port
        for name, entry in handlers.items()
        if isinstance(entry.handler, Guarded)
    }
    assert guarded == {
        "notifications.send": "messages",
        "notifications.post": "letters",
        "payments.open": "payments",
        "payments.effect": "payments",
        "payments.charge": "payments",
        "payments.setup": "payments",
        "payments.forget": "payments",
        "payments.webhook": "payments",
        "billing.settled": "billing",
        "billing.refunded": "billing",
        "porting.call": "porting",
        "porting.ask_out": "porting",
        "orchestration.settlement": "content",
        "einvoicing": "einvoicing",
        "einvoicing-ask": "einvoicing",
    }


@pytest.mark.django_db(transaction=True)
def test_a_provider_that_is_left_alone_is_not_asked_for_callbacks_either(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def find(key: str) -> Found:
        asked.append(key)
        raise Unknown("silence")

    monkeypatch.setattr(callbacks, "provider", lambda port: SimpleNamespace(find=find))
    task = make_task(state=TaskState.AWAITING, effect=EffectState.ACCEPTED)
    for _ in range(MOST_SILENCES + 3):
        callbacks.ask(task_id=task.pk)
    task.refresh_from_db()
    assert (len(asked), task.asked) == (MOST_SILENCES, MOST_SILENCES)
    by_machine, _ = ask_keys(task.pk)
    assert due_at(by_machine) == PortHealth.objects.get(port="porting").shut_until
