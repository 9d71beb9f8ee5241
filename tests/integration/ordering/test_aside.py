"""A content partner who keeps silent holds up nothing but his own service."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from commerce.accounts.identity import AccountContext
from commerce.events.models import OutboxEvent
from commerce.kernel.clock import business_time_fixed, machine_now
from commerce.kernel.errors import Unknown
from commerce.ordering.domain.changes import ChangeRequest
from commerce.ordering.models import Order, OrderItem
from orchestration import actions
from orchestration.adapters.local_billing import LocalBilling
from orchestration.domain.retry import MOST_ATTEMPTS
from orchestration.models import Plan, Task
from orchestration.ports import Answer, Found, Standing
from orchestration.services import advance as carrying_on
from orchestration.services import health, outcome
from orchestration.services.advance import advance
from orchestration.services.plans import create_plans
from orchestration.subscribers import on_plan_completed
from subscriptions.domain.states import BlockKind, ChangeKind
from subscriptions.models import Subscription
from tests.integration.ordering.test_changes import LATE, carried_out, ordered
from tests.integration.ordering.test_next_offers import START
from tests.integration.subscriptions.contracts import at

AT = at(START)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


class World:
    """The network answers; the content partner does when he likes."""

    silent = True

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, port: str) -> Any:
        return LocalBilling() if port == "billing" else Party(self, port)


class Party:
    def __init__(self, world: World, port: str) -> None:
        self._world, self._port = world, port

    def __getattr__(self, method: str) -> Any:
        def call(request: object, *, key: str) -> Answer:
            if self._port == "content":
                if self._world.silent:
                    raise Unknown("silence")
                self._world.asked.append(method)
            return Answer({})

        return call

    def find(self, key: str) -> Found:
        if self._world.silent and self._port == "content":
            raise Unknown("silence")
        return Found(Standing.NEVER_ARRIVED, {})


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    found = World()
    monkeypatch.setattr(actions, "provider", found)
    monkeypatch.setattr(carrying_on, "provider", found)
    monkeypatch.setattr(outcome, "back_off", lambda attempts, draw: timedelta(hours=1))
    monkeypatch.setattr(health, "MOST_SILENCES", 1000)
    yield found
    health.forget()


@pytest.fixture
def line_with_music(owner: AccountContext, line: int) -> int:
    music = ChangeRequest(ChangeKind.ADD, choices={"content": ("ondine-musique",)})
    opened, _ = ordered(owner, line, music)
    facts = {"entitlement_id": "ent_7", "line_id": "lin_1"}
    OrderItem.objects.filter(order__number=opened.number).update(facts=facts)
    carried_out(opened.number)
    return line


def carry_on(number: str, *, rounds: int = 1) -> Plan:
    """The order's plan as far as it goes, and what is told of it."""
    with business_time_fixed(at(LATE)):
        create_plans(order_number=number)
        plan = Plan.objects.get(order_number=number)
        for _ in range(rounds):
            Task.objects.filter(state="retrying").update(not_before=machine_now())
            advance(plan_id=plan.pk)
        for event in OutboxEvent.objects.filter(name="PlanCompleted"):
            if event.payload["order_number"] == number:
                on_plan_completed(event.payload)
    plan.refresh_from_db()
    return plan


def state_of(number: str) -> str:
    return str(Order.objects.get(number=number).state)


def content_task(number: str) -> Task:
    return Task.objects.get(plan__order_number=number, action__startswith="content.")


def test_the_line_stands_still_and_goes_on_while_a_content_partner_is_silent(
    owner: AccountContext, line_with_music: int, world: World
) -> None:
    stop = ChangeRequest(ChangeKind.SUSPEND, block=BlockKind.WISH)
    stopped, _ = ordered(owner, line_with_music, stop)
    plan = carry_on(stopped.number)
    assert (state_of(stopped.number), Subscription.objects.get().status) == (
        "completed", "suspended",
    )  # fmt: skip
    assert (plan.state, plan.moves, content_task(stopped.number).state) == (
        "running", False, "retrying",
    )  # fmt: skip

    go_on = ChangeRequest(ChangeKind.RESUME, block=BlockKind.WISH)
    resumed, _ = ordered(owner, line_with_music, go_on)
    carry_on(resumed.number)
    assert (state_of(resumed.number), Subscription.objects.get().status) == ("completed", "active")
    # What was said before may still arrive: what is said now waits until that is known.
    assert (content_task(resumed.number).state, world.asked) == ("waiting", [])

    world.silent = False
    carry_on(resumed.number)
    assert world.asked == []
    assert carry_on(stopped.number).state == "completed"
    assert carry_on(resumed.number).state == "completed"
    assert world.asked == ["suspend", "resume"]
    told = OutboxEvent.objects.filter(name="PlanCompleted").values_list("payload", flat=True)
    assert sorted(each["order_number"] for each in told) == sorted([stopped.number, resumed.number])


def test_a_contract_ends_and_its_silent_content_partner_comes_before_an_operator(
    owner: AccountContext, line_with_music: int, world: World
) -> None:
    ending, _ = ordered(owner, line_with_music, ChangeRequest(ChangeKind.TERMINATE, ported=True))
    for item in OrderItem.objects.filter(order__number=ending.number, role="plan"):
        item.facts = {**item.facts, "line_id": "lin_1"}
        item.save()
    plan = carry_on(ending.number, rounds=MOST_ATTEMPTS + 1)
    assert (state_of(ending.number), Subscription.objects.get().status) == ("completed", "ended")
    task = content_task(ending.number)
    assert (plan.state, task.state, task.cause) == ("running", "fallout", "provider_silent")
    assert Task.objects.filter(state="fallout").count() == 1
