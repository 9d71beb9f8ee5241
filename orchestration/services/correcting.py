"""Replacing the data that a task fell out over, and trying it again with them."""

from collections.abc import Mapping
from dataclasses import asdict

from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import machine_now
from commerce.kernel.errors import Conflict, InvalidInput
from commerce.ordering.domain.fulfilment import FulfilmentItem
from commerce.ordering.selectors import order_for_fulfilment
from commerce.ordering.services.fulfilment import deliver_elsewhere, record_item_facts
from orchestration.domain.corrections import ADDRESS, REPLACEABLE, checked
from orchestration.domain.states import EffectState, TaskState
from orchestration.models import Effect, Task
from orchestration.services.fallout import is_over, locked_task, move_task

_IN_DOUBT = frozenset({EffectState.SENT, EffectState.UNKNOWN})


def present_values(
    *, order_number: str, group: str, line: str, names: tuple[str, ...]
) -> dict[str, str]:
    """What the request was made of, by name."""
    order = order_for_fulfilment(order_number, group=group)
    item = next((item for item in order.items if item.line_id == line), None)
    return _values(item, names) if item is not None else dict.fromkeys(names, "")


@transaction.atomic
def replace_and_retry(
    context: AccountContext, *, task_id: int, values: Mapping[str, str], note: str = ""
) -> None:
    """Store the new data with the order and ask the provider anew, under a new key.

    The history keeps what was there before, until the data of the order are erased.

    Raises:
        Forbidden: `operators_only`. NotFound. InvalidInput: `not_replaceable`, `value_missing`,
        `value_malformed`, `nothing_replaced`. Conflict: `moved_on`; `in_doubt`: what became of the
        request is not known yet; `already_done`.
    """
    task = locked_task(context, task_id=task_id)
    if task.state != TaskState.FALLOUT:
        raise Conflict("The task has moved on meanwhile.", code="moved_on")
    effect = Effect.objects.filter(task=task, generation=task.generation).first()
    if effect is not None and effect.state in _IN_DOUBT:
        raise Conflict(
            "Nobody knows yet what became of the request; try again with the data as they are, "
            "so that the provider is asked.",
            code="in_doubt",
        )
    names = REPLACEABLE.get(task.action, ())
    found = checked(names, values)
    changes = _stored(task, names=names, values=found)
    if effect is not None and is_over(effect):
        task.generation += 1
    task.attempts, task.not_before, task.cause = 0, machine_now(), ""
    move_task(
        task,
        TaskState.RETRYING,
        by=context.actor.name,
        note=note.strip() or "replaced",
        changes=changes,
    )


def _stored(task: Task, *, names: tuple[str, ...], values: dict[str, str]) -> dict[str, list[str]]:
    """Before and after, of what differs."""
    number, line = task.plan.order_number, task.lines[0] if task.lines else ""
    before = present_values(order_number=number, group=task.plan.group, line=line, names=names)
    changes = {
        name: [before.get(name, ""), value]
        for name, value in values.items()
        if value != before.get(name, "")
    }
    if not changes:
        raise InvalidInput("Nothing of it is different.", code="nothing_replaced")
    if names == ADDRESS:
        deliver_elsewhere(order_number=number, lines=task.lines, address={**before, **values})
    else:
        record_item_facts(order_number=number, facts=dict.fromkeys(task.lines, values))
    return changes


def _values(item: FulfilmentItem, names: tuple[str, ...]) -> dict[str, str]:
    if names == ADDRESS:
        known = asdict(item.deliver_to) if item.deliver_to else {}
        return {name: str(known.get(name, "")) for name in names}
    return {name: item.facts.get(name) or item.config.get(name, "") for name in names}
