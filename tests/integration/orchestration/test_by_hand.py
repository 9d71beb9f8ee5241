"""What operators do themselves: data replaced and tried again, and work taken by one of them."""

from dataclasses import replace
from typing import Any

import pytest

from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import Conflict, FaisceauError, InvalidInput
from commerce.ordering.domain.fulfilment import DeliveryAddress
from orchestration.boards import manual_tasks
from orchestration.domain.requests import TaskContext
from orchestration.domain.states import EffectState, TaskState
from orchestration.models import Effect, Task, TaskHistory
from orchestration.services import correcting, fallout, manual
from orchestration.services.decide import decide
from tests.integration.orchestration.conftest import AT, ORDER, MakeTask

pytestmark = pytest.mark.django_db(transaction=True)
GOOD, OTHER = "8933101234567890121", "8933109876543210980"


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was written to the order, whose line has a card and an address."""
    home = DeliveryAddress("Ada Martin", "1 rue des Lilas", "75011", "Paris")
    item = replace(ORDER.items[0], facts={"iccid": OTHER}, deliver_to=home)
    order = replace(ORDER, items=(item,))
    monkeypatch.setattr(correcting, "order_for_fulfilment", lambda number, group: order)
    kept: list[Any] = []
    monkeypatch.setattr(correcting, "record_item_facts", lambda **given: kept.append(given))
    monkeypatch.setattr(correcting, "deliver_elsewhere", lambda **given: kept.append(given))
    return kept


def fallen(make_task: MakeTask, action: str, effect: EffectState | None) -> Task:
    return make_task(
        key="1.step", action=action, until="line.activated", state=TaskState.FALLOUT,
        cause="refused", attempts=3, effect=effect,
    )  # fmt: skip


def test_a_new_card_is_stored_asked_under_a_new_key_and_in_the_history(
    make_task: MakeTask, operator: AccountContext, stored: list[Any]
) -> None:
    task = fallen(make_task, "network.activate", EffectState.REFUSED)
    with business_time_fixed(AT):
        correcting.replace_and_retry(operator, task_id=task.pk, values={"iccid": f" {GOOD} "})
    task.refresh_from_db()
    assert stored == [{"order_number": ORDER.number, "facts": {"1": {"iccid": GOOD}}}]
    assert (task.state, task.generation, task.attempts) == (TaskState.RETRYING, 2, 0)
    step = TaskHistory.objects.get(task=task)
    assert (step.by, step.note) == ("Olivia Operator", "replaced")
    assert step.changes == {"iccid": [OTHER, GOOD]}


def test_what_is_replaced_is_what_is_asked_next(
    make_task: MakeTask, operator: AccountContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card has its ICCID and not the plan; what was said for a route stands with its line."""
    line = replace(ORDER.items[0], config={"route_to": "0140000001"})
    card = replace(line, line_id="2", role="sim", config={}, facts={"iccid": OTHER})
    order = replace(ORDER, items=(line, card))
    monkeypatch.setattr(correcting, "order_for_fulfilment", lambda number, group: order)
    told: dict[str, dict[str, str]] = {}
    monkeypatch.setattr(
        correcting, "record_item_facts", lambda **given: told.update(given["facts"])
    )
    activate = fallen(make_task, "network.activate", EffectState.REFUSED)
    correcting.replace_and_retry(operator, task_id=activate.pk, values={"iccid": GOOD})
    route = Task.objects.create(
        plan=activate.plan, key="1.route", position=1, lines=["1"], kind="callback",
        action="network.route", state=TaskState.FALLOUT,
    )  # fmt: skip
    correcting.replace_and_retry(operator, task_id=route.pk, values={"route_to": "0140000002"})
    assert told == {"2": {"iccid": GOOD}, "1": {"route_to": "0140000002"}}
    assert [step.changes for step in TaskHistory.objects.order_by("id")] == [
        {"iccid": [OTHER, GOOD]},
        {"route_to": ["0140000001", "0140000002"]},
    ]
    items = tuple(replace(item, facts=told[item.line_id]) for item in order.items)
    asked = TaskContext(replace(order, items=items), "g1", ("1",), AT.date())
    assert (asked.fact("iccid"), asked.asked("route_to")) == (GOOD, "0140000002")


def test_what_never_left_keeps_its_generation(
    make_task: MakeTask, operator: AccountContext, stored: list[Any]
) -> None:
    task = fallen(make_task, "network.activate", None)
    correcting.replace_and_retry(operator, task_id=task.pk, values={"iccid": GOOD})
    task.refresh_from_db()
    assert (task.generation, Effect.objects.count()) == (1, 0)


def test_another_address_replaces_what_is_said_and_keeps_the_rest(
    make_task: MakeTask, operator: AccountContext, stored: list[Any]
) -> None:
    task = fallen(make_task, "logistics.ship", EffectState.REFUSED)
    correcting.replace_and_retry(
        operator, task_id=task.pk, values={"line1": "2 rue Neuve", "postcode": "69001"}
    )
    (given,) = stored
    assert given["lines"] == ["1"]
    assert given["address"] == {
        "name": "Ada Martin",
        "line1": "2 rue Neuve",
        "line2": "",
        "postcode": "69001",
        "city": "Paris",
        "phone": "",
    }
    assert TaskHistory.objects.get(task=task).changes == {
        "line1": ["1 rue des Lilas", "2 rue Neuve"],
        "postcode": ["75011", "69001"],
    }


