"""Events are told with what they tell of, once per subscriber, whatever fails in between."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from commerce.accounts.models import Party
from commerce.events import work
from commerce.events.models import Delivery, OutboxEvent, WorkState
from commerce.events.outbox import Event, publish, publish_all
from commerce.events.pump import drain
from commerce.events.queues import WorkQueue
from commerce.events.registry import subscribe
from commerce.events.runner import run_deliveries
from commerce.events.selectors import due_deliveries, parked
from commerce.events.work import RUN_LEASE, TRIES, Batch, claim, lease, retry_parked, sweep
from commerce.kernel.clock import business_time_fixed, machine_now
from commerce.kernel.money import Money
from commerce.kernel.trace import current_trace, traced

WORTH = Money(Decimal("9.90"))


@dataclass(frozen=True, slots=True)
class ParcelLost(Event):
    parcel: int
    on: date = date(2026, 1, 31)
    worth: Money = WORTH


class Boom(Exception):
    pass


def explode(_: Mapping[str, Any]) -> None:
    raise Boom("the handler failed")


def make_party(payload: Mapping[str, Any]) -> None:
    Party.objects.create(kind="person", display_name=f"parcel {payload['parcel']}")


@pytest.mark.django_db(transaction=True)
def test_an_event_needs_the_transaction_in_which_it_happened() -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        publish(ParcelLost(1))
    assert not OutboxEvent.objects.exists()


@pytest.mark.django_db
def test_what_is_rolled_back_is_never_told() -> None:
    subscribe(ParcelLost, make_party, name="test.make")
    with transaction.atomic():
        publish(ParcelLost(1))
        transaction.set_rollback(True)
    assert drain() == 0
    assert not Party.objects.exists()


@pytest.mark.django_db
def test_an_event_reaches_each_subscriber_once_with_its_values_trace_and_business_time() -> None:
    heard: list[tuple[str, dict[str, Any], str]] = []
    subscribe(ParcelLost, lambda p: heard.append(("a", dict(p), current_trace())), name="a")
    subscribe(
        ParcelLost,
        lambda p: heard.append(("b", dict(p), current_trace())),
        name="b",
        durable=False,
    )
    at = datetime(2027, 3, 1, 12, tzinfo=UTC)
    with traced("ab" * 16), business_time_fixed(at), transaction.atomic():
        publish(ParcelLost(7))
    assert drain() == 2
    assert drain() == 0
    values = {
        "parcel": 7,
        "on": "2026-01-31",
        "worth": {"amount": "9.90", "currency": "EUR"},
    }
    assert sorted(heard) == [("a", values, "ab" * 16), ("b", values, "ab" * 16)]
    assert OutboxEvent.objects.get().occurred_at == at
    assert set(Delivery.objects.values_list("state", flat=True)) == {WorkState.DONE}


@pytest.mark.django_db
def test_a_failing_subscriber_undoes_its_own_effects_and_blocks_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However long it takes: what failed waits a day before it is tried again."""
    waits: list[int] = []

    def a_day(attempts: int) -> timedelta:
        waits.append(attempts)
        return timedelta(days=1)

    monkeypatch.setattr(work, "back_off", a_day)

    def half(payload: Mapping[str, Any]) -> None:
        make_party(payload)
        raise Boom("after half of it")

    subscribe(ParcelLost, half, name="half")
    subscribe(ParcelLost, make_party, name="whole")
    began = machine_now()
    with transaction.atomic():
        publish(ParcelLost(3))
    drain()
    assert [party.display_name for party in Party.objects.all()] == ["parcel 3"]
    failed = Delivery.objects.get(subscriber="half")
    assert (failed.state, failed.attempts) == (WorkState.PENDING, 1)
    assert failed.last_error == "Boom: after half of it"
    assert (waits, failed.next_at >= began + timedelta(days=1)) == ([1], True)


@pytest.mark.django_db
def test_after_eight_tries_a_delivery_is_parked_and_an_operator_may_release_it() -> None:
    subscribe(ParcelLost, explode, name="bad")
    with transaction.atomic():
        publish(ParcelLost(1))
    for _ in range(TRIES + 2):
        Delivery.objects.filter(state=WorkState.PENDING).update(next_at=machine_now())
        drain()
    row = Delivery.objects.get()
    assert (row.state, row.attempts) == (WorkState.PARKED, TRIES)
    assert [(entry.kind, entry.name) for entry in parked()] == [("delivery", "bad")]
    assert retry_parked(Delivery, ids=[row.pk]) == 1
    leased = taken(limit=50)
    assert leased is not None
    assert leased.ids == (row.pk,)


@pytest.mark.django_db
def test_a_subscriber_that_this_release_does_not_know_is_tried_again_later() -> None:
    subscribe(ParcelLost, explode, name="gone")
    with transaction.atomic():
        publish(ParcelLost(1))
    Delivery.objects.update(subscriber="never-heard-of")
    drain()
    assert Delivery.objects.get().last_error.startswith("UnknownHandler")


