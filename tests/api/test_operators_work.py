"""Operators' programs see late orders, and do what people do, each task by one of them."""

from datetime import timedelta

import pytest

from commerce.kernel.clock import business_time_fixed
from orchestration.models import OrderWatch, Plan, Task, TaskHistory
from orchestration.services import jeopardy
from tests.api.conftest import AT, Api


@pytest.fixture
def visit(people: object) -> Task:
    """Work by hand that should have been done four days ago."""
    begun = AT - timedelta(days=5)
    plan = Plan.objects.create(
        order_number="F-2026-000007", group="g1", party_id=1, release=1, created_at=begun,
        planned_finish=begun + timedelta(hours=4), look_at=begun,
    )  # fmt: skip
    OrderWatch.objects.create(
        order_number=plan.order_number, party_id=1, told_on=AT.date() + timedelta(days=9)
    )
    return Task.objects.create(
        plan=plan, key="1.visit", position=0, lines=["1"], kind="manual", state="awaiting",
        started_at=begun, hours=4,
    )  # fmt: skip


def test_late_orders_are_listed_by_colour(operator: Api, visit: Task) -> None:
    with business_time_fixed(AT):
        jeopardy.look_over(now=AT)
    (late,) = operator.get("jeopardy", colour="red").json()["items"]
    assert (late["order"], late["task"], late["port"]) == ("F-2026-000007", "1.visit", "")
    assert late["hours_late"] > 48
    assert operator.get("jeopardy", colour="amber").json() == {"items": []}
    assert operator.get("jeopardy", colour="green").status_code == 400


def test_a_task_is_taken_then_completed(operator: Api, visit: Task) -> None:
    place = f"manual-tasks/{visit.pk}"
    (shown,) = operator.get("manual-tasks").json()["items"]
    assert (shown["id"], shown["claimed_by"]) == (visit.pk, "")
    early = operator.post(place, {"act": "complete", "note": "done"})
    assert (early.status_code, early.json()["code"]) == (409, "not_claimed")
    for act in ("claim", "release", "claim"):
        assert operator.post(place, {"act": act}).status_code == 204
    silent = operator.post(place, {"act": "complete"})
    assert (silent.status_code, silent.json()["code"]) == (400, "note_missing")
    assert operator.post(place, {"act": "complete", "note": "done"}).status_code == 204
    visit.refresh_from_db()
    assert visit.state == "done"
    assert operator.get("manual-tasks").json() == {"items": []}
    notes = list(TaskHistory.objects.order_by("id").values_list("note", flat=True))
    assert notes == ["claimed", "released", "claimed", "done"]


def test_only_what_fell_out_is_corrected(operator: Api, visit: Task) -> None:
    values = {"values": [{"name": "iccid", "value": "8933101234567890121"}]}
    refused = operator.post(f"fallout/{visit.pk}/correction", values)
    assert (refused.status_code, refused.json()["code"]) == (409, "moved_on")
    Task.objects.update(state="fallout")
    other = operator.post(f"fallout/{visit.pk}/correction", values)
    assert (other.status_code, other.json()["code"]) == (400, "not_replaceable")
    assert operator.post("fallout/999999/correction", values).status_code == 404


def test_nobody_else(agent: Api, buyer: Api, visitor: Api, visit: Task) -> None:
    for api, status in ((agent, 403), (buyer, 403), (visitor, 401)):
        assert api.get("jeopardy").status_code == status
        assert api.get("manual-tasks").status_code == status
        assert api.post(f"manual-tasks/{visit.pk}", {"act": "claim"}).status_code == status
        assert api.post(f"fallout/{visit.pk}/correction", {"values": []}).status_code == status
    assert not TaskHistory.objects.exists()
