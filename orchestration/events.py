"""What orchestration tells the rest."""

from dataclasses import dataclass

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
