"""Each step of each task of an order is told to whom asked to hear of it, and written only then."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce.accounts.identity import SYSTEM, AccountContext
from commerce.accounts.kinds import Role
from commerce.events.models import OutboxEvent, Timer, WebhookMessage
from commerce.events.webhooks import endpoints, sending, telling
from commerce.kernel.clock import business_time_fixed
from commerce.ordering.domain.changes import ChangeRequest
from orchestration.models import Plan, TaskHistory
from orchestration.services import fallout
from orchestration.services.decide import decide
from orchestration.services.plans import create_plans
from subscriptions.domain.states import BlockKind, ChangeKind
from tests.integration.events.test_webhooks import Receiver, receiver
from tests.integration.ordering.test_aside import World, carry_on, line_with_music, world
from tests.integration.ordering.test_changes import LATE, ordered
from tests.integration.ordering.test_next_offers import START
from tests.integration.subscriptions.contracts import at

__all__ = ["line_with_music", "receiver", "world"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]
AT = at(START)
STEP = "task.state_changed"
STOP = ChangeRequest(ChangeKind.SUSPEND, block=BlockKind.WISH)


def told_of_steps() -> int:
    return OutboxEvent.objects.filter(name="TaskStateChanged").count()


def send_all() -> None:
    for timer in Timer.objects.filter(handler=telling.TIMER).order_by("pk"):
        sending.on_send_due(timer.payload)


def as_kept(number: str) -> list[tuple[str, str]]:
    """The history of the order's tasks, as they are told."""
    steps = TaskHistory.objects.filter(task__plan__order_number=number).order_by("pk")
    return [(step.task.key, step.state) for step in steps.select_related("task")]


def test_a_firm_and_the_operator_hear_of_each_step_of_an_order_once_and_in_order(
    owner: AccountContext, line_with_music: int, world: World, receiver: Receiver
) -> None:
    party = owner.party_id
    firm, secret = endpoints.register(
        party_id=party, url=receiver.url, types=(STEP,), name="ERP", by="Ada"
    )
    others = [
        endpoints.register(party_id=whose, url=receiver.url, types=types, name="", by="Ada")[0]
        for whose, types in ((None, (STEP,)), (None, ()), (party, ()), ((party or 0) + 1, (STEP,)))
    ]
    stopped, _ = ordered(owner, line_with_music, STOP)
    world.silent = False
    carry_on(stopped.number)

    heard = {
        endpoint: WebhookMessage.objects.filter(endpoint=endpoint, type=STEP).count()
        for endpoint in (firm, *others)
    }
    steps = as_kept(stopped.number)
    assert [heard[each] for each in (firm, *others)] == [len(steps), len(steps), 0, 0, 0]
    WebhookMessage.objects.exclude(endpoint=firm, type=STEP).delete()
    send_all()
    told: list[Any] = receiver.read(secret)
    assert len(set(receiver.ids())) == len(told) == len(steps) >= 4
    told.sort(key=lambda each: each["data"]["sequence"])
    assert [(each["data"]["task"], each["data"]["state"]) for each in told] == steps
    said = {(each["type"], each["data"]["order_number"], each["data"]["party_id"]) for each in told}
    assert said == {(STEP, stopped.number, party)}
    assert {state for _, state in {task: (task, state) for task, state in steps}.values()} == {
        "done"
    }


def test_nothing_is_written_of_steps_that_nobody_asked_to_hear_of(
    owner: AccountContext, line_with_music: int, world: World, receiver: Receiver
) -> None:
    """Neither who hears of everything asks for them, nor another firm that names them."""
    for party, types in ((None, ()), (owner.party_id, ()), ((owner.party_id or 0) + 1, (STEP,))):
        endpoints.register(party_id=party, url=receiver.url, types=types, name="", by="Ada")
    stopped, _ = ordered(owner, line_with_music, STOP)
    world.silent = False
    carry_on(stopped.number)
    assert (len(as_kept(stopped.number)) >= 4, told_of_steps()) == (True, 0)


def test_a_replay_tells_what_a_paused_address_missed(
    owner: AccountContext, line_with_music: int, world: World, receiver: Receiver
) -> None:
    party = owner.party_id
    firm, _ = endpoints.register(
        party_id=party, url=receiver.url, types=(STEP,), name="ERP", by="Ada"
    )
    endpoints.pause(party_id=party, endpoint_id=firm)
    stopped, _ = ordered(owner, line_with_music, STOP)
    world.silent = False
    carry_on(stopped.number)
    assert not WebhookMessage.objects.exists()
    endpoints.resume(party_id=party, endpoint_id=firm)
    again = telling.tell_again(
        endpoint_id=firm, since=at(LATE), until=at(LATE.replace(year=LATE.year + 1)), most=100
    )
    assert again == told_of_steps() == len(as_kept(stopped.number))


def test_what_an_operator_does_with_a_task_is_a_step_too(
    owner: AccountContext, line_with_music: int, world: World, receiver: Receiver
) -> None:
    endpoints.register(party_id=None, url=receiver.url, types=(STEP,), name="", by="Ada")
    stopped, _ = ordered(owner, line_with_music, STOP)
    create_plans(order_number=stopped.number)
    task = Plan.objects.get(order_number=stopped.number).tasks.order_by("position")[0]
    type(task).objects.filter(pk=task.pk).update(state="fallout", cause="refused")
    fallout.skip(replace(SYSTEM, role=Role.OPERATOR), task_id=task.pk, note="By telephone.")
    told = OutboxEvent.objects.get(name="TaskStateChanged").payload
    assert (told["task"], told["state"], told["action"]) == (task.key, "skipped", task.action)


@pytest.mark.parametrize(("types", "statements"), [(("bill.issued",), 1), ((STEP,), 3)])
def test_a_round_asks_once_whether_anybody_listens_and_writes_all_its_steps_at_once(
    owner: AccountContext,
    line_with_music: int,
    world: World,
    receiver: Receiver,
    types: tuple[str, ...],
    statements: int,
) -> None:
    """Whatever the number of its steps: one statement; heard, one for the events with their
    messages, and one for the timers that send them."""
    endpoints.register(party_id=owner.party_id, url=receiver.url, types=types, name="", by="Ada")
    stopped, _ = ordered(owner, line_with_music, STOP)
    with business_time_fixed(at(LATE)):
        create_plans(order_number=stopped.number)
        plan = Plan.objects.get(order_number=stopped.number)
        with CaptureQueriesContext(connection) as queries:
            decide(plan_id=plan.pk)
    found = [query["sql"] for query in queries if "webhookendpoint" in query["sql"]]
    timers = [query["sql"] for query in queries if telling.TIMER in query["sql"]]
    assert len(found) + len(timers) == statements
    assert len(as_kept(stopped.number)) >= 2
