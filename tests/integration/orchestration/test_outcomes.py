"""What becomes of a task is stored whole, once, and always ends somewhere."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from catalogue.models import Number, NumberState
from commerce.accounts.identity import AccountContext
from commerce.events import timers
from commerce.kernel.clock import business_time_fixed, machine_now
from commerce.kernel.errors import Conflict, FaisceauError, Forbidden, NotFound, Refused, Unknown
from orchestration import actions
from orchestration.domain.retry import MOST_ATTEMPTS
from orchestration.domain.states import EffectState, TaskState
from orchestration.models import Effect, Plan, ProviderCallback, Task
from orchestration.ports import Answer, Found, ProviderEvent, Standing
from orchestration.services import advance as carrying_on
from orchestration.services import callbacks, fallout
from orchestration.services.callbacks import receive
from orchestration.services.decide import decide
from orchestration.services.outcome import Call, Outcome
from orchestration.services.plans import wake_key
from tests.integration.orchestration.conftest import AT, PORTED, MakeTask

ACCEPTED = Answer({"porting_id": "por_000001"})


def outcome_of(task: Task, result: Answer | FaisceauError) -> Outcome:
    return Outcome(Call(task, Effect.objects.get(task=task), unknown=False), result)


def called_back(effect: Effect, kind: str, *, by: str = "porting", **data: Any) -> None:
    ProviderCallback.objects.create(
        callback_id=f"cb_{kind}_{effect.generation}",
        provider=by,
        request_key=effect.key,
        type=kind,
        occurred_at=AT,
        data=data,
        received_at=AT,
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "result",
    [ACCEPTED, Refused("No.", code="no"), Unknown("silence")],
    ids=["accepted", "refused", "unknown"],
)
def test_an_outcome_waits_until_what_can_go_on_is_decided(
    make_task: MakeTask, result: Answer | FaisceauError
) -> None:
    task = make_task(effect=EffectState.SENT)
    stored = threading.Event()

    def store() -> None:
        try:
            decide(plan_id=task.plan_id, outcomes=[outcome_of(task, result)])
            stored.set()
        finally:
            connection.close()

    worker = threading.Thread(target=store)
    with transaction.atomic():
        Plan.objects.select_for_update().get()
        worker.start()
        assert not stored.wait(0.5)
        assert Effect.objects.get().state == EffectState.SENT
        assert Task.objects.get().state == TaskState.RUNNING
    worker.join(10)
    assert stored.is_set()
    assert Effect.objects.get().state != EffectState.SENT
    assert Task.objects.get().state != TaskState.RUNNING


@pytest.mark.django_db(transaction=True)
def test_a_refusal_that_comes_before_the_answer_is_read_after_it(make_task: MakeTask) -> None:
    task = make_task(effect=EffectState.SENT, lease_until=machine_now() + timedelta(minutes=1))
    effect = Effect.objects.get()
    called_back(effect, "port.refused", motive="OPD_DATA", message="The RIO is unknown.")

    with business_time_fixed(AT):
        decide(plan_id=task.plan_id)
        assert not ProviderCallback.objects.get().processed
        decide(plan_id=task.plan_id, outcomes=[outcome_of(task, ACCEPTED)])

    task.refresh_from_db()
    assert (task.state, task.cause) == (TaskState.FALLOUT, "OPD_DATA")


@pytest.mark.django_db(transaction=True)
def test_a_task_whose_worker_dies_each_time_comes_before_an_operator(make_task: MakeTask) -> None:
    late = machine_now() - timedelta(seconds=1)
    task = make_task(effect=EffectState.SENT, attempts=MOST_ATTEMPTS, lease_until=late)

    with business_time_fixed(AT):
        assert decide(plan_id=task.plan_id) == []

    task.refresh_from_db()
    assert (task.state, task.cause) == (TaskState.FALLOUT, "worker_vanished")
    assert Effect.objects.get().state == EffectState.UNKNOWN


@pytest.mark.django_db(transaction=True)
def test_what_our_own_billing_refuses_comes_before_an_operator(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Billing:
        def start(self, request: object, *, key: str) -> Answer:
            raise NotFound("Nothing was promised to g1.", code="unknown_promise")

    monkeypatch.setattr(actions, "provider", lambda port: Billing())
    task = make_task(
        key="1.billing",
        kind="call",
        action="billing.start",
        until=None,
        state=TaskState.WAITING,
        attempts=0,
    )

    with business_time_fixed(AT):
        carrying_on.advance(plan_id=task.plan_id)

    task.refresh_from_db()
    assert (task.state, task.cause) == (TaskState.FALLOUT, "unknown_promise")
    assert Effect.objects.get().state == EffectState.REFUSED


@pytest.mark.django_db(transaction=True)
def test_a_ported_number_that_is_someone_elses_stops_its_task_and_not_its_plan(
    make_task: MakeTask, operator: AccountContext
) -> None:
    Number.objects.create(msisdn=PORTED, state=NumberState.ASSIGNED, key="F-2026-000000/1")
    task = make_task(effect=EffectState.ACCEPTED, state=TaskState.AWAITING)
    called_back(Effect.objects.get(), "port.completed", msisdn=PORTED)

    with business_time_fixed(AT):
        decide(plan_id=task.plan_id)

    task.refresh_from_db()
    assert (task.state, task.cause) == (TaskState.FALLOUT, "number_in_use")
    # The number was ported: asking again under a new key would port it twice.
    with business_time_fixed(AT), pytest.raises(Conflict) as refused:
        fallout.retry(operator, task_id=task.pk)
    assert refused.value.code == "already_done"
    with business_time_fixed(AT):
        fallout.complete_by_hand(operator, task_id=task.pk, note="The number is his.")
    assert Task.objects.get().state == TaskState.DONE


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("case", "state", "refusal", "generation"),
    [
        ("refused at once: a new key", EffectState.REFUSED, "", 2),
        ("refused by a callback: a new key", EffectState.ACCEPTED, "port.failed", 2),
        ("unknown: the same key, so that it happens once", EffectState.UNKNOWN, "", 1),
    ],
)
def test_a_retry_asks_under_a_new_key_only_when_nothing_stands(
    make_task: MakeTask,
    operator: AccountContext,
    case: str,
    state: EffectState,
    refusal: str,
    generation: int,
) -> None:
    task = make_task(effect=state, state=TaskState.FALLOUT, cause="x")
    if refusal:
        called_back(Effect.objects.get(), refusal)

    with business_time_fixed(AT):
        fallout.retry(operator, task_id=task.pk)

    task.refresh_from_db()
    assert (task.state, task.generation) == (TaskState.RETRYING, generation), case


@pytest.mark.django_db(transaction=True)
def test_what_an_earlier_try_is_called_back_does_not_end_the_next(make_task: MakeTask) -> None:
    task = make_task(effect=EffectState.ACCEPTED, state=TaskState.AWAITING)
    first = Effect.objects.get()
    Task.objects.update(generation=2)
    Effect.objects.create(
        task=task, generation=2, key=f"{first.key}-2", port="porting", request={}, state="accepted"
    )
    called_back(first, "port.completed", msisdn=PORTED)

    with business_time_fixed(AT):
        assert decide(plan_id=task.plan_id) == []
        task.refresh_from_db()
        assert task.state == TaskState.AWAITING
        called_back(Effect.objects.get(generation=2), "port.completed", msisdn=PORTED)
        decide(plan_id=task.plan_id)

    task.refresh_from_db()
    assert task.state == TaskState.DONE


@pytest.mark.django_db(transaction=True)
def test_a_round_is_one_transaction_of_few_statements(make_task: MakeTask) -> None:
    """Accepted calls are stored together with what follows; their number hardly counts."""
    task = make_task(
        effect=EffectState.SENT, key="1.activate", action="network.activate", until="line.activated"
    )
    accepted = outcome_of(task, Answer({"line_id": "lin_000001"}))
    with business_time_fixed(AT), CaptureQueriesContext(connection) as queries:
        decide(plan_id=task.plan_id, outcomes=[accepted])
    assert len(queries) == 15, [query["sql"][:80] for query in queries]


@pytest.mark.django_db(transaction=True)
def test_a_callback_is_stored_and_its_plan_woken_in_three_statements(make_task: MakeTask) -> None:
    """Beside the transaction's own two. Said again, it takes one and changes nothing."""
    task = make_task(effect=EffectState.ACCEPTED, state=TaskState.AWAITING)
    event = ProviderEvent("cb_1", "port.completed", AT, {"msisdn": PORTED, "who": "Éloïse"})
    key = Effect.objects.get().key

    counts, fresh = [], []
    for _ in range(2):
        with business_time_fixed(AT), CaptureQueriesContext(connection) as queries:
            fresh.append(
                callbacks.receive(provider_code="porting", request_key=key, events=[event])
            )
        counts.append(len(queries) - 2)

    assert (counts, fresh) == ([3, 1], [1, 0])
    stored = ProviderCallback.objects.get()
    assert (stored.callback_id, stored.provider, stored.request_key, stored.type) == (
        *("cb_1", "porting", key, "port.completed"),
    )
    assert (stored.data, stored.occurred_at, stored.received_at, stored.processed) == (
        *(dict(event.data), AT, AT, False),
    )
    assert timers.due_at(wake_key(task.plan_id)) is not None


