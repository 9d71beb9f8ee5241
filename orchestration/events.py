"""What orchestration tells the rest."""

from dataclasses import dataclass
from datetime import date

from commerce.events.outbox import Event


@dataclass(frozen=True, slots=True)
class PlanCompleted(Event):
    """Every task of one bundle of an order is finished."""

    order_number: str
    group: str


@dataclass(frozen=True, slots=True)
class PlanCancelled(Event):
    """Everything that was done for one bundle of an order is taken back."""

    order_number: str
    group: str


@dataclass(frozen=True, slots=True)
class TaskFellOut(Event):
    """A task can't go on by itself; an operator decides. `cause` is a code."""

    order_number: str
    group: str
    task: str
    cause: str


@dataclass(frozen=True, slots=True)
class TaskStateChanged(Event):
    """A task of a bundle is in another `state` (`running`, `awaiting`, `retrying` after an attempt
    that failed, `fallout`, `done`, `skipped`, `cancelled`); `lines` of the order are those that it
    serves. `sequence` rises within the bundle. Told on request only."""

    order_number: str
    party_id: int
    group: str
    task: str
    action: str
    lines: tuple[str, ...]
    state: str
    sequence: int


@dataclass(frozen=True, slots=True)
class PortingMoved(Event):
    """A number that comes to us (`direction` `in`: for a line of an order) or leaves us (`out`: of
    a contract) is in another `state`. `motive` is that of a refusal; `day` is wished until it is
    set."""

    order_number: str
    line_id: str
    subscription_id: int | None
    party_id: int | None
    direction: str
    state: str
    motive: str
    day: date | None


@dataclass(frozen=True, slots=True)
class OrderInJeopardy(Event):
    """An order will be later than planned: amber, its reserve is used up by half; red, the day
    `told_on` that the customer knows can't be held. Told at each change of colour."""

    order_number: str
    party_id: int
    colour: str
    told_on: date
    expected_on: date


@dataclass(frozen=True, slots=True)
class OrderOutOfJeopardy(Event):
    """An order that would have been late is as planned again, or over."""

    order_number: str
    party_id: int
