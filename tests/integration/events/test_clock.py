"""Business time moves forward for everybody, one due instant after another."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from io import StringIO

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from commerce.events import business_clock
from commerce.events.business_clock import ClockStuck, advance_clock, offset, virtual_now
from commerce.events.models import Timer
from commerce.events.pump import drain
from commerce.events.registry import register_busy_check, register_timer
from commerce.events.timers import schedule
from commerce.kernel.clock import PARIS, business_now, machine_now
from tests.integration.events.workers import working

pytestmark = pytest.mark.django_db


def test_the_clock_moves_to_the_wanted_instant_and_not_back() -> None:
    target = virtual_now() + timedelta(days=10)
    reached = advance_clock(to=target, world=())
    assert timedelta(0) <= reached - target < timedelta(seconds=5)
    assert business_now() - machine_now() > timedelta(days=9, hours=23)
    with pytest.raises(ClockStuck, match="already"):
        advance_clock(to=target - timedelta(days=1), world=())


@pytest.mark.django_db(transaction=True)
def test_each_due_instant_is_stopped_at_in_order() -> None:
    seen: list[tuple[str, int]] = []
    start = virtual_now()

    def note(payload: dict[str, str]) -> None:
        seen.append((payload["name"], (business_now() - start).days))
        if payload["name"] == "first":
            schedule(
                key="between",
                handler="note",
                due_at=start + timedelta(days=15),
                payload={"name": "between"},
            )

    register_timer("note", note)  # type: ignore[arg-type]
    for name, days in (("second", 20), ("first", 10)):
        schedule(
            key=name, handler="note", due_at=start + timedelta(days=days), payload={"name": name}
        )
    with working(drain):
        advance_clock(to=start + timedelta(days=30), world=(), quiet_timeout=20)
    assert seen == [("first", 10), ("between", 15), ("second", 20)]
    assert not Timer.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_is_due_within_a_minute_has_one_stop_and_its_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []
    stops: list[datetime] = []
    start, move = virtual_now(), business_clock._move

    def noting(target: datetime, *, world: Sequence[str]) -> None:
        stops.append(target)
        move(target, world=world)

    monkeypatch.setattr(business_clock, "_move", noting)
    register_timer("in-order", lambda payload: seen.append(payload["name"]))
    first = datetime.combine(start + timedelta(days=3), time(8), tzinfo=PARIS)
    # The last two on two sides of midnight.
    apart = {"third": 61, "second": 59, "first": 0, "at midnight": 57_600, "before": 57_599}
    for name, seconds in apart.items():
        due = first + timedelta(seconds=seconds)
        schedule(key=name, handler="in-order", due_at=due, payload={"name": name})
    to = start + timedelta(days=5)
    with working(drain):
        advance_clock(to=to, world=(), quiet_timeout=20)
    assert seen == ["first", "second", "third", "before", "at midnight"]
    stopped = [first + timedelta(seconds=seconds) for seconds in (59, 61, 57_599, 57_600)]
    assert stops == [*stopped, to]


def test_what_is_done_between_two_looks_does_not_lose_its_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    due = virtual_now() + timedelta(days=1)
    looks = [due]
    monkeypatch.setattr(
        business_clock, "next_business_instant", lambda: looks.pop() if looks else None
    )
    reached = advance_clock(to=due + timedelta(seconds=1), world=())
    assert (looks, reached - due >= timedelta(seconds=1)) == ([], True)


def test_work_that_never_ends_stops_the_clock_and_is_named() -> None:
    register_busy_check("plans", lambda: 2)
    with pytest.raises(ClockStuck, match="'plans': 2"):
        advance_clock(to=virtual_now() + timedelta(days=1), world=(), quiet_timeout=0.3)
    assert offset() == timedelta(0)


def test_a_real_clock_cannot_be_moved(settings: LazySettings) -> None:
    settings.VIRTUAL_CLOCK = False
    with pytest.raises(ClockStuck, match="real time"):
        advance_clock(to=virtual_now() + timedelta(days=1), world=())


def test_a_sandbox_that_does_not_answer_stops_the_clock() -> None:
    with pytest.raises(ClockStuck, match=r"127\.0\.0\.1:9"):
        advance_clock(to=virtual_now() + timedelta(days=1), world=("http://127.0.0.1:9",))


def test_the_command_moves_by_calendar_months(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(business_clock, "sandboxes", tuple)
    out = StringIO()
    before = virtual_now()
    call_command("clock", "advance", "--months", "2", stdout=out)
    reached = datetime.fromisoformat(out.getvalue().split(" ")[0])
    assert 58 <= (reached - before).days <= 62
    call_command("clock", "show", stdout=out)
    with pytest.raises(CommandError, match="already"):
        call_command("clock", "advance", "--to", "2020-01-01")
    assert reached.tzinfo == UTC
