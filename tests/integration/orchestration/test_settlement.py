"""The content partner's monthly file agrees with our bills; each planted difference is found."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import cast

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from commerce.accounts.kinds import StaffKind
from commerce.events.models import Timer
from commerce.events.pump import drain
from commerce.kernel.clock import business_time_fixed, machine_now
from commerce.kernel.errors import Refused, Unknown
from orchestration.actions import provider
from orchestration.boards import settled_months, waiting_differences
from orchestration.domain.settlement import Difference, Differing, Settled
from orchestration.models import Effect, Plan, Settlement, SettlementDifference, Task
from orchestration.ports import Content, Entitlement
from orchestration.services import settlement
from orchestration.services.erasure import blank_old_requests
from orchestration.services.settlement import reconcile
from tests.integration.frontend.test_portal_and_ops import as_staff
from tests.integration.orchestration.conftest import AT
from tests.integration.orchestration.test_cancelling import outside
from tests.integration.sandbox_providers.harness import Sandbox
from tests.integration.subscriptions.contracts import begun, person, plan, press, run

__all__ = ["outside"]
pytestmark = pytest.mark.django_db
APRIL = date(2026, 4, 1)
OURS = Settled("ent_000001", "F-1/press-1", "press", 30)


@pytest.fixture
def contract() -> None:
    """With a newspaper since 10 March, which was asked of the partner; billed up to 9 April."""
    with_a_newspaper(date(2026, 3, 10))


def with_a_newspaper(on: date) -> None:
    begun("F-1", [plan(), press()], party=person(), on=on)
    of = Plan.objects.create(
        order_number="F-1", group="g1", party_id=1, release=1, created_at=AT, state="completed"
    )
    task = Task.objects.create(
        plan=of,
        key="1.entitle",
        position=0,
        lines=["press-1"],
        kind="call",
        action="content.entitle",
    )
    Effect.objects.create(
        task=task,
        generation=1,
        key="F-1:g1:1.entitle:1",
        port="content",
        request={"reference": "F-1/press-1", "service": "press"},
        state="accepted",
    )


def settles(monkeypatch: pytest.MonkeyPatch, *lines: Settled) -> None:
    def file(month: date) -> Sequence[Settled]:
        assert month == APRIL
        return lines

    monkeypatch.setattr(settlement, "provider", lambda port: SimpleNamespace(settlement=file))


def test_a_month_that_agrees_has_no_difference(
    contract: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(date(2026, 4, 10))
    settles(monkeypatch, OURS)
    assert reconcile(APRIL) == ()
    call_command("reconcile_content", "2026-04")
    assert "agrees with our bills" in capsys.readouterr().out


def test_a_month_that_is_not_over_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def file(month: date) -> Sequence[Settled]:
        raise Refused("2026-04 is not over", code="not_over")

    monkeypatch.setattr(settlement, "provider", lambda port: SimpleNamespace(settlement=file))
    with pytest.raises(CommandError, match="2026-04 is not over"):
        call_command("reconcile_content", "2026-04")


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([], (Differing.NOT_THEIRS, "F-1/press-1", 0, 30)),
        ([OURS, OURS], (Differing.TWICE, "F-1/press-1", 2, 1)),
        ([Settled("e", "F-1/press-1", "press", 29)], (Differing.OTHER_DAYS, "F-1/press-1", 29, 30)),
        ([OURS, Settled("e", "F-9/1", "press", 3)], (Differing.NOT_OURS, "F-9/1", 3, 0)),
    ],
)
def test_each_planted_difference_is_found(
    contract: None,
    monkeypatch: pytest.MonkeyPatch,
    lines: list[Settled],
    found: tuple[Differing, str, int, int],
) -> None:
    run(date(2026, 4, 10))
    settles(monkeypatch, *lines)
    assert reconcile(APRIL) == (Difference(*found),)
    with pytest.raises(CommandError, match="1 differences in 2026-04"):
        call_command("reconcile_content", "2026-04")


def test_what_he_forgets_is_found_also_when_what_he_was_asked_is_blanked(
    contract: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(date(2026, 4, 10))
    settles(monkeypatch)
    Plan.objects.update(finished_at=datetime(2026, 3, 10, 12, tzinfo=UTC))
    with business_time_fixed(datetime(2027, 4, 1, 12, tzinfo=UTC)):
        assert blank_old_requests() == 1
    assert Effect.objects.get().request == {}
    assert reconcile(APRIL) == (Difference(Differing.NOT_THEIRS, "F-1/press-1", 0, 30),)


def test_what_the_bills_do_not_cover_is_found(
    contract: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settles(monkeypatch, OURS)
    assert reconcile(APRIL) == (Difference(Differing.NOT_BILLED, "F-1/press-1", 30, 9),)


def entitled(reference: str) -> None:
    wanted = Entitlement(reference=reference, service="press", customer_ref="P-1")
    cast(Content, provider("content")).entitle(wanted, key=f"settlement:{reference}")


def test_on_the_third_the_partners_file_is_read_and_what_differs_lies_before_an_operator(
    outside: Sandbox,
) -> None:
    """Over HTTP from his side to the operator's page: one thing agrees, one no contract holds."""
    year = outside.now().year + 1
    begins, due = datetime(year, 3, 10, 12, tzinfo=UTC), datetime(year, 4, 3, 5, tzinfo=UTC)
    outside.advance_to(begins)
    with business_time_fixed(begins):
        with_a_newspaper(begins.date())
        entitled("F-1/press-1")
        entitled("F-9/1")
        settlement.begin()
        settlement.begin()
    month = date(year, 3, 1)
    timers = Timer.objects.filter(handler=settlement.TIMER)
    assert [timer.due_at for timer in timers] == [datetime(year, 4, 3, 4, tzinfo=UTC)]
    outside.advance_to(due)
    operator = as_staff(StaffKind.OPERATOR)
    with business_time_fixed(due):
        drain()
        assert [each.difference for each in waiting_differences()] == [
            Difference(Differing.NOT_OURS, "F-9/1", 22, 0)
        ]
        assert [timer.payload["month"] for timer in timers.all()] == [f"{year}-04-01"]
        page = operator.get("/ops/settlements/").content.decode()
        assert "settled, and held by no contract of ours" in page
        assert "The first" not in page
        (row,) = SettlementDifference.objects.all()
        others = [
            SettlementDifference(
                settlement_id=row.settlement_id, kind=row.kind, reference=f"F-8/{place}",
                theirs=1, ours=0,
            )
            for place in range(100)
        ]  # fmt: skip
        SettlementDifference.objects.bulk_create(others)
        page = operator.get("/ops/settlements/").content.decode()
        assert "The first 100 of 101 differences" in page
        SettlementDifference.objects.exclude(pk=row.pk).delete()
        (row,) = SettlementDifference.objects.all()
        decide = f"/ops/settlements/differences/{row.pk}/"
        refused = operator.post(decide, {"note": " "}, follow=True).content.decode()
        assert "Say what became of it" in refused
        operator.post(decide, {"note": "claimed back by letter"})
        operator.post(decide, {"note": "a second thought"})
        operator.post(f"/ops/settlements/{month:%Y-%m}/")
        drain()
        assert waiting_differences() == ()
        (row,) = SettlementDifference.objects.all()
        assert (row.note, row.decided_at) == ("claimed back by letter", due)
        (looked_at,) = settled_months()
        assert (looked_at.month, looked_at.waiting, looked_at.decided) == (month, 0, 1)
        page = operator.get("/ops/settlements/").content.decode()
        assert "No difference waits for you" in page


