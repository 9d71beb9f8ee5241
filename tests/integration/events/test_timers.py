"""Timers fire once on their own clock; a newer setting of a key wins over an older run."""

import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from commerce.accounts.models import Party
from commerce.events import runner, work
from commerce.events.models import Timer, WorkState
from commerce.events.pump import drain
from commerce.events.registry import UnknownHandler, register_timer
from commerce.events.selectors import next_business_instant, under_way
from commerce.events.timers import Due, cancel, due_at, schedule, schedule_all, soon
from commerce.kernel.clock import business_now, business_time_fixed, machine_now

pytestmark = pytest.mark.django_db
heard: list[str] = []


@pytest.fixture(autouse=True)
def listener() -> None:
    heard.clear()
    register_timer("say", lambda payload: heard.append(payload["text"]))


def test_a_timer_fires_once_when_its_business_instant_has_come() -> None:
    instant = business_now() + timedelta(days=30)
    schedule(key="bill", handler="say", due_at=instant, payload={"text": "bill"})
    assert drain() == 0
    assert next_business_instant() == instant
    with business_time_fixed(instant):
        assert drain() == 1
        assert drain() == 0
    assert heard == ["bill"]
    assert not Timer.objects.exists()


def test_a_timer_of_the_machine_does_not_move_with_business_time() -> None:
    schedule(
        key="ask",
        handler="say",
        due_at=machine_now() + timedelta(hours=1),
        payload={"text": "ask"},
        clock="machine",
    )
    with business_time_fixed(business_now() + timedelta(days=300)):
        assert drain() == 0


def test_setting_a_key_again_replaces_it() -> None:
    now = business_now()
    schedule(key="k", handler="say", due_at=now, payload={"text": "old"})
    schedule(key="k", handler="say", due_at=now, payload={"text": "new"})
    drain()
    assert heard == ["new"]


def test_a_cancelled_timer_never_fires() -> None:
    soon(key="k", handler="say", payload={"text": "no"})
    assert cancel("k") is True
    assert cancel("k") is False
    assert drain() == 0


def test_a_handler_may_set_its_own_key_again() -> None:
    def again(payload: Mapping[str, Any]) -> None:
        heard.append(str(payload["round"]))
        if payload["round"] < 3:
            soon(key="loop", handler="again", payload={"round": payload["round"] + 1})

    register_timer("again", again)
    soon(key="loop", handler="again", payload={"round": 1})
    assert drain() == 3
    assert heard == ["1", "2", "3"]
    assert not Timer.objects.exists()


def test_a_handler_may_cancel_its_own_key() -> None:
    register_timer("stop", lambda payload: heard.append(str(cancel("k"))))
    soon(key="k", handler="stop", payload={})
    drain()
    assert heard == ["True"]
    assert not Timer.objects.exists()


def test_a_failing_timer_is_kept_and_tried_later() -> None:
    def fail(_: Mapping[str, Any]) -> None:
        raise ValueError("no")

    register_timer("fail", fail, durable=False)
    soon(key="k", handler="fail", payload={})
    drain()
    row = Timer.objects.get()
    assert (row.state, row.attempts, row.last_error) == (WorkState.PENDING, 1, "ValueError: no")
    assert under_way(horizon=timedelta(seconds=60)) == {"timers": 1}


def test_an_unknown_handler_is_refused_when_the_timer_is_set() -> None:
    with pytest.raises(UnknownHandler):
        soon(key="k", handler="nobody", payload={})
    assert not Timer.objects.exists()


def test_many_timers_are_set_in_one_statement(django_assert_num_queries: Any) -> None:
    now = business_now()
    with django_assert_num_queries(1):
        schedule_all(Due(f"k{n}", "say", now, {"text": str(n)}) for n in range(30))
    assert due_at("k7") == now
    assert drain() == 30


@pytest.mark.django_db(transaction=True)
def test_a_key_that_is_set_while_its_run_ends_is_not_lost() -> None:
    """The run wants to erase the timer just when another transaction has set it anew."""
    set_anew = threading.Event()

    def other() -> None:
        with transaction.atomic():
            soon(key="k", handler="say", payload={"text": "second"})
            set_anew.set()
            wait_for_a_lock()
        connection.close()

    thread = threading.Thread(target=other)

    def first(_: Mapping[str, Any]) -> None:
        thread.start()
        assert set_anew.wait(timeout=10)

    register_timer("first", first, durable=False)
    soon(key="k", handler="first", payload={})
    drain()
    thread.join()
    drain()
    assert heard == ["second"]
    assert not Timer.objects.exists()


def wait_for_a_lock() -> None:
    """Until another connection to this database waits for a lock."""
    waiting = """
        SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'"""
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute(waiting)
            if cursor.fetchone() == (1,):
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


@pytest.mark.django_db(transaction=True)
def test_a_timer_that_another_worker_took_over_has_one_effect_however_slow_its_claim_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The lease counts from the claim: with its reading it was thought to last longer than it did,
    and what was done by another meanwhile was done twice."""
    lease = timedelta(seconds=0.3)
    for module in (work, runner):
        monkeypatch.setattr(module, "RUN_LEASE", lease)
    claim, begun = work.claim, threading.Event()

    def slowly(model: type[Timer], batch: work.Batch) -> work.Batch | None:
        claimed = claim(model, batch)
        if not begun.is_set():
            time.sleep(lease.total_seconds() + 0.05)
        return claimed

    def other() -> None:
        work.sweep(Timer)
        drain()
        connection.close()

    def deed(_: Mapping[str, Any]) -> None:
        first = not begun.is_set()
        begun.set()
        Party.objects.create(kind="person", display_name="parcel")
        if first:
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()

    monkeypatch.setattr(runner, "claim", slowly)
    register_timer("deed", deed)
    soon(key="k", handler="deed", payload={})
    drain()
    assert (Party.objects.count(), Timer.objects.count()) == (1, 0)


def test_what_is_under_way_is_found_without_looking_at_what_is_done() -> None:
    with CaptureQueriesContext(connection) as asked, connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        assert under_way(horizon=timedelta(0)) == {}
        (count,) = (each["sql"] for each in asked if 'FROM "events_delivery"' in each["sql"])
        cursor.execute(f"EXPLAIN {count}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "delivery_pending" in plan
    assert "delivery_held" in plan
