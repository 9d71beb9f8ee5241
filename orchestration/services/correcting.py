"""Replacing the data that a task fell out over, and trying it again with them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import machine_now
from commerce.kernel.errors import Conflict, InvalidInput
from commerce.ordering.domain.fulfilment import FulfilmentItem
from commerce.ordering.selectors import order_for_fulfilment
from commerce.ordering.services.fulfilment import deliver_elsewhere, record_item_facts
from orchestration.domain.corrections import (
    ADDRESS,
    OF_THE_BUNDLE,
    REPLACEABLE,
    checked,
    whole_address,
)
from orchestration.domain.states import EffectState, TaskState
from orchestration.models import Effect, Task
from orchestration.services.fallout import is_over, locked_task, move_task

_IN_DOUBT = frozenset({EffectState.SENT, EffectState.UNKNOWN})


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
    number = task.plan.order_number
    bundle = order_for_fulfilment(number, group=task.plan.group).items
    own = [item for item in bundle if item.line_id in task.lines]
    before = _address(own) if names == ADDRESS else _facts(names, own=own, bundle=bundle)
    changes = {
        name: [before.get(name, ""), value]
        for name, value in values.items()
        if value != before.get(name, "")
    }
    if not changes:
        raise InvalidInput("Nothing of it is different.", code="nothing_replaced")
    if names == ADDRESS:
        address = whole_address({**before, **values})
        deliver_elsewhere(order_number=number, lines=task.lines, address=address)
    else:
        record_item_facts(
            order_number=number, facts=_by_line(values, lines=task.lines, bundle=bundle)
        )
    return changes


def _address(own: Sequence[FulfilmentItem]) -> dict[str, str]:
    found = next((item.deliver_to for item in own if item.deliver_to), None)
    known = asdict(found) if found else {}
    return {name: str(known.get(name, "")) for name in ADDRESS}


def _facts(
    names: tuple[str, ...], *, own: Sequence[FulfilmentItem], bundle: Sequence[FulfilmentItem]
) -> dict[str, str]:
    """As the request was made of them."""
    said = own[0].config if own else {}
    return {
        name: next(
            (
                item.facts[name]
                for item in (bundle if name in OF_THE_BUNDLE else own)
                if item.facts.get(name)
            ),
            said.get(name, ""),
        )
        for name in names
    }


def _by_line(
    values: Mapping[str, str], *, lines: Sequence[str], bundle: Sequence[FulfilmentItem]
) -> dict[str, dict[str, str]]:
    """Each value for the task's own lines, or where the bundle has it by now: it is the card that
    has an ICCID, and not the plan that is activated with it."""
    found: dict[str, dict[str, str]] = {}
    for name, value in values.items():
        known = bundle if name in OF_THE_BUNDLE else ()
        for line in [item.line_id for item in known if item.facts.get(name)] or lines:
            found.setdefault(line, {})[name] = value
    return found
