"""A plan carried on by workers that die at every moment, and by providers that are slow, silent or
lie: whatever happens, each effect happens once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from commerce.events import timers
from commerce.events.pump import drain
from commerce.kernel.clock import business_time_fixed, machine_now
from commerce.kernel.errors import FaisceauError, Refused, Unknown
from orchestration import actions
from orchestration.domain.states import EffectState, TaskState
from orchestration.models import Effect, Plan, Task
from orchestration.ports import Answer, Found, PortIn, ProviderEvent, Standing
from orchestration.services import advance as carrying_on
from orchestration.services import callbacks, outcome
from orchestration.services.advance import advance
from orchestration.services.desk import Desk
from orchestration.services.plans import wake
from tests.integration.orchestration.conftest import AT, MakeTask

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """SIGKILL: nothing of ours runs after it."""


class ClearingHouse:
    """Keeps its promise of one effect per key; `then` happens once the next effect is there,
    `first` before it."""

    def __init__(self) -> None:
        self.effects: dict[str, str] = {}
        self.arrivals: list[str] = []
        self.first: list[BaseException] = []
        self.then: list[BaseException] = []
        self.denies = False

    def port_in(self, request: PortIn, *, key: str) -> Answer:
        self.arrivals.append(key)
        if self.first:
            raise self.first.pop(0)
        self.effects.setdefault(key, f"por_{len(self.effects) + 1}")
        if self.then:
            raise self.then.pop(0)
        return Answer({"porting_id": self.effects[key]})

    def find(self, key: str) -> Found:
        known = key in self.effects and not self.denies
        return Found(Standing.ACCEPTED if known else Standing.NEVER_ARRIVED, {})


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> ClearingHouse:
    made = ClearingHouse()
    for module in (actions, carrying_on, callbacks):
        monkeypatch.setattr(module, "provider", lambda port: made)
    monkeypatch.setattr(outcome, "back_off", lambda attempts, draw: timedelta(0))
    return made


@pytest.fixture
def task(make_task: MakeTask) -> Iterator[Task]:
    with business_time_fixed(AT):
        yield make_task(state=TaskState.WAITING, attempts=0)


@contextmanager
def dying(target: Any, name: str, *, after: bool = False) -> Iterator[None]:
    """The worker is killed when `target.name` is called, or when it returns."""
    real: Callable[..., Any] = getattr(target, name)

    def deadly(*given: Any, **named: Any) -> Any:
        if after:
            real(*given, **named)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(target, name, deadly)
        with pytest.raises(Killed):
            yield


def later(task: Task) -> None:
    """Another worker, once the lease of the dead one is over; as often as it takes."""
    connection.close()
    for _ in range(4):
        Task.objects.filter(lease_until__isnull=False).update(lease_until=machine_now())
        Task.objects.update(not_before=machine_now() - timedelta(seconds=1))
        advance(plan_id=task.plan_id)


def done_once(task: Task, house: ClearingHouse) -> bool:
    task.refresh_from_db()
    effect = Effect.objects.get()
    return (
        task.state == TaskState.AWAITING
        and effect.state == EffectState.ACCEPTED
        and effect.answer == {"porting_id": "por_1"}
        and house.effects == {effect.key: "por_1"}
    )


def test_killed_before_the_request_is_stored(task: Task, house: ClearingHouse) -> None:
    with dying(Desk, "write"):
        advance(plan_id=task.plan_id)
    assert (Effect.objects.count(), house.arrivals) == (0, [])
    later(task)
    assert done_once(task, house)
    assert len(house.arrivals) == 1


def test_killed_while_the_request_is_being_stored(task: Task, house: ClearingHouse) -> None:
    with dying(Desk, "write", after=True):
        advance(plan_id=task.plan_id)
    assert (Effect.objects.count(), house.arrivals) == (0, [])
    later(task)
    assert done_once(task, house)


def test_killed_before_the_request_leaves(task: Task, house: ClearingHouse) -> None:
    with dying(carrying_on, "_carry_out"):
        advance(plan_id=task.plan_id)
    assert (Effect.objects.get().state, house.arrivals) == (EffectState.SENT, [])
    later(task)
    assert done_once(task, house)
    assert len(house.arrivals) == 1


@pytest.mark.parametrize("moment", ["first", "then"])
def test_killed_while_the_request_is_on_its_way(
    task: Task, house: ClearingHouse, moment: str
) -> None:
    getattr(house, moment).append(Killed())
    with pytest.raises(Killed):
        advance(plan_id=task.plan_id)
    assert len(house.effects) == (moment == "then")
    later(task)
    assert done_once(task, house)
    assert len(set(house.arrivals)) == 1


def test_killed_after_the_answer_and_before_it_is_stored(task: Task, house: ClearingHouse) -> None:
    with dying(carrying_on, "_carry_out", after=True):
        advance(plan_id=task.plan_id)
    assert (Effect.objects.get().state, len(house.effects)) == (EffectState.SENT, 1)
    later(task)
    assert done_once(task, house)
    assert len(set(house.arrivals)) == 1


def test_killed_after_the_outcome_is_stored(task: Task, house: ClearingHouse) -> None:
    advance(plan_id=task.plan_id)
    assert done_once(task, house)
    later(task)
    assert done_once(task, house)
    assert len(house.arrivals) == 1


@pytest.mark.parametrize("moment", ["first", "then"])
def test_a_slow_provider_is_asked_what_became_of_it(
    task: Task, house: ClearingHouse, moment: str
) -> None:
    """We stop waiting before, or after, the effect."""
    getattr(house, moment).append(Unknown("time-out"))
    later(task)
    assert done_once(task, house)
    assert len(set(house.arrivals)) == 1


def test_a_provider_that_denies_what_it_did_gets_the_same_key_again(
    task: Task, house: ClearingHouse
) -> None:
    house.then.append(Unknown("time-out"))
    house.denies = True
    later(task)
    assert done_once(task, house)
    assert len(set(house.arrivals)) == 1


def test_a_provider_that_is_down_is_tried_until_an_operator_decides(
    task: Task, house: ClearingHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome, "is_shut", lambda port: False)
    monkeypatch.setattr("orchestration.services.decide.shut_until", lambda port: None)
    house.first = [Unknown("down") for _ in range(20)]
    for _ in range(5):
        later(task)
    task.refresh_from_db()
    assert (task.state, task.cause) == (TaskState.FALLOUT, "provider_silent")
    assert (house.effects, len(house.arrivals)) == ({}, 10)


def test_a_refusal_is_not_asked_for_again(task: Task, house: ClearingHouse) -> None:
    refusal: FaisceauError = Refused("no", code="rio_wrong")
    house.first.append(refusal)
    later(task)
    task.refresh_from_db()
    assert (task.state, task.cause) == (TaskState.FALLOUT, "rio_wrong")
    assert len(house.arrivals) == 1


def test_a_lost_message_is_sent_again_and_a_doubled_one_changes_nothing(
    task: Task, house: ClearingHouse
) -> None:
    for _ in range(3):
        advance(plan_id=task.plan_id)
    assert done_once(task, house)
    wake(task.plan_id)
    drain()
    assert done_once(task, house)
    assert len(house.arrivals) == 1
    assert not [key for key in (f"plan:{task.plan_id}",) if timers.due_at(key)]


def test_a_worker_that_dies_over_a_callback_leaves_it_to_the_next(
    task: Task, house: ClearingHouse
) -> None:
    advance(plan_id=task.plan_id)
    effect = Effect.objects.get()
    event = ProviderEvent("cb_1", "port.completed", AT, {"msisdn": "0639981234"})
    for _ in range(2):
        callbacks.receive(provider_code="porting", request_key=effect.key, events=[event])
    with dying(Desk, "write", after=True):
        advance(plan_id=task.plan_id)
    assert Task.objects.get().state == TaskState.AWAITING
    later(task)
    task.refresh_from_db()
    assert (task.state, Plan.objects.get().state) == (TaskState.DONE, "completed")
