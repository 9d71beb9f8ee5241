"""Each kind of work has its queue, and a large order stands behind itself alone."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from commerce.celery import app
from commerce.events import pump, runner, tasks
from commerce.events.models import Delivery, Timer, WorkState
from commerce.events.outbox import Event, publish
from commerce.events.pump import BULK_IN_THE_QUEUE, IN_THE_QUEUE, OUTSIDE, drain
from commerce.events.queues import AT_ONCE, WorkQueue, in_turn, turn_of
from commerce.events.registry import register_timer, subscribe
from commerce.events.runner import run_timers
from commerce.events.timers import Due, schedule_all, soon
from commerce.events.work import Batch
from commerce.kernel.clock import machine_now

pytestmark = pytest.mark.django_db
BUNDLES = 3_000

Message = tuple[str, list[int], str]


@dataclass(frozen=True, slots=True)
class LineReady(Event):
    line: int


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    """Queue, ids and token of each message, in the order in which they left."""
    messages: list[Message] = []
    for task in (tasks.fire, tasks.deliver):
        monkeypatch.setattr(
            task, "apply_async", lambda given, queue: messages.append((queue, *given))
        )
    return messages


@pytest.fixture
def handled() -> list[str]:
    """Names of the plans that were looked at, in their order."""
    names: list[str] = []
    register_timer("advance", lambda payload: names.append(payload["plan"]), durable=False)
    return names


def order(number: str, *, bundles: int, first: int = 0) -> None:
    """The plans of an order want to be looked at."""
    schedule_all(
        Due(
            key=f"{number}/{place}",
            handler="advance",
            due_at=machine_now(),
            payload={"plan": f"{number}/{place}"},
            clock="machine",
            turn=turn_of(place),
        )
        for place in range(first, first + bundles)
    )


def test_every_kind_of_work_has_a_queue_and_a_worker_takes_from_all_of_them(
    sent: list[Message],
) -> None:
    for queue in WorkQueue:
        register_timer(queue, lambda _: None, queue=queue)
        soon(key=queue, handler=queue, payload={})
    assert pump.hand_out() == len(WorkQueue)
    assert sorted(queue for queue, _, _ in sent) == sorted(WorkQueue)
    assert set(app.amqp.queues) == set(WorkQueue)
    assert {queue.routing_key for queue in app.amqp.queues.values()} == set(WorkQueue)


def test_the_first_bundles_of_an_order_are_handled_like_anybodys(handled: list[str]) -> None:
    order("B", bundles=AT_ONCE + 1)
    kinds = Counter(Timer.objects.values_list("queue", "turn"))
    assert kinds == {(WorkQueue.CALLS, 0): AT_ONCE, (WorkQueue.BULK, 1): 1}


def test_a_shopper_behind_a_bulk_order_of_thousands_of_lines_is_handled_within_five_batches(
    sent: list[Message], handled: list[str]
) -> None:
    """A worker that takes from the queues in turn: four batches of the first lines, one of bulk."""
    order("B", bundles=BUNDLES)
    pump.hand_out()
    order("S", bundles=1)
    pump.hand_out()
    waiting: dict[str, list[Message]] = {}
    for message in sent:
        waiting.setdefault(message[0], []).append(message)
    assert len(waiting[WorkQueue.BULK]) == BULK_IN_THE_QUEUE // OUTSIDE
    calls = [set(ids) for _, ids, _ in waiting[WorkQueue.CALLS]]
    shoppers = Timer.objects.get(key="S/0").pk
    assert next(place for place, ids in enumerate(calls) if shoppers in ids) == AT_ONCE // OUTSIDE
    batches = 0
    while "S/0" not in handled:
        queue = waiting[(WorkQueue.CALLS, WorkQueue.BULK)[batches % 2]]
        _, ids, token = queue.pop(0)
        tasks.fire(ids, token)
        batches += 1
    assert batches == 2 * (AT_ONCE // OUTSIDE) + 1
    assert len(handled) == batches * OUTSIDE - (OUTSIDE - 1)


def test_once_its_first_lines_are_handled_a_shopper_waits_for_nothing(
    sent: list[Message], handled: list[str]
) -> None:
    order("B", bundles=BUNDLES, first=AT_ONCE)
    pump.hand_out()
    order("S", bundles=1)
    pump.hand_out()
    _, ids, token = next(message for message in sent if message[0] == WorkQueue.CALLS)
    tasks.fire(ids, token)
    assert handled == ["S/0"]
    held = Timer.objects.exclude(state=WorkState.PENDING)
    assert set(held.values_list("queue", flat=True)) == {WorkQueue.BULK}
    assert held.count() == BULK_IN_THE_QUEUE


def test_a_message_that_had_its_share_of_a_workers_time_gives_the_rest_back_in_its_place(
    sent: list[Message], handled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One row may be a second's work: five of them would keep the worker from every other queue."""
    monkeypatch.setattr(runner, "SHARE", timedelta(0))
    order("B", bundles=OUTSIDE + 1, first=AT_ONCE)
    pump.hand_out()
    _, ids, token = sent[0]
    tasks.fire(ids, token)
    assert handled == ["B/20"]
    left = Timer.objects.filter(pk__in=ids).order_by("pk")
    assert list(left.values_list("state", "token", "lease_until", "attempts")) == [
        (WorkState.PENDING, None, None, 0)
    ] * (OUTSIDE - 1)
    tasks.fire(ids, token)
    assert handled == ["B/20"], "they are nobody's until they are handed out again"
    pump.hand_out()
    for _, again, other in sent[2:]:
        tasks.fire(again, other)
    assert handled == ["B/20", "B/21"], "before what stood behind them"


