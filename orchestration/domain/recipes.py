"""Fulfilment recipes: data beside the specifications that say how a thing is delivered."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from catalogue.domain.expressions import Expression, parse
from catalogue.domain.sourcing import PartnerKind
from commerce.kernel.errors import InvalidInput


class TaskKind(StrEnum):
    """CALL ends with the answer, CALLBACK with a later message, MILESTONE watches another's."""

    CALL = "call"
    CALLBACK = "callback"
    MILESTONE = "milestone"
    TIMER = "timer"
    MANUAL = "manual"
    NOTIFY = "notify"


class Failing(StrEnum):
    """What becomes of a bundle one of whose items fails for good: it goes on without it (ALONE),
    all of it is taken back (BUNDLE), or an operator and the customer decide (ASK)."""

    ALONE = "alone"
    BUNDLE = "bundle"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class TaskTemplate:
    """One step of a recipe.

    `needs` names keys of the same item or `role.key` of a sibling in the same bundle. `until` is
    the callback type that ends it; a milestone watches the callbacks of the task `of`. `shared`
    makes one task for all items of the plan that name it, `supply` one for each parcel of partners
    of that kind. `after` names what it waits for as well, unless that waits for it. `ponr`: once
    done it can't be undone; `undo`: the action that takes it back until
    then, empty where the data say that nothing needs to (`harmless`), None where they say nothing,
    as releases did before orders could be cancelled under way. `hours`: how long it usually takes,
    in business time, of working days alone if `working`. `asks`: the facts that are filled in by
    whoever does a manual task. `aside`: the order does not wait for it; it goes on by itself, and
    may fail, when the rest is over.
    """

    key: str
    kind: TaskKind
    action: str
    when: Expression
    needs: tuple[str, ...] = ()
    until: str | None = None
    of: str | None = None
    shared: bool = False
    supply: PartnerKind | None = None
    ponr: bool = False
    undo: str | None = None
    hours: int = 1
    working: bool = False
    asks: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    aside: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    code: str
    tasks: tuple[TaskTemplate, ...]
    fails: Failing = Failing.ASK


_FIELDS = {
    "key", "kind", "action", "when", "needs", "until", "of", "shared", "supply", "ponr", "undo",
    "harmless", "hours", "working", "asks", "after", "aside",
}  # fmt: skip


def parse_recipes(data: Mapping[str, Any]) -> Mapping[str, Recipe]:
    """From the release's data.

    Raises:
        InvalidInput: an unknown field, kind or need; `detail["field"]` says where.
    """
    return {code: _parse_recipe(code, entry) for code, entry in data.items()}


def _parse_recipe(code: str, entry: Mapping[str, Any]) -> Recipe:
    tasks = tuple(
        _parse_task(task, where=f"recipes.{code}.tasks[{index}]")
        for index, task in enumerate(entry.get("tasks", ()))
    )
    keys = {task.key for task in tasks}
    for index, task in enumerate(tasks):
        for need in (*task.needs, *task.after, *([task.of] if task.of else [])):
            if "." not in need and need not in keys:
                raise InvalidInput(
                    f"The recipe {code} has no task {need!r} that {task.key!r} could wait for.",
                    field=f"recipes.{code}.tasks[{index}].needs",
                )
    return Recipe(code, tasks, Failing(entry.get("fails") or Failing.ASK))


def _parse_task(data: Mapping[str, Any], *, where: str) -> TaskTemplate:
    unknown = set(data) - _FIELDS
    if unknown:
        raise InvalidInput(f"Unknown field {sorted(unknown)[0]!r} in a task.", field=where)
    if data.get("kind") not in set(TaskKind):
        raise InvalidInput(f"A task's kind is one of {', '.join(TaskKind)}.", field=f"{where}.kind")
    kind = TaskKind(data["kind"])
    if kind is TaskKind.CALLBACK and not data.get("until"):
        raise InvalidInput("A callback task names what ends it.", field=f"{where}.until")
    if kind is TaskKind.MILESTONE and not (data.get("until") and data.get("of")):
        raise InvalidInput("A milestone names `of` and `until`.", field=f"{where}.of")
    if data.get("supply") and data["supply"] not in set(PartnerKind):
        raise InvalidInput(f"`supply` is one of {', '.join(PartnerKind)}.", field=f"{where}.supply")
    return TaskTemplate(
        key=data["key"],
        kind=kind,
        action=data.get("action", ""),
        when=parse(data.get("when"), where=f"{where}.when"),
        needs=tuple(data.get("needs", ())),
        until=data.get("until"),
        of=data.get("of"),
        shared=bool(data.get("shared", False)),
        supply=PartnerKind(data["supply"]) if data.get("supply") else None,
        ponr=bool(data.get("ponr", False)),
        undo=data.get("undo") or ("" if data.get("harmless") else None),
        hours=int(data.get("hours", 1)),
        working=bool(data.get("working", False)),
        asks=tuple(data.get("asks", ())),
        after=tuple(data.get("after", ())),
        aside=bool(data.get("aside", False)),
    )
