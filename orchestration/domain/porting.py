"""Number portability: the lives of a number that comes and of one that leaves, and their dates.

Dates are local days of the market, instants carry a zone. Which days and hours hold comes from the
market's pack (`PortingRules`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from commerce.kernel.money import Money
from commerce.kernel.states import Transitions
from commerce.markets.pack import Market, Mend, Motive

OUR_OPERATOR = "FA"
"""Our two characters at the clearing house, and at the head of our RIOs."""


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class PortState(StrEnum):
    """Where a porting is. FAILED: the number works at the donor's again; a new date is needed."""

    DRAFT = "draft"
    RIO_CHECKED = "rio_checked"
    WAITING_WITHDRAWAL = "waiting_withdrawal"
    SENT = "sent"
    RECEIVED = "received"
    ELIGIBLE = "eligible"
    INELIGIBLE = "ineligible"
    SCHEDULED = "scheduled"
    PORTING = "porting"
    PORTED = "ported"
    FAILED = "failed"
    CANCELLED = "cancelled"


_S = PortState

PORT_IN_LIFE = Transitions(
    {
        _S.DRAFT: frozenset({_S.RIO_CHECKED, _S.CANCELLED}),
        _S.RIO_CHECKED: frozenset({_S.WAITING_WITHDRAWAL, _S.SENT, _S.INELIGIBLE, _S.CANCELLED}),
        _S.WAITING_WITHDRAWAL: frozenset({_S.SENT, _S.INELIGIBLE, _S.CANCELLED}),
        _S.SENT: frozenset({_S.ELIGIBLE, _S.INELIGIBLE, _S.CANCELLED}),
        _S.ELIGIBLE: frozenset({_S.SCHEDULED, _S.INELIGIBLE, _S.CANCELLED}),
        _S.SCHEDULED: frozenset({_S.SCHEDULED, _S.PORTING, _S.INELIGIBLE, _S.CANCELLED}),
        _S.PORTING: frozenset({_S.PORTED, _S.FAILED}),
        _S.INELIGIBLE: frozenset({_S.RIO_CHECKED, _S.PORTED, _S.CANCELLED}),
        _S.FAILED: frozenset({_S.RIO_CHECKED, _S.PORTED, _S.CANCELLED}),
    }
)
"""A number that is not active on the day of the porting is refused as late as then. From INELIGIBLE
and FAILED to PORTED: by hand, when an operator says that it is done."""

PORT_OUT_LIFE = Transitions(
    {
        _S.RECEIVED: frozenset({_S.ELIGIBLE, _S.INELIGIBLE, _S.CANCELLED}),
        _S.ELIGIBLE: frozenset({_S.SCHEDULED, _S.CANCELLED}),
        _S.SCHEDULED: frozenset({_S.SCHEDULED, _S.PORTED, _S.FAILED, _S.CANCELLED}),
        _S.FAILED: frozenset({_S.SCHEDULED, _S.PORTED, _S.CANCELLED}),
    }
)

OVER = frozenset({_S.PORTED, _S.CANCELLED})
OUT_OVER = OVER | {_S.INELIGIBLE}
MENDABLE = frozenset({_S.INELIGIBLE, _S.FAILED})
WITH_CLEARING_HOUSE = frozenset({_S.SENT, _S.ELIGIBLE, _S.SCHEDULED})
BEFORE_SENDING = frozenset({_S.DRAFT, _S.RIO_CHECKED, _S.WAITING_WITHDRAWAL})

_MAIN = (_S.RIO_CHECKED, _S.SENT, _S.ELIGIBLE, _S.SCHEDULED, _S.PORTING, _S.PORTED)
_HEARD: Mapping[str, PortState] = {
    "port.eligible": _S.ELIGIBLE,
    "port.refused": _S.INELIGIBLE,
    "port.scheduled": _S.SCHEDULED,
    "port.started": _S.PORTING,
    "port.completed": _S.PORTED,
    "port.failed": _S.FAILED,
}


def steps_after(state: PortState, heard: str) -> tuple[PortState, ...]:
    """The states that a port-in passes through when the clearing house tells `heard`.

    What was told in between and has not arrived is passed through; what comes too late for the
    state changes nothing.
    """
    target = _HEARD.get(heard)
    if target is None or state in OVER or state in MENDABLE:
        return ()
    begun = _S.RIO_CHECKED if state in BEFORE_SENDING else state
    place = _MAIN.index(begun)
    if target is _S.SCHEDULED and state is _S.SCHEDULED:
        return (_S.SCHEDULED,)
    if target in _MAIN:
        return _MAIN[place + 1 : _MAIN.index(target) + 1]
    if target is _S.FAILED:
        return (*_MAIN[place + 1 : _MAIN.index(_S.PORTING) + 1], _S.FAILED)
    before = (_S.SENT,) if place < _MAIN.index(_S.SENT) else ()
    return (*before, _S.INELIGIBLE) if place <= _MAIN.index(_S.SCHEDULED) else ()


