"""Tasks that need no provider of orchestration's: numbers of the pool and messages to people."""

from django.db import transaction

from catalogue.services import numbers
from commerce.kernel.errors import RuleViolated
from commerce.notifications.services import send
from commerce.ordering.domain.fulfilment import FulfilmentOrder
from commerce.ordering.services.fulfilment import record_item_facts
from orchestration.domain.states import TaskState
from orchestration.models import Task
from orchestration.services.outcome import hold_plan, move

_MESSAGE = "message."


@transaction.atomic(durable=True)
def perform(task: Task, *, order: FulfilmentOrder) -> None:
    """Do the task and finish it, together.

    Raises:
        RuleViolated: no such action, or the pool has no number.
    """
    hold_plan(task.plan_id)
    if not move(task, TaskState.DONE):
        return
    if task.action.startswith(_MESSAGE):
        _tell(task, order=order)
    elif task.action == "numbering.assign":
        _assign_number(task, order=order)
    else:
        raise RuleViolated(f"No action is called {task.action!r}.", code="unknown_action")


def _assign_number(task: Task, *, order: FulfilmentOrder) -> None:
    """The number held for the line when the order was placed becomes its own."""
    line = task.lines[0]
    msisdn = numbers.assign(f"{order.number}/{line}")
    record_item_facts(order_number=order.number, facts={line: {"msisdn": msisdn}})


def _tell(task: Task, *, order: FulfilmentOrder) -> None:
    facts = {name: value for item in order.items for name, value in item.facts.items()}
    names = [item.name for item in order.items if item.line_id in task.lines]
    send(
        party_id=order.party_id,
        code=task.action.removeprefix(_MESSAGE),
        values={"order": order.number, "service": ", ".join(names), **facts},
        reference=f"{order.number}/{task.plan.group}/{task.key}",
    )
