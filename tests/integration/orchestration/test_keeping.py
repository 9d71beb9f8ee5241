"""What lies ready in a shop is kept for a time: a reminder, then an operator decides."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.events.models import Timer
from commerce.kernel.clock import business_time_fixed
from orchestration.domain.states import EffectState, TaskState
from orchestration.domain.unwinding import impact_of
from orchestration.models import ProviderCallback, Task
from orchestration.services import fallout, keeping
from orchestration.services.decide import decide
from orchestration.services.desk import Desk
from orchestration.services.standing import steps_of
from tests.integration.orchestration.conftest import AT, MakeTask

pytestmark = pytest.mark.django_db(transaction=True)
LAST, REMINDED = AT + timedelta(days=10), AT + timedelta(days=7)


@pytest.fixture
def waiting(make_task: MakeTask) -> Task:
    """It is ready since `AT`; nobody has come for it."""
    ready = make_task(
        key="1.pick_up", action="shop.reserve", undo="shop.cancel", until="pick_up.ready",
        state=TaskState.DONE,
        effect=EffectState.ACCEPTED,
    )  # fmt: skip
    task = Task.objects.create(
        plan=ready.plan, key="1.collected", position=1, lines=["1"], kind="milestone", action="",
        until="pick_up.collected", of="1.pick_up", needs=["1.pick_up"], parcel="boutique-lyon",
        ponr=True, state=TaskState.WAITING,
    )  # fmt: skip
    with business_time_fixed(AT):
        decide(plan_id=ready.plan_id)
    task.refresh_from_db()
    return task


def looked_at(task: Task, at: Any) -> Task:
    with business_time_fixed(at):
        keeping.look_at_kept(plan_id=task.plan_id, task_id=task.pk)
    task.refresh_from_db()
    return task


def dates() -> list[Any]:
    rows = Timer.objects.filter(handler=keeping.KEPT_DUE).order_by("due_at")
    return list(rows.values_list("due_at", flat=True))


def collected(task: Task) -> None:
    effect = Task.objects.get(plan=task.plan, key="1.pick_up").effects.get()
    task.plan.tasks.get(key="1.pick_up").effects.update(port="shop")
    ProviderCallback.objects.create(
        callback_id="c-1", provider="shops", request_key=effect.key, type="pick_up.collected",
        data={"collected_at": "2026-11-30T09:00:00Z"}, occurred_at=AT, received_at=AT,
    )  # fmt: skip


def test_it_is_kept_for_ten_days_with_a_reminder_then_an_operator_decides(
    waiting: Task, operator: AccountContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(keeping, "tell", lambda desk, task, *, code, about: told.append(code))
    assert (waiting.state, dates()) == (TaskState.AWAITING, [REMINDED, LAST])
    assert looked_at(waiting, REMINDED).state == TaskState.AWAITING
    assert told == ["pick_up_reminder"]
    over = looked_at(waiting, LAST)
    assert (over.state, over.cause) == (TaskState.FALLOUT, "not_collected")
    with business_time_fixed(LAST):
        fallout.retry(operator, task_id=over.pk)
    over.refresh_from_db()
    assert (over.state, over.cause) == (TaskState.AWAITING, "")
    assert dates() == [LAST + timedelta(days=7), LAST + timedelta(days=10)]


def test_what_nobody_fetched_can_be_cancelled(waiting: Task) -> None:
    looked_at(waiting, LAST)
    with transaction.atomic():
        desk = Desk.of(waiting.plan_id)
        assert desk is not None
        impact = impact_of(steps_of(desk))
    assert (impact.possible, impact.stopped) == (True, ("1.collected",))
    assert [each.action for each in impact.undone] == ["shop.cancel"]


def test_who_comes_late_ends_it_by_himself(waiting: Task) -> None:
    looked_at(waiting, LAST)
    collected(waiting)
    with business_time_fixed(LAST):
        decide(plan_id=waiting.plan_id)
    waiting.refresh_from_db()
    assert waiting.state == TaskState.DONE


def test_who_has_come_is_neither_reminded_nor_waited_for(waiting: Task) -> None:
    collected(waiting)
    with business_time_fixed(AT):
        decide(plan_id=waiting.plan_id)
    assert looked_at(waiting, LAST).state == TaskState.DONE
