"""When a plan will be over, and whether that is in time for the day that was told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from commerce.kernel.clock import PARIS
from orchestration.domain.jeopardy import Colour, Stage, forecast, lasting, told_by, watch
from orchestration.domain.states import TaskState

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
WAITING, RUNNING, DONE = TaskState.WAITING, TaskState.RUNNING, TaskState.DONE


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def stage(key: str, *before: str, takes: int = 1, **values: object) -> Stage:
    plain = Stage(key, before, None, takes, False, WAITING)
    return replace(plain, **values)  # type: ignore[arg-type]


SIM = stage("sim", takes=24)
LINE = stage("line", "sim", takes=2)
BILL = stage("bill", "line")


@pytest.mark.parametrize(
    ("case", "start", "takes", "working", "end"),
    [
        ("all hours count", "2026-11-28T09:00", 48, False, "2026-11-30T09:00"),
        ("a Sunday does not", "2026-11-28T09:00", 48, True, "2026-12-01T09:00"),
        ("work that begins on a Sunday begins on Monday", "2026-11-29T15:00", 5, True,
         "2026-11-30T05:00"),
        ("neither does a holiday", "2026-12-24T12:00", 24, True, "2026-12-26T12:00"),
        ("to midnight is the same day", "2026-11-28T20:00", 4, True, "2026-11-29T00:00"),
        ("nothing takes no time", "2026-11-28T20:00", 0, True, "2026-11-28T20:00"),
    ],
)  # fmt: skip
def test_how_long_something_lasts(
    case: str, start: str, takes: int, working: bool, end: str
) -> None:
    begun = datetime.fromisoformat(start).replace(tzinfo=PARIS)
    wanted = datetime.fromisoformat(end).replace(tzinfo=PARIS)
    assert lasting(begun, hours=takes, working=working) == wanted, case


def test_every_task_begins_when_those_before_it_are_over() -> None:
    other = stage("parcel", takes=30)
    last = stage("welcome", "bill", "parcel")
    ends = forecast([SIM, LINE, BILL, other, last], now=MONDAY)
    assert {key: end - MONDAY for key, end in ends.items()} == {
        "sim": hours(24),
        "line": hours(26),
        "bill": hours(27),
        "parcel": hours(30),
        "welcome": hours(31),
    }


def test_in_whatever_order_the_tasks_come() -> None:
    forth = forecast([SIM, LINE, BILL], now=MONDAY)
    assert forecast([BILL, LINE, SIM], now=MONDAY) == forth


def test_what_is_done_counts_as_it_was_and_what_runs_is_never_over_before_now() -> None:
    now = MONDAY + hours(40)
    begun = replace(SIM, state=RUNNING, started_at=MONDAY)
    assert forecast([begun, LINE], now=now)["line"] == now + hours(2)
    done = replace(SIM, state=DONE, started_at=MONDAY, finished_at=MONDAY + hours(1))
    early = forecast([done, replace(LINE, state=RUNNING, started_at=now)], now=now)
    assert early == {"sim": MONDAY + hours(1), "line": now + hours(2)}


def test_a_milestone_begins_with_the_task_it_watches() -> None:
    ship = stage("ship", takes=24)
    shipped = stage("shipped", takes=30, watches="ship", state=RUNNING, started_at=MONDAY)
    late = replace(ship, before=("wait",))
    wait = stage("wait", takes=0, earliest=MONDAY + hours(100))
    assert forecast([ship, shipped], now=MONDAY)["shipped"] == MONDAY + hours(30)
    assert forecast([wait, late, shipped], now=MONDAY)["shipped"] == MONDAY + hours(130)


def test_nobody_is_late_because_the_customer_does_not_come() -> None:
    kept = stage("collected", takes=168, state=RUNNING, started_at=MONDAY, ours=False)
    assert forecast([kept], now=MONDAY + hours(500))["collected"] == MONDAY + hours(168)


@pytest.mark.parametrize(
    ("case", "takes", "told"),
    [
        ("a short plan has a day in reserve", 4, "2026-11-24T23:59:59"),
        ("a long one a quarter of its length", 240, "2026-12-05T23:59:59"),
    ],
)
def test_the_day_that_is_told_has_a_reserve(case: str, takes: int, told: str) -> None:
    at = told_by(MONDAY + hours(takes), since=MONDAY)
    assert at == datetime.fromisoformat(told).replace(tzinfo=PARIS), case


PLANNED = MONDAY + hours(27)
TOLD = told_by(PLANNED, since=MONDAY)
HALF = PLANNED + (TOLD - PLANNED) / 2


def at(now: datetime) -> tuple[Colour, str]:
    begun = replace(SIM, state=RUNNING, started_at=MONDAY)
    found = watch([begun, LINE, BILL], planned=PLANNED, since=MONDAY, now=now)
    return found.colour, found.culprit


def test_the_colour_turns_before_the_word_is_broken_and_names_what_is_late() -> None:
    rest = hours(3)
    assert at(MONDAY + hours(24)) == (Colour.GREEN, "sim")
    assert at(HALF - rest) == (Colour.GREEN, "sim")
    assert at(HALF - rest + hours(1)) == (Colour.AMBER, "sim")
    assert at(TOLD - rest) == (Colour.AMBER, "sim")
    assert at(TOLD - rest + timedelta(seconds=1)) == (Colour.RED, "sim")
    assert TOLD - rest + timedelta(seconds=1) < TOLD, "three hours before the day is over"


def test_until_it_is_looked_at_the_colour_stays() -> None:
    begun = replace(SIM, state=RUNNING, started_at=MONDAY)
    now = MONDAY
    seen = [Colour.GREEN]
    while seen[-1] is not Colour.RED:
        found = watch([begun, LINE, BILL], planned=PLANNED, since=MONDAY, now=now)
        moment = timedelta(seconds=1)
        before = watch(
            [begun, LINE, BILL], planned=PLANNED, since=MONDAY, now=found.look_at - moment
        )
        assert before.colour is found.colour
        if found.colour is not seen[-1]:
            seen.append(found.colour)
        now = found.look_at + moment
    assert seen == [Colour.GREEN, Colour.AMBER, Colour.RED]


def test_of_several_that_run_the_one_on_which_the_end_depends_is_named() -> None:
    slow = stage("parcel", takes=90, state=RUNNING, started_at=MONDAY)
    begun = replace(SIM, state=RUNNING, started_at=MONDAY)
    last = stage("welcome", "bill", "parcel")
    found = watch([begun, LINE, BILL, slow, last], planned=PLANNED, since=MONDAY, now=MONDAY)
    assert (found.colour, found.culprit) == (Colour.RED, "parcel")