@pytest.mark.parametrize(
    ("action", "effect", "values", "code"),
    [
        ("network.activate", EffectState.REFUSED, {"iccid": "8933"}, "value_malformed"),
        ("network.activate", EffectState.REFUSED, {"iccid": " "}, "value_missing"),
        ("network.activate", EffectState.REFUSED, {"iccid": OTHER}, "nothing_replaced"),
        ("network.activate", EffectState.REFUSED, {"msisdn": "0639981234"}, "not_replaceable"),
        ("network.activate", EffectState.UNKNOWN, {"iccid": GOOD}, "in_doubt"),
        ("network.activate", EffectState.SENT, {"iccid": GOOD}, "in_doubt"),
        ("network.activate", EffectState.ACCEPTED, {"iccid": GOOD}, "already_done"),
        ("porting.port_in", EffectState.REFUSED, {"rio": "02PA1B2C3RE+"}, "not_replaceable"),
    ],
)  # fmt: skip
def test_what_is_refused_changes_nothing(
    make_task: MakeTask,
    operator: AccountContext,
    stored: list[Any],
    action: str,
    effect: EffectState,
    values: dict[str, str],
    code: str,
) -> None:
    task = fallen(make_task, action, effect)
    with pytest.raises(FaisceauError) as refusal:
        correcting.replace_and_retry(operator, task_id=task.pk, values=values)
    task.refresh_from_db()
    assert (refusal.value.code, task.state, task.generation) == (code, TaskState.FALLOUT, 1)
    assert not TaskHistory.objects.exists()


@pytest.fixture
def by_hand(make_task: MakeTask) -> Task:
    """As the engine leaves it: it waits for people, and is nothing that failed."""
    task = make_task(
        key="1.visit", kind="manual", action="", until=None, state=TaskState.WAITING, asks=["imei"]
    )
    with business_time_fixed(AT):
        decide(plan_id=task.plan_id)
    task.refresh_from_db()
    assert (task.state, task.cause) == (TaskState.AWAITING, "")
    TaskHistory.objects.all().delete()
    return task


@pytest.fixture
def other(operator: AccountContext) -> AccountContext:
    return replace(operator, actor=Actor(ActorKind.AGENT, 2, "Oscar Operator"))


def test_one_operator_takes_a_task_and_no_other_does_it(
    by_hand: Task, operator: AccountContext, other: AccountContext
) -> None:
    with business_time_fixed(AT):
        manual.claim(operator, task_id=by_hand.pk)
        manual.claim(operator, task_id=by_hand.pk)
    with pytest.raises(Conflict) as taken:
        manual.claim(other, task_id=by_hand.pk)
    with pytest.raises(Conflict) as done:
        fallout.complete_by_hand(other, task_id=by_hand.pk, note="mine")
    assert {taken.value.code, done.value.code} == {"claimed"}
    (row,) = manual_tasks()
    assert (row.claimed_by, row.claimed_at, row.asks) == ("Olivia Operator", AT, ("imei",))
    assert list(TaskHistory.objects.values_list("by", "note")) == [("Olivia Operator", "claimed")]


def test_what_is_left_to_others_is_anybodys(
    by_hand: Task, operator: AccountContext, other: AccountContext
) -> None:
    manual.claim(operator, task_id=by_hand.pk)
    manual.release(operator, task_id=by_hand.pk)
    manual.release(operator, task_id=by_hand.pk)
    manual.claim(other, task_id=by_hand.pk)
    assert manual_tasks()[0].claimed_by == "Oscar Operator"
    manual.release(operator, task_id=by_hand.pk)
    assert manual_tasks()[0].claimed_id is None, "who is away keeps no task from the others"
    assert TaskHistory.objects.order_by("id").last().by == "Olivia Operator"  # type: ignore[union-attr]


def test_it_is_completed_with_what_it_asks_for_by_whoever_took_it(
    by_hand: Task, operator: AccountContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt: list[Any] = []
    monkeypatch.setattr(fallout, "record_item_facts", lambda **given: learnt.append(given))
    imei = {"imei": "490154203237518"}
    with pytest.raises(Conflict) as refusal:
        manual.complete(operator, task_id=by_hand.pk, note="done", facts=imei)
    assert refusal.value.code == "not_claimed"
    manual.claim(operator, task_id=by_hand.pk)
    for note, facts, code in (
        (" ", imei, "note_missing"),
        ("done", {}, "value_missing"),
        ("done", {"imei": "1"}, "value_malformed"),
    ):
        with pytest.raises(InvalidInput) as wrong:
            manual.complete(operator, task_id=by_hand.pk, note=note, facts=facts)
        assert wrong.value.code == code
    assert learnt == []
    manual.complete(operator, task_id=by_hand.pk, note="done", facts=imei)
    by_hand.refresh_from_db()
    assert (by_hand.state, by_hand.claimed_id) == (TaskState.DONE, None)
    assert learnt == [{"order_number": ORDER.number, "facts": {"1": imei}}]
    assert manual_tasks() == ()
    with pytest.raises(Conflict):
        manual.complete(operator, task_id=by_hand.pk, note="again", facts=imei)
