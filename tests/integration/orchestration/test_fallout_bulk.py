"""Many fallen tasks at once: the dry run says what happens, and that is what happens."""

from dataclasses import replace
from typing import Any

import pytest

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import Forbidden, InvalidInput
from orchestration.domain.states import EffectState, TaskState
from orchestration.models import Effect, Plan, Task, TaskHistory
from orchestration.services.fallout_bulk import Consequence, Remedy, decide_all, foresee
from tests.integration.orchestration.conftest import AT


def fallen(place: int, effect: EffectState | None, *, cause: str = "down") -> Task:
    """A fallen task in a plan of its own, with one that waits for it."""
    plan = Plan.objects.create(
        order_number=f"F-2026-00000{place}", group="g1", party_id=1, release=1, created_at=AT
    )
    given: dict[str, Any] = {"plan": plan, "lines": ["1"], "kind": "callback", "until": "x.done"}
    task = Task.objects.create(
        **given, key="1.port", position=0, action="porting.port_in", state="fallout", cause=cause
    )
    Task.objects.create(**given, key="1.activate", position=1, needs=["1.port"])
    if effect is not None:
        key = f"{plan.order_number}:1"
        Effect.objects.create(
            task=task, generation=1, key=key, port="porting", request={}, state=effect
        )
    return task


@pytest.mark.django_db
def test_a_dry_run_changes_nothing_and_says_what_then_happens(operator: AccountContext) -> None:
    tasks = [
        fallen(1, EffectState.REFUSED),
        fallen(2, EffectState.UNKNOWN),
        fallen(3, None),
        fallen(4, EffectState.ACCEPTED),
    ]
    fallen(5, EffectState.REFUSED, cause="another")
    with business_time_fixed(AT):
        told = foresee(operator, remedy=Remedy.RETRY, cause="down")
        assert [(each.task_id, each.consequence, each.problem) for each in told] == [
            (tasks[0].pk, Consequence.ASKED_ANEW, ""),
            (tasks[1].pk, Consequence.ASKED_FOR, ""),
            (tasks[2].pk, Consequence.SENT, ""),
            (tasks[3].pk, Consequence.STAYS, "already_done"),
        ]
        left_out = foresee(operator, remedy=Remedy.SKIP, cause="down", action="porting.port_in")
        assert {each.next for each in left_out} == {("1.activate",)}
        assert Task.objects.filter(state=TaskState.FALLOUT).count() == 5
        assert not TaskHistory.objects.exists()

        Task.objects.filter(pk=tasks[2].pk).update(state=TaskState.DONE)
        done = decide_all(operator, remedy=Remedy.RETRY, task_ids=[task.pk for task in tasks])
    assert [(each.consequence, each.problem) for each in done] == [
        (Consequence.ASKED_ANEW, ""),
        (Consequence.ASKED_FOR, ""),
        (Consequence.STAYS, "moved_on"),
        (Consequence.STAYS, "already_done"),
    ]
    states = Task.objects.filter(key="1.port").order_by("pk").values_list("state", "generation")
    assert list(states) == [
        ("retrying", 2),
        ("retrying", 1),
        ("done", 1),
        ("fallout", 1),
        ("fallout", 1),
    ]
    assert set(TaskHistory.objects.values_list("by", "note")) == {("Olivia Operator", "retried")}


@pytest.mark.django_db
def test_what_goes_on_by_hand_needs_a_reason_and_an_operator(operator: AccountContext) -> None:
    task = fallen(1, EffectState.ACCEPTED)
    with pytest.raises(InvalidInput, match="Say why"):
        decide_all(operator, remedy=Remedy.COMPLETE, task_ids=[task.pk], note=" ")
    agent = replace(operator, role=Role.AGENT)
    with pytest.raises(Forbidden):
        foresee(agent, remedy=Remedy.SKIP, cause="down")
    with pytest.raises(Forbidden):
        decide_all(agent, remedy=Remedy.SKIP, task_ids=[task.pk], note="So.")
    task.refresh_from_db()
    assert task.state == TaskState.FALLOUT
    with business_time_fixed(AT):
        (done,) = decide_all(operator, remedy=Remedy.COMPLETE, task_ids=[task.pk], note="By fax.")
    task.refresh_from_db()
    assert (done.consequence, task.state) == (Consequence.COUNTS_AS_DONE, TaskState.DONE)
    assert TaskHistory.objects.get().note == "By fax."