@pytest.mark.django_db(transaction=True)
def test_a_provider_speaks_of_his_own_requests_alone(make_task: MakeTask) -> None:
    make_task(effect=EffectState.ACCEPTED, state=TaskState.AWAITING)
    event = ProviderEvent("cb_1", "port.completed", AT, {"msisdn": PORTED})
    with business_time_fixed(AT), pytest.raises(Forbidden, match="another provider"):
        callbacks.receive(
            provider_code="content", request_key=Effect.objects.get().key, events=[event]
        )
    assert not ProviderCallback.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["port.completed", "port.refused"])
def test_what_another_said_before_a_request_was_made_is_not_believed(
    make_task: MakeTask, kind: str
) -> None:
    task = make_task(effect=EffectState.ACCEPTED, state=TaskState.AWAITING)
    effect = Effect.objects.get()
    called_back(effect, kind, by="content")
    decide(plan_id=task.plan_id)
    assert Task.objects.get().state == TaskState.AWAITING
    assert not callbacks.refused_later(effect)
    assert not ProviderCallback.objects.get().processed


@pytest.mark.django_db(transaction=True)
def test_changed_tasks_are_stored_in_one_statement_whatever_their_number(
    make_task: MakeTask,
) -> None:
    first = make_task(effect=EffectState.SENT)
    for number in range(9):
        Task.objects.create(
            plan=first.plan,
            key=f"wait-{number}",
            position=number + 1,
            lines=["1"],
            kind="milestone",
            until="port.accepted",
            of="1.port",
        )
    with business_time_fixed(AT), CaptureQueriesContext(connection) as queries:
        decide(plan_id=first.plan_id, outcomes=[outcome_of(first, ACCEPTED)])

    changes = [q["sql"] for q in queries if q["sql"].startswith('UPDATE "orchestration_task"')]
    assert len(changes) == 1
    assert Task.objects.filter(state=TaskState.AWAITING).count() == 10


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["port.completed", "port.failed"])
def test_what_is_called_back_about_an_earlier_try_decides_nothing_about_this_one(
    make_task: MakeTask, kind: str
) -> None:
    task = make_task(effect=EffectState.ACCEPTED, state=TaskState.AWAITING)
    earlier = Effect.objects.get()
    Task.objects.update(generation=2)
    Effect.objects.create(
        task=task,
        generation=2,
        key=f"{earlier.key}:again",
        port="porting",
        request={},
        state=EffectState.ACCEPTED,
        sent_at=AT,
    )
    called_back(earlier, kind, msisdn=PORTED)

    with business_time_fixed(AT):
        decide(plan_id=task.plan_id)

    assert Task.objects.get().state == TaskState.AWAITING