def ends_by_hand(state: PortState, *, came: bool) -> tuple[PortState, ...]:
    """The states to the end of a port-in that was settled without the clearing house's word."""
    if came:
        return (_S.PORTED,) if state in MENDABLE else steps_after(state, "port.completed")
    return (_S.FAILED, _S.CANCELLED) if state is _S.PORTING else (_S.CANCELLED,)


def cut_off(day: date, *, pack: Market) -> datetime:
    """Until when a porting on `day` can be cancelled or moved: the eve, local time."""
    eve = day - timedelta(days=1)
    at = pack.porting_rules().cancel_until
    return datetime.combine(eve, at, tzinfo=ZoneInfo(pack.time_zone))


def window(day: date, slot: str, *, pack: Market) -> tuple[datetime, datetime]:
    """Begin and end of `slot` ("08:00-12:00") on `day`; what does not work does so within it."""
    zone = ZoneInfo(pack.time_zone)
    begin, end = (time.fromisoformat(part) for part in slot.split("-"))
    return datetime.combine(day, begin, tzinfo=zone), datetime.combine(day, end, tzinfo=zone)


def due_day(*, requested_on: date, wished_on: date | None, pack: Market) -> date:
    """The last day on which the number must have come: three working days after the request in
    France, or the later day that the customer wished (decision 2012-0576, article 7)."""
    latest = pack.add_working_days(requested_on, days=pack.porting_rules().total_days)
    return max(latest, wished_on) if wished_on else latest


def answer_due(*, received_on: date, pack: Market) -> date:
    """The last day for the donor's answer."""
    return pack.add_working_days(received_on, days=pack.porting_rules().answer_days)


def days_late(*, due_on: date, today: date, pack: Market) -> int:
    """The working days that have begun after `due_on`."""
    late, day = 0, due_on
    while (day := pack.add_working_days(day, days=1)) <= today:
        late += 1
    return late


def compensation(days: int, *, pack: Market) -> Money:
    """What is owed for a porting that is so many working days late."""
    rules = pack.porting_rules()
    return min(rules.late_per_day * days, rules.late_at_most)


@dataclass(frozen=True, slots=True)
class Claim:
    """A request of another operator for a number, as the clearing house hands it on."""

    msisdn: str
    rio: str
    on: date


@dataclass(frozen=True, slots=True)
class Served:
    """What we know of the number that is claimed: `rio` of its line, None if it has none."""

    rio: str | None
    active: bool
    leaving: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """`motive` of the closed list; `detail` says which datum is wrong."""

    motive: str
    detail: str = ""


def judge(claim: Claim, served: Served, *, well_formed: bool) -> Refusal | None:
    """Whether the number may leave; there are three reasons against it and no others.

    Money owed is none of them (mediation, L44-4): whoever leaves still owes what he owes.
    """
    if not well_formed:
        return Refusal("OPD_DATA", "RIO_KEY")
    if served.rio is None:
        return Refusal("OPD_DATA", "NUMBER_UNKNOWN")
    if served.rio != claim.rio:
        return Refusal("OPD_DATA", "RIO_UNKNOWN")
    if not served.active:
        return Refusal("OPD_INACTIVE")
    return Refusal("OPD_IN_PROGRESS") if served.leaving else None


def motive_of(code: str, *, pack: Market) -> Motive:
    """The motive called `code`, in whatever case; one that is not on the list counts as wrong
    data, so that the customer is never left without a next step."""
    motives = pack.porting_motives()
    return motives.get(code.upper()) or motives.get("OPD_DATA") or next(iter(motives.values()))


def may_send_again(state: PortState, motive: Motive | None) -> bool:
    """Whether a corrected request, or one with a new date, can be sent."""
    if state is PortState.FAILED:
        return True
    return state is PortState.INELIGIBLE and (motive is None or motive.mend is not Mend.NONE)


def may_change(state: PortState, *, day: date | None, now: datetime, pack: Market) -> bool:
    """Whether the porting can (still) be moved to another day or be cancelled."""
    if state in BEFORE_SENDING or state in MENDABLE:
        return True
    if state not in WITH_CLEARING_HOUSE:
        return False
    return day is None or now <= cut_off(day, pack=pack)
