"""When a plan will be over, and whether that is in time. Pure.

Every task begins when those before it are over and takes the hours of its recipe, in working time
where the recipe says so. What runs counts from when it began, and is never over before now; what is
done, with what it took. A customer is told a day with a reserve, so that there is time to help
between the first sign and the broken word.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from commerce.kernel.clock import PARIS
from commerce.markets.fr.working_days import is_working_day
from orchestration.domain.states import FINISHED, TaskState

RESERVE = timedelta(days=1)
RESERVE_SHARE = 0.25
LOOK_AGAIN = timedelta(hours=6)
"""A plan that is late already is looked at so often for the day that it will be."""


class Colour(StrEnum):
    """GREEN: as planned. AMBER: part of the reserve is used up. RED: the told day can't be held."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Stage:
    """A task as its time is weighed. `watches`: begins with that one; `earliest`: it can't be over
    before; `ours`: False while only the customer can bring it on."""

    key: str
    before: tuple[str, ...]
    watches: str | None
    hours: int
    working: bool
    state: TaskState
    started_at: datetime | None = None
    finished_at: datetime | None = None
    earliest: datetime | None = None
    ours: bool = True


@dataclass(frozen=True, slots=True)
class Watch:
    """What is to be expected of a plan. `culprit`: the task that runs and on which its end depends;
    `look_at`: the colour can't get worse before, if nothing moves."""

    colour: Colour
    expected: datetime
    culprit: str
    look_at: datetime


def lasting(start: datetime, *, hours: int, working: bool) -> datetime:
    """The end of so many hours from `start`; in working time the hours of working days alone."""
    if not working:
        return start + timedelta(hours=hours)
    left, at = timedelta(hours=hours), start.astimezone(PARIS)
    while True:
        midnight = (at + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        if is_working_day(at.date()):
            if at + left <= midnight:
                return (at + left).astimezone(start.tzinfo)
            left -= midnight - at
        at = midnight


def forecast(stages: Sequence[Stage], *, now: datetime) -> Mapping[str, datetime]:
    """When each task will be over, or was. One look at each is enough where `stages` come in an
    order in which they could run."""
    known = {stage.key for stage in stages}
    begins: dict[str, datetime] = {}
    ends: dict[str, datetime] = {}
    left = list(stages)
    while left:
        waiting = []
        for stage in left:
            if any(key in known and key not in ends for key in (*stage.before, stage.watches)):
                waiting.append(stage)
                continue
            begins[stage.key] = _begin(stage, begins, ends, now=now)
            ends[stage.key] = _end(stage, begins[stage.key], now=now)
        assert len(waiting) < len(left), "tasks wait for each other in a circle"
        left = waiting
    return ends


def told_by(planned: datetime, *, since: datetime) -> datetime:
    """The end of the day that a customer is told for a plan that begins at `since`: its planned
    finish with a quarter more, a day at least."""
    reserve = max((planned - since) * RESERVE_SHARE, RESERVE)
    day = (planned + reserve).astimezone(PARIS)
    return day.replace(hour=23, minute=59, second=59, microsecond=0)


def watch(stages: Sequence[Stage], *, planned: datetime, since: datetime, now: datetime) -> Watch:
    """How a plan that was to be over at `planned` stands now."""
    ends = forecast(stages, now=now)
    expected = max(ends.values(), default=now)
    told = told_by(planned, since=since)
    half = planned + (told - planned) / 2
    colour = Colour.RED if expected > told else Colour.AMBER if expected > half else Colour.GREEN
    next_limit = {Colour.GREEN: half, Colour.AMBER: told}.get(colour, expected + LOOK_AGAIN)
    return Watch(colour, expected, _culprit(stages, ends), now + (next_limit - expected))


def _begin(
    stage: Stage,
    begins: Mapping[str, datetime],
    ends: Mapping[str, datetime],
    *,
    now: datetime,
) -> datetime:
    if stage.watches is not None and stage.watches in begins:
        waited = [ends[key] for key in stage.before if key in ends]
        return max([begins[stage.watches], *waited])
    if stage.started_at is not None:
        return stage.started_at
    return max([now, *(ends[key] for key in stage.before if key in ends)])


def _end(stage: Stage, begin: datetime, *, now: datetime) -> datetime:
    if stage.state in FINISHED:
        return stage.finished_at or begin
    end = lasting(begin, hours=stage.hours, working=stage.working)
    if stage.earliest is not None:
        end = max(end, stage.earliest)
    return max(end, now) if stage.ours else end


def _culprit(stages: Sequence[Stage], ends: Mapping[str, datetime]) -> str:
    """From the last end back along whoever ends last before it, to the first that is under way."""
    known = {stage.key: stage for stage in stages}
    open_stages = [stage for stage in stages if stage.state not in FINISHED]
    if not open_stages:
        return ""
    stage = max(open_stages, key=lambda each: ends[each.key])
    while True:
        waits_for = [*stage.before, *([stage.watches] if stage.watches else [])]
        before = [
            known[key] for key in waits_for if key in known and known[key].state not in FINISHED
        ]
        if not before:
            return stage.key
        stage = max(before, key=lambda each: ends[each.key])
