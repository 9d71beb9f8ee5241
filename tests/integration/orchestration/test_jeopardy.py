"""An order that will be late says so before its day is broken: once for each change of colour."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from commerce.accounts.identity import AccountContext
from commerce.events import timers
from commerce.events.models import OutboxEvent
from commerce.kernel.clock import PARIS, business_time_fixed
from commerce.notifications.models import Message
from orchestration.boards import colours_of, late_orders, told_day
from orchestration.domain.jeopardy import LOOK_AGAIN, Colour, told_by
from orchestration.domain.states import PlanState, TaskState
from orchestration.models import OrderWatch, Plan, Task
from orchestration.services import fallout, jeopardy
from orchestration.services.decide import decide
from tests.integration.orchestration.conftest import AT, ORDER, MakeTask

pytestmark = pytest.mark.django_db(transaction=True)
PLANNED = AT + timedelta(hours=4)
TOLD = told_by(PLANNED, since=AT)
HALF = PLANNED + (TOLD - PLANNED) / 2
LATER = timedelta(minutes=1)


@pytest.fixture
def plan(make_task: MakeTask) -> Plan:
    """One task waits for its provider since the beginning, one comes after it."""
    first = make_task(
        key="1.activate", action="network.activate", until="line.activated",
        state=TaskState.AWAITING, hours=2, started_at=AT,
    )  # fmt: skip
    second = Task.objects.create(
        plan=first.plan, key="1.parcel", position=1, lines=["1"], kind="manual", action="",
        needs=["1.activate"], hours=2,
    )  # fmt: skip
    made = first.plan
    jeopardy.lay_out(made, [first, second], now=AT)
    made.save()
    assert made.planned_finish == PLANNED
    assert second.planned_finish == PLANNED
    return made


def look(at: datetime) -> Plan:
    with business_time_fixed(at):
        jeopardy.look_over(now=at)
    return Plan.objects.get()


def told() -> list[tuple[str, Any]]:
    names = ("OrderInJeopardy", "OrderOutOfJeopardy")
    rows = OutboxEvent.objects.filter(name__in=names).order_by("occurred_at")
    return [(row.name, row.payload.get("colour")) for row in rows]


def test_a_plan_that_runs_as_planned_is_not_looked_at(
    plan: Plan, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        assert jeopardy.look_over(now=AT + timedelta(hours=3)) == 0
    assert (plan.colour, told(), OrderWatch.objects.count()) == (Colour.GREEN, [], 0)
    day = TOLD.astimezone(PARIS).date()
    found = told_day(ORDER.number)
    assert found is not None
    assert (found.on, found.first) == (day, day)


def test_amber_then_red_are_told_once_each_and_red_before_the_day_is_over(plan: Plan) -> None:
    rest = timedelta(hours=2)
    assert look(HALF - rest + LATER).colour == Colour.AMBER
    assert look(HALF - rest + 3 * LATER).colour == Colour.AMBER
    assert Message.objects.count() == 0
    before = TOLD - rest + LATER
    assert before < TOLD
    assert look(before).colour == Colour.RED
    look(before + timedelta(hours=7))
    assert told() == [("OrderInJeopardy", "amber"), ("OrderInJeopardy", "red")]
    assert colours_of([ORDER.number, "F-other"]) == {ORDER.number: Colour.RED}


def test_the_board_names_the_task_its_provider_and_by_how_much_it_is_late(plan: Plan) -> None:
    now = TOLD + timedelta(hours=1)
    look(now)
    (late,) = late_orders()
    assert (late.key, late.port, late.state, late.colour) == (
        "1.activate",
        "network",
        TaskState.AWAITING,
        Colour.RED,
    )
    assert late.late == timedelta(hours=3)
    assert late_orders(colour=Colour.AMBER) == ()


def test_what_a_milestone_waits_for_is_with_who_has_what_it_watches(
    plan: Plan, django_assert_num_queries: Any
) -> None:
    Task.objects.filter(key="1.activate").update(state=TaskState.DONE, finished_at=AT)
    Task.objects.filter(key="1.parcel").update(
        kind="milestone", until="line.activated", of="1.activate", state=TaskState.AWAITING,
        started_at=AT,
    )  # fmt: skip
    look(TOLD + LATER)
    with django_assert_num_queries(3):
        (late,) = late_orders()
    assert (late.key, late.port) == ("1.parcel", "network")


def test_the_customer_is_told_a_new_day_that_has_a_reserve_too_once_for_each(plan: Plan) -> None:
    first = TOLD.astimezone(PARIS).date()
    for at in (TOLD, TOLD + timedelta(hours=7), TOLD + timedelta(days=1, hours=8)):
        look(at)
    (message,) = Message.objects.filter(code="order_late")
    new = first + timedelta(days=2)
    assert f"{new:%d/%m/%Y}" in message.text
    assert f"{first:%d/%m/%Y}" in message.text
    found = told_day(ORDER.number)
    assert found is not None
    assert (found.on, found.first) == (new, first)
    look(TOLD + timedelta(days=2, hours=8))
    assert Message.objects.filter(code="order_late").count() == 2


def test_what_moves_again_is_out_of_jeopardy(plan: Plan, operator: AccountContext) -> None:
    at = HALF - timedelta(hours=2) + LATER
    look(at)
    with business_time_fixed(at):
        activate = Task.objects.get(key="1.activate")
        fallout.complete_by_hand(operator, task_id=activate.pk, note="called them")
        Task.objects.filter(key="1.parcel").update(hours=0)
        decide(plan_id=plan.pk)
        assert Plan.objects.get().colour == Colour.GREEN
    assert told() == [("OrderInJeopardy", "amber"), ("OrderOutOfJeopardy", None)]
    assert late_orders() == ()


def test_a_plan_that_is_over_is_late_no_more(plan: Plan, operator: AccountContext) -> None:
    look(TOLD)
    with business_time_fixed(TOLD + LATER):
        for key in ("1.activate", "1.parcel"):
            task = Task.objects.get(key=key)
            fallout.complete_by_hand(operator, task_id=task.pk, note="done in the shop")
            decide(plan_id=plan.pk)
    assert Plan.objects.get().state == PlanState.COMPLETED
    assert told()[-1] == ("OrderOutOfJeopardy", None)
    assert OrderWatch.objects.get().colour == Colour.GREEN


def test_the_worst_of_an_orders_plans_is_its_colour(plan: Plan) -> None:
    other = Plan.objects.create(
        order_number=ORDER.number, group="g2", party_id=1, release=1, created_at=AT,
        planned_finish=PLANNED, look_at=TOLD,
    )  # fmt: skip
    Task.objects.create(
        plan=other, key="2.parcel", position=0, lines=["2"], kind="manual", action="",
        state=TaskState.AWAITING, hours=200, started_at=AT,
    )  # fmt: skip
    with business_time_fixed(HALF):
        Plan.objects.update(look_at=HALF)
        assert jeopardy.look_over(now=HALF) == 2
    order = OrderWatch.objects.get()
    assert (order.colour, order.plan_id) == (Colour.RED, other.pk)
    assert told().count(("OrderInJeopardy", "red")) == 1


def test_another_day_told_by_other_words_is_planned_afresh(plan: Plan) -> None:
    late = look(TOLD)
    with business_time_fixed(TOLD):
        jeopardy.plan_anew(late)
        jeopardy.look_over(now=TOLD)
    again = Plan.objects.get()
    assert (again.colour, again.planned_finish) == (Colour.GREEN, TOLD + timedelta(hours=2))


def test_a_plan_to_be_planned_anew_is_in_nobodys_way(plan: Plan) -> None:
    look(TOLD - timedelta(hours=1))
    other = Plan.objects.create(
        order_number=ORDER.number, group="g2", party_id=1, release=1, created_at=AT,
        planned_finish=PLANNED, look_at=AT,
    )  # fmt: skip
    Task.objects.create(
        plan=other, key="2.parcel", position=0, lines=["2"], kind="manual", action="",
        state=TaskState.AWAITING, hours=1, started_at=AT,
    )  # fmt: skip
    now = TOLD - timedelta(hours=1) + LATER
    Plan.objects.filter(pk=plan.pk).update(planned_finish=None, look_at=now)
    with business_time_fixed(now):
        assert jeopardy.look_over(now=now) == 2
    assert list(Plan.objects.order_by("pk").values_list("colour", flat=True)) == ["green", "amber"]
    assert OrderWatch.objects.get().plan_id == other.pk


def test_a_plan_that_cannot_be_judged_keeps_no_other_from_it(
    plan: Plan,
) -> None:
    broken = Plan.objects.create(
        order_number="F-broken", group="g1", party_id=1, release=1, created_at=AT,
        planned_finish=PLANNED, look_at=AT,
    )  # fmt: skip
    for key, need in (("a", "b"), ("b", "a")):
        Task.objects.create(
            plan=broken, key=key, position=0, lines=["1"], kind="manual", needs=[need]
        )
    with business_time_fixed(TOLD):
        jeopardy.on_look_due({})
    assert Plan.objects.get(pk=plan.pk).colour == Colour.RED
    broken.refresh_from_db()
    assert (broken.colour, broken.look_at) == (Colour.GREEN, TOLD + LOOK_AGAIN)
    assert timers.due_at(jeopardy.LOOK) is not None


def test_the_timer_comes_again_every_minute_of_machine_time(plan: Plan) -> None:
    jeopardy.begin()
    jeopardy.begin()
    with business_time_fixed(TOLD):
        jeopardy.on_look_due({})
    assert Plan.objects.get().colour == Colour.RED