def taken(*, limit: int) -> Batch | None:
    """What a pump takes of deliveries that need the database alone."""
    return lease(due_deliveries(), room={WorkQueue.SETTLING: limit}).get(WorkQueue.SETTLING)


@pytest.mark.django_db
def test_a_doubled_message_changes_nothing() -> None:
    subscribe(ParcelLost, make_party, name="make")
    with transaction.atomic():
        publish(ParcelLost(1))
    batch = taken(limit=50)
    assert batch is not None
    assert [run_deliveries(batch), run_deliveries(batch)] == [1, 0]
    assert Party.objects.count() == 1


@pytest.mark.django_db
def test_two_pumps_never_lease_the_same_row() -> None:
    subscribe(ParcelLost, make_party, name="make")
    with transaction.atomic():
        publish_all(ParcelLost(number) for number in range(5))
    first, second = taken(limit=3), taken(limit=3)
    assert first is not None
    assert second is not None
    assert (len(first.ids), len(second.ids)) == (3, 2)
    assert not set(first.ids) & set(second.ids)
    assert taken(limit=3) is None


@pytest.mark.django_db
def test_a_lost_message_is_swept_up_without_counting_as_a_try() -> None:
    subscribe(ParcelLost, make_party, name="make")
    with transaction.atomic():
        publish(ParcelLost(1))
    taken(limit=1)
    assert sweep(Delivery) == 0
    Delivery.objects.update(lease_until=machine_now() - timedelta(seconds=1))
    assert sweep(Delivery) == 1
    assert Delivery.objects.get().attempts == 0
    assert drain() == 1


@pytest.mark.django_db
def test_a_worker_that_lost_its_lease_leaves_no_effect() -> None:
    def slow(payload: Mapping[str, Any]) -> None:
        make_party(payload)
        # Meanwhile the sweeper believes the worker dead and hands the row to another one.
        Delivery.objects.update(lease_until=machine_now() - RUN_LEASE)
        sweep(Delivery)

    subscribe(ParcelLost, slow, name="slow")
    with transaction.atomic():
        publish(ParcelLost(1))
    batch = taken(limit=1)
    assert batch is not None
    run_deliveries(batch)
    assert not Party.objects.exists()


@pytest.mark.django_db
def test_telling_many_events_takes_two_statements(django_assert_num_queries: Any) -> None:
    subscribe(ParcelLost, make_party, name="make")
    with business_time_fixed(datetime(2027, 1, 1, tzinfo=UTC)), django_assert_num_queries(2):
        publish_all(ParcelLost(number) for number in range(40))
    assert Delivery.objects.count() == 40


@pytest.mark.django_db
def test_a_row_that_kills_its_worker_each_time_is_parked_in_the_end() -> None:
    subscribe(ParcelLost, make_party, name="deadly")
    with transaction.atomic():
        publish(ParcelLost(1))
    for _ in range(TRIES):
        Delivery.objects.update(next_at=machine_now())
        batch = taken(limit=1)
        assert batch is not None
        assert claim(Delivery, batch) is not None
        Delivery.objects.update(lease_until=machine_now() - timedelta(seconds=1))
        sweep(Delivery)
    row = Delivery.objects.get()
    assert (row.state, row.attempts) == (WorkState.PARKED, TRIES)
    assert row.last_error == "the worker died while running this"


@pytest.mark.django_db
def test_a_worker_that_is_stopped_gives_back_what_it_did_not_get_to() -> None:
    def stop(_: Mapping[str, Any]) -> None:
        raise SystemExit

    subscribe(ParcelLost, stop, name="stop")
    with transaction.atomic():
        publish_all([ParcelLost(1), ParcelLost(2)])
    batch = taken(limit=2)
    assert batch is not None
    with pytest.raises(SystemExit):
        run_deliveries(batch)
    assert set(Delivery.objects.values_list("state", "attempts")) == {(WorkState.PENDING, 0)}


@pytest.mark.django_db
def test_a_row_that_kills_its_worker_each_time_takes_none_of_its_message_along() -> None:
    """The first that is left is the one that was begun: what waited behind it was not tried."""
    subscribe(ParcelLost, make_party, name="make")
    with transaction.atomic():
        publish_all(ParcelLost(number) for number in range(4))
    batch = taken(limit=4)
    assert batch is not None
    held = claim(Delivery, batch)
    assert held is not None
    done, deadly, *behind = sorted(held.ids)
    Delivery.objects.filter(pk=done).update(state=WorkState.DONE, token=None, lease_until=None)
    Delivery.objects.filter(pk__in=held.ids).update(attempts=TRIES - 1)
    Delivery.objects.filter(token=held.token).update(
        lease_until=machine_now() - timedelta(seconds=1)
    )
    assert sweep(Delivery) == 3
    rows = Delivery.objects.order_by("pk").values_list("pk", "state", "attempts")
    assert list(rows) == [
        (done, WorkState.DONE, TRIES - 1),
        (deadly, WorkState.PARKED, TRIES),
        *((pk, WorkState.PENDING, TRIES - 1) for pk in behind),
    ]
    assert drain() == len(behind)