@pytest.mark.django_db(transaction=True)
def test_what_is_given_back_wakes_the_pump_once(
    sent: list[Message], handled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "SHARE", timedelta(0))
    order("B", bundles=3)
    pump.hand_out()
    with psycopg.connect(**_address(), autocommit=True) as listener:
        listener.execute("LISTEN work")
        for _, ids, token in sent:
            tasks.fire(ids, token)
        assert len(list(listener.notifies(timeout=1))) == 1
    assert handled == ["B/0"]


def _address() -> dict[str, Any]:
    given = connection.get_connection_params()
    return {name: given[name] for name in ("dbname", "user", "password", "host", "port")}


def test_of_two_bulk_orders_the_later_catches_up_and_then_they_share(
    sent: list[Message], handled: list[str]
) -> None:
    order("B", bundles=400, first=5 * AT_ONCE)
    order("C", bundles=400, first=AT_ONCE)
    taken: list[str] = []
    for _ in range(6):
        pump.hand_out()
        for _, ids, token in sent:
            tasks.fire(ids, token)
        sent.clear()
        taken.extend(name[0] for name in handled)
        handled.clear()
    assert taken[: 4 * AT_ONCE] == ["C"] * 4 * AT_ONCE
    assert Counter(taken[4 * AT_ONCE :]) == {"B": 6 * AT_ONCE, "C": 5 * AT_ONCE}


def test_a_queue_that_nobody_empties_holds_up_no_other(
    sent: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    register_timer("bill", lambda _: None, durable=False, queue=WorkQueue.BILLING)
    register_timer("advance", lambda _: None, durable=False)
    for number in range(IN_THE_QUEUE + 1):
        soon(key=f"bill-{number}", handler="bill", payload={})
    assert [pump.hand_out(), pump.hand_out()] == [IN_THE_QUEUE, 0]
    soon(key="plan", handler="advance", payload={})
    assert pump.hand_out() == 1
    assert sent[-1][0] == WorkQueue.CALLS


def test_what_follows_from_bulk_work_is_bulk_work_but_for_money_and_calendars(
    handled: list[str],
) -> None:
    def advance(_: Mapping[str, Any]) -> None:
        with transaction.atomic():
            publish(LineReady(1))
        for name in ("message", "call", "pay", "look", "hook"):
            soon(key=name, handler=name, payload={})

    register_timer("bulky", advance, durable=False)
    register_timer("message", lambda _: None, queue=WorkQueue.MESSAGES)
    register_timer("call", lambda _: None, durable=False)
    register_timer("pay", lambda _: None, queue=WorkQueue.PAYMENTS)
    register_timer("look", lambda _: None)
    register_timer("hook", lambda _: None, queue=WorkQueue.WEBHOOKS)
    subscribe(LineReady, lambda _: None, name="ready")
    with in_turn(7):
        soon(key="bulky", handler="bulky", payload={})
    row = Timer.objects.get()
    Timer.objects.filter(pk=row.pk).update(state=WorkState.LEASED, token="1" * 32)
    run_timers(Batch((row.pk,), Timer.objects.get().token))  # type: ignore[arg-type]
    bulk = (WorkQueue.BULK, 7)
    assert Delivery.objects.values_list("queue", "turn").get() == bulk
    rows = Timer.objects.values_list("key", "queue", "turn")
    placed = {key: (queue, turn) for key, queue, turn in rows}
    assert placed == {
        "message": bulk,
        "call": bulk,
        "pay": (WorkQueue.PAYMENTS, 0),
        "look": (WorkQueue.SETTLING, 0),
        "hook": (WorkQueue.WEBHOOKS, 7),
    }
    soon(key="after", handler="call", payload={})
    assert Timer.objects.values_list("queue", "turn").get(key="after") == (WorkQueue.CALLS, 0)


def test_here_and_now_everything_is_carried_out(handled: list[str]) -> None:
    order("B", bundles=120)
    assert drain() == 120
    assert len(set(handled)) == 120
