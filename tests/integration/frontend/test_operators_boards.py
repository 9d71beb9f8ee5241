"""The operators' boards: late orders with what to do, and work that one of them takes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from commerce.accounts.kinds import StaffKind
from commerce.kernel.clock import business_time_fixed
from orchestration.models import OrderWatch, Plan, Task
from orchestration.services import jeopardy
from tests.integration.frontend.test_portal_and_ops import as_staff

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with business_time_fixed(AT):
        yield


@pytest.fixture
def late() -> Task:
    """An order whose line should have been activated three days ago."""
    begun = AT - timedelta(days=5)
    plan = Plan.objects.create(
        order_number="F-2026-000007", group="g1", party_id=1, release=1, created_at=begun,
        planned_finish=begun + timedelta(hours=4), look_at=begun,
    )  # fmt: skip
    task = Task.objects.create(
        plan=plan, key="1.activate", position=0, lines=["1"], kind="callback",
        action="network.activate", until="line.activated", hours=2, state="awaiting",
        started_at=begun,
    )  # fmt: skip
    OrderWatch.objects.create(
        order_number=plan.order_number, party_id=1, told_on=AT.date() + timedelta(days=9)
    )
    jeopardy.look_over(now=AT)
    return task


def test_a_late_order_stands_on_the_board_with_its_task_its_provider_and_what_to_do(
    late: Task,
) -> None:
    page = as_staff(StaffKind.OPERATOR).get("/ops/jeopardy/")
    html = page.content.decode()
    (row,) = page.context["rows"]
    assert (row["task"], row["whose"], row["late"]) == ("Activate the line", "Network", "3 days")
    assert "will break its day" in html
    assert f"#task-{late.pk}" in html


@pytest.fixture
def by_hand(late: Task) -> Task:
    return Task.objects.create(
        plan=late.plan, key="1.visit", position=1, lines=["1"], kind="manual", action="",
        asks=["imei"], state="awaiting", started_at=AT, planned_finish=AT + timedelta(hours=4),
    )  # fmt: skip


def test_one_operator_takes_the_work_and_sees_its_form_another_sees_whose_it_is(
    by_hand: Task,
) -> None:
    operator = as_staff(StaffKind.OPERATOR)
    place = f"/ops/manual/{by_hand.pk}/"
    assert "Take it" in operator.get("/ops/manual/").content.decode()
    operator.post(place, {"act": "claim"})
    mine = operator.get("/ops/manual/").content.decode()
    assert 'name="value_imei"' in mine
    wrong = operator.post(place, {"act": "complete", "note": "done"}, follow=True)
    assert "Fill in every field." in wrong.content.decode()
    by_hand.refresh_from_db()
    assert (by_hand.state, by_hand.claimed_by != "") == ("awaiting", True)
    Task.objects.update(claimed_id=0, claimed_by="Oscar Operator")
    others = operator.get("/ops/manual/").content.decode()
    assert "Oscar Operator" in others
    assert 'name="value_imei"' not in others
