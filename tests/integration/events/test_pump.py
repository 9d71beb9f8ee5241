"""The pump hands work out through Redis, and outlives the loss of it."""

import signal
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Thread
from types import FrameType
from typing import Any

import pytest
from django.db import transaction
from kombu.exceptions import OperationalError

from commerce.celery import app
from commerce.events import pump, tasks
from commerce.events.models import Delivery, Timer, WorkState
from commerce.events.outbox import Event, publish_all
from commerce.events.pump import OUTSIDE
from commerce.events.queues import WorkQueue
from commerce.events.registry import register_timer, subscribe
from commerce.events.timers import soon
from commerce.events.work import IN_TRANSIT, QUEUE_LEASE
from commerce.kernel.clock import business_time_fixed, machine_now

pytestmark = pytest.mark.django_db


@dataclass(frozen=True, slots=True)
class LampLit(Event):
    lamp: int


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[int], str]]:
    messages: list[tuple[list[int], str]] = []
    monkeypatch.setattr(tasks.fire, "apply_async", lambda given, queue: messages.append(given))
    return messages


def test_work_inside_the_database_travels_in_large_batches_other_work_in_small_ones(
    sent: list[tuple[list[int], str]],
) -> None:
    register_timer("inside", lambda _: None)
    register_timer("outside", lambda _: None, durable=False)
    for number in range(12):
        soon(key=f"i{number}", handler="inside", payload={})
        soon(key=f"o{number}", handler="outside", payload={})
    assert pump.hand_out() == 24
    assert sorted(len(ids) for ids, _ in sent) == [2, 5, 5, 12]
    assert pump.hand_out() == 0


def test_what_was_handed_out_is_carried_out_by_the_task(
    sent: list[tuple[list[int], str]],
) -> None:
    done: list[Any] = []
    register_timer("inside", done.append)
    soon(key="k", handler="inside", payload={"n": 1})
    pump.hand_out()
    for ids, token in [*sent, *sent]:
        tasks.fire(ids, token)
    assert done == [{"n": 1}]
    assert not Timer.objects.exists()


def test_without_redis_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("Redis is away")

    monkeypatch.setattr(tasks.fire, "apply_async", away)
    register_timer("inside", lambda _: None)
    register_timer("outside", lambda _: None, durable=False)
    for number in range(OUTSIDE + 1):
        soon(key=f"o{number}", handler="outside", payload={})
    soon(key="i", handler="inside", payload={})
    with pytest.raises(OperationalError):
        pump.hand_out()
    assert set(Timer.objects.values_list("state", "token")) == {(WorkState.PENDING, None)}


def test_the_queue_is_never_flooded(
    sent: list[tuple[list[int], str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pump, "IN_THE_QUEUE", 3)
    register_timer("inside", lambda _: None)
    for number in range(5):
        soon(key=f"i{number}", handler="inside", payload={})
    assert [pump.hand_out(), pump.hand_out()] == [3, 0]


def test_a_backlog_of_deliveries_leaves_the_timers_of_their_queue_half_of_it(
    sent: list[tuple[list[int], str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.deliver, "apply_async", lambda given, queue: None)
    monkeypatch.setattr(pump, "IN_THE_QUEUE", 10)
    register_timer("inside", lambda _: None)
    subscribe(LampLit, lambda _: None, name="lamps")

    def handed_out() -> tuple[int, int]:
        pump.hand_out()
        deliveries, timers = (
            each.filter(state="leased").count() for each in (Delivery.objects, Timer.objects)
        )
        return deliveries, timers

    with transaction.atomic():
        publish_all(LampLit(number) for number in range(40))
    assert handed_out() == (10, 0), "what nobody else needs"
    for number in range(7):
        soon(key=f"i{number}", handler="inside", payload={})
    for done, shares in ((1, (9, 1)), (3, (6, 4)), (2, (5, 5)), (2, (5, 5))):
        begun = Delivery.objects.filter(state="leased").order_by("pk")[:done]
        Delivery.objects.filter(pk__in=begun.values("pk")).update(state="running")
        assert handed_out() == shares
    Timer.objects.filter(state="leased").update(state="running")
    assert handed_out() == (8, 2), "the last two timers; the rest of their half is not left empty"


@pytest.mark.django_db(transaction=True)
def test_however_often_the_pump_was_called_meanwhile_it_gathers_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    register_timer("inside", lambda _: None)
    pauses: list[float] = []
    monkeypatch.setattr("commerce.events.pump.time.sleep", pauses.append)
    with pump._listening() as wait_for_work:
        for number in range(200):
            soon(key=f"i{number}", handler="inside", payload={})
        wait_for_work()
    assert pauses == [pump.GATHER_SECONDS]


def test_what_the_broker_forgot_is_handed_out_again_at_once(sent: list[Any]) -> None:
    register_timer("inside", lambda _: None)
    register_timer("outside", lambda _: None, durable=False)
    soon(key="i", handler="inside", payload={})
    soon(key="o", handler="outside", payload={})
    pump.hand_out()
    with app.connection_for_write() as connection:
        own = connection.SimpleQueue(str(WorkQueue.SETTLING))
        own.put({"on": "its way"})
        assert (tasks.waiting(WorkQueue.SETTLING), tasks.waiting(WorkQueue.CALLS)) == (1, 0)
        assert pump.sweep_up() == 0, "it may still be on its way"
        Timer.objects.update(lease_until=machine_now() + QUEUE_LEASE - IN_TRANSIT)
        assert pump.sweep_up() == 1
        assert {each.key: each.state for each in Timer.objects.all()} == {
            "i": WorkState.LEASED,
            "o": WorkState.PENDING,
        }
        assert Timer.objects.get(key="o").attempts == 0
        own.clear()
        own.close()
    assert pump.sweep_up() == 1


def test_every_process_of_ours_speaks_to_the_configured_broker(settings: Any) -> None:
    assert tasks.deliver.app is app or tasks.deliver.app.main == app.main
    assert app.conf.broker_url == settings.CELERY["broker_url"]
    assert app.conf.task_always_eager is False


def test_a_look_that_finds_nothing_takes_three_statements(django_assert_num_queries: Any) -> None:
    """How much waits in the queues, then one for deliveries and one for timers of all of them."""
    with business_time_fixed(datetime(2027, 1, 1, tzinfo=UTC)), django_assert_num_queries(3):
        assert pump.hand_out() == 0


def test_a_wish_to_stop_may_be_made_at_any_line_of_the_wait_for_it() -> None:
    """As a signal's handler does: `threading.Event` would wait there for its own lock."""
    stop, waited = pump.Stop(), list[bool]()

    def interrupt(frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code is not pump.Stop.set.__code__:
            stop.set()
        return interrupt

    def wait() -> None:
        sys.settrace(interrupt)
        try:
            waited.append(stop.wait(30))
        finally:
            sys.settrace(None)

    thread = Thread(target=wait, daemon=True)
    thread.start()
    thread.join(20)
    assert waited == [True]
    assert stop.is_set()


def test_a_signal_ends_the_wait_for_it() -> None:
    stop = pump.Stop()
    before = signal.signal(signal.SIGALRM, stop.set)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        assert stop.wait(30)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert stop.wait(0)