def test_a_partner_who_is_silent_is_asked_again(
    contract: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(date(2026, 4, 10))
    answers: list[object] = [Unknown("no answer", provider="content"), (OURS,)]

    def file(month: date) -> object:
        answer = answers.pop(0)
        if isinstance(answer, Unknown):
            raise answer
        return answer

    monkeypatch.setattr(settlement, "provider", lambda port: SimpleNamespace(settlement=file))
    with business_time_fixed(datetime(2026, 4, 30, 12, tzinfo=UTC)):
        settlement.begin()
    with business_time_fixed(datetime(2026, 5, 4, 12, tzinfo=UTC)):
        drain()
        assert settled_months() == ()
        Timer.objects.update(next_at=machine_now())
        drain()
        assert [(each.month, each.waiting) for each in settled_months()] == [(APRIL, 0)]
    assert answers == []


def test_who_has_an_old_month_looked_at_again_asks_for_that_month_alone(
    contract: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(date(2026, 4, 10))
    settles(monkeypatch, OURS)
    for month in (APRIL, date(2026, 5, 1)):
        Settlement.objects.create(month=month, looked_at=AT)
    operator = as_staff(StaffKind.OPERATOR)
    with business_time_fixed(datetime(2026, 6, 20, 12, tzinfo=UTC)):
        operator.post("/ops/settlements/2026-04/")
        drain()
    looked_at = {each.month: each.looked_at for each in settled_months()}
    assert looked_at == {
        APRIL: datetime(2026, 6, 20, 12, tzinfo=UTC),
        date(2026, 5, 1): AT,
    }
    assert not Timer.objects.filter(handler=settlement.TIMER).exists()


def test_a_month_that_was_never_looked_at_is_not_asked_for_again() -> None:
    operator = as_staff(StaffKind.OPERATOR)
    for month in ("2026-04", "2026-13", "april"):
        told = operator.post(f"/ops/settlements/{month}/", follow=True).content.decode()
        assert "This month was never settled." in told
    assert not Timer.objects.filter(handler=settlement.TIMER).exists()