@pytest.mark.django_db(transaction=True)
def test_a_call_that_breaks_takes_no_other_of_its_round_with_it(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clumsy:
        def download_order(self, request: object, *, key: str) -> Answer:
            raise TypeError("it told a list")

        def entitle(self, request: object, *, key: str) -> Answer:
            return Answer({"entitlement_id": "ent_000001"})

    monkeypatch.setattr(actions, "provider", lambda port: Clumsy())
    waiting: dict[str, Any] = {"kind": "call", "until": None, "state": "waiting", "attempts": 0}
    broken = make_task(key="1.esim", action="esim.download", **waiting)
    other = Task.objects.create(
        plan_id=broken.plan_id,
        key="1.content",
        position=1,
        lines=["1"],
        action="content.entitle",
        **waiting,
    )

    with business_time_fixed(AT):
        carrying_on.advance(plan_id=broken.plan_id)

    broken.refresh_from_db()
    other.refresh_from_db()
    assert (broken.state, broken.last_error) == (TaskState.RETRYING, "esim: TypeError")
    assert other.state == TaskState.DONE
    assert dict(Effect.objects.values_list("port", "state")) == {
        "esim": EffectState.UNKNOWN,
        "content": EffectState.ACCEPTED,
    }
    first, second = (task.lease_until for task in (broken, other))
    assert first is not None
    assert second is not None
    assert second - first == timedelta(seconds=20)


@pytest.mark.django_db(transaction=True)
def test_a_number_that_came_is_taken_in_also_when_the_callback_does_not_name_it(
    make_task: MakeTask,
) -> None:
    task = make_task(effect=EffectState.ACCEPTED, state=TaskState.AWAITING)
    called_back(Effect.objects.get(), "port.completed")

    with business_time_fixed(AT):
        decide(plan_id=task.plan_id)

    assert Number.objects.get(msisdn=PORTED).state == NumberState.PORTED_IN
    assert Plan.objects.get().state == "completed"


@pytest.mark.django_db(transaction=True)
def test_asking_wakes_the_plan_also_when_nothing_new_is_heard(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Porting:
        def find(self, key: str) -> Found:
            return Found(Standing.ACCEPTED, {})

    monkeypatch.setattr(callbacks, "provider", lambda port: Porting())
    task = make_task(effect=EffectState.ACCEPTED, state=TaskState.AWAITING)
    called_back(Effect.objects.get(), "port.completed", msisdn=PORTED)

    with business_time_fixed(AT):
        callbacks.ask(task_id=task.pk)

    assert timers.due_at(wake_key(task.plan_id)) is not None


def shipped(make_task: MakeTask) -> tuple[Task, Effect]:
    """A parcel on its way; its delivery is awaited."""
    ship = make_task(
        key="ship:own", action="logistics.ship", until="shipment.picked", state=TaskState.DONE,
        effect=EffectState.ACCEPTED,
    )  # fmt: skip
    Effect.objects.update(port="logistics")
    delivery = Task.objects.create(
        plan=ship.plan, key="delivered:own", position=1, lines=["1"], kind="milestone",
        until="shipment.delivered", of="ship:own", state=TaskState.AWAITING,
    )  # fmt: skip
    return delivery, Effect.objects.get()


@pytest.mark.django_db(transaction=True)
def test_a_lost_parcel_comes_before_an_operator_who_does_not_wait_for_it_again(
    make_task: MakeTask, operator: AccountContext
) -> None:
    delivery, effect = shipped(make_task)
    lost = ProviderEvent("cb_1", "shipment.lost", AT, {"lost_at": AT.isoformat()})
    receive(provider_code="warehouse", request_key=effect.key, events=[lost])
    decide(plan_id=delivery.plan_id)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.cause) == (TaskState.FALLOUT, "parcel_lost")
    with pytest.raises(Conflict) as refusal:
        fallout.retry(operator, task_id=delivery.pk)
    assert refusal.value.code == "parcel_lost"
    found = ProviderEvent("cb_2", "shipment.delivered", AT, {"delivered_at": AT.isoformat()})
    receive(provider_code="warehouse", request_key=effect.key, events=[found])
    decide(plan_id=delivery.plan_id)
    delivery.refresh_from_db()
    assert delivery.state == TaskState.DONE


@pytest.mark.django_db(transaction=True)
def test_an_esim_that_can_t_be_installed_comes_before_an_operator(
    make_task: MakeTask, operator: AccountContext
) -> None:
    installation, effect = shipped(make_task)
    installation.until = "profile.installed"
    installation.save()
    failed = ProviderEvent("cb_1", "profile.failed", AT, {"iccid": "89"})
    receive(provider_code="warehouse", request_key=effect.key, events=[failed])
    decide(plan_id=installation.plan_id)
    installation.refresh_from_db()
    assert (installation.state, installation.cause) == (TaskState.FALLOUT, "profile_failed")
    assert "order another SIM" in installation.last_error
    with pytest.raises(Conflict) as refusal:
        fallout.retry(operator, task_id=installation.pk)
    assert refusal.value.code == "profile_failed"


@pytest.mark.django_db(transaction=True)
def test_a_lost_parcel_that_was_sent_again_by_hand_is_completed(
    make_task: MakeTask, operator: AccountContext
) -> None:
    delivery, effect = shipped(make_task)
    lost = ProviderEvent("cb_1", "shipment.lost", AT, {"lost_at": AT.isoformat()})
    receive(provider_code="warehouse", request_key=effect.key, events=[lost])
    decide(plan_id=delivery.plan_id)
    fallout.complete_by_hand(operator, task_id=delivery.pk, note="claimed, and sent again")
    decide(plan_id=delivery.plan_id)
    assert Plan.objects.get().state == "completed"
