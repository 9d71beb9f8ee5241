"""The content partner's monthly file agrees with our bills; each planted difference is found."""

from collections.abc import Sequence
from datetime import date
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from commerce.kernel.errors import Refused
from orchestration.domain.settlement import Difference, Differing, Settled
from orchestration.models import Effect, Plan, Task
from orchestration.services import settlement
from orchestration.services.settlement import reconcile
from tests.integration.orchestration.conftest import AT
from tests.integration.subscriptions.contracts import begun, person, plan, press, run

pytestmark = pytest.mark.django_db
APRIL = date(2026, 4, 1)
OURS = Settled("ent_000001", "F-1/press-1", "press", 30)


@pytest.fixture
def contract() -> None:
    """With a newspaper since 10 March, which was asked of the partner; billed up to 9 April."""
    begun("F-1", [plan(), press()], party=person())
    of = Plan.objects.create(
        order_number="F-1", group="g1", party_id=1, release=1, created_at=AT, state="completed"
    )
    task = Task.objects.create(plan=of, key="1.entitle", position=0, lines=["press-1"], kind="call")
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


def test_what_the_bills_do_not_cover_is_found(
    contract: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settles(monkeypatch, OURS)
    assert reconcile(APRIL) == (Difference(Differing.NOT_BILLED, "F-1/press-1", 30, 9),)
