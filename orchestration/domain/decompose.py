"""Decomposition: order items and their recipes become a plan, a directed acyclic graph of tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from catalogue.domain.expressions import Facts, Scalar
from commerce.kernel.errors import RuleViolated
from commerce.ordering.domain.fulfilment import FulfilmentItem
from orchestration.domain.recipes import Recipe, TaskKind, TaskTemplate


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task of a plan. `key` is unique in it; `lines` are the order items that it serves."""

    key: str
    lines: tuple[str, ...]
    role: str
    kind: TaskKind
    action: str
    needs: tuple[str, ...]
    until: str | None
    of: str | None
    ponr: bool
    undo: str | None
    hours: int


ORDER_BILL = TaskSpec(
    key="order_bill",
    lines=(),
    role="",
    kind=TaskKind.CALL,
    action="billing.order",
    needs=(),
    until=None,
    of=None,
    ponr=False,
    undo=None,
    hours=1,
)
"""What is done once for a whole order; it stands in the plan of the order's first bundle."""


def decompose(
    items: Sequence[FulfilmentItem], *, recipes: Mapping[str, Recipe]
) -> tuple[TaskSpec, ...]:
    """The tasks for the items of one bundle, in an order in which they could run.

    A task whose condition does not hold is left out, and needs that name it are dropped. The result
    depends on the items alone, never on their order.

    Raises:
        RuleViolated: `unknown_recipe`, or `cyclic_plan` with the cycle.
    """
    chosen: dict[str, TaskSpec] = {}
    aliases: dict[str, str] = {}
    wanted: dict[str, list[tuple[TaskTemplate, FulfilmentItem]]] = {}
    for item in sorted(items, key=lambda item: item.line_id):
        for template in _templates(item, items=items, recipes=recipes):
            key = template.key if template.shared else f"{item.line_id}.{template.key}"
            aliases[f"{item.line_id}.{template.key}"] = key
            wanted.setdefault(key, []).append((template, item))
    for key, uses in wanted.items():
        chosen[key] = _spec(key, uses=uses, items=items, aliases=aliases)
    return _sorted(chosen)


def item_facts(item: FulfilmentItem, *, items: Sequence[FulfilmentItem]) -> Facts:
    """What a recipe's condition may ask: `item.*` of the item, `<role>.*` of its bundle."""
    facts: dict[str, Scalar | tuple[Scalar, ...]] = {}
    for member in items:
        facts.update(_described(member, prefix=member.role))
    facts.update(_described(item, prefix="item"))
    return facts


def _described(item: FulfilmentItem, *, prefix: str) -> dict[str, Scalar | tuple[Scalar, ...]]:
    facts: dict[str, Scalar | tuple[Scalar, ...]] = {
        f"{prefix}.{name}": value  # type: ignore[misc]
        for name, value in item.characteristics.items()
    }
    facts.update({f"{prefix}.{name}": value for name, value in item.config.items()})
    facts[f"{prefix}.port_in"] = item.config.get("number_choice") == "port"
    facts[f"{prefix}.offering"] = item.offering
    facts[f"{prefix}.supplier"] = item.supplier
    facts[f"{prefix}.must_wait"] = item.not_before is not None
    return facts


def _templates(
    item: FulfilmentItem, *, items: Sequence[FulfilmentItem], recipes: Mapping[str, Recipe]
) -> tuple[TaskTemplate, ...]:
    if item.recipe is None:
        return ()
    recipe = recipes.get(item.recipe)
    if recipe is None:
        raise RuleViolated(
            f"No recipe is called {item.recipe!r}; publish it before selling {item.offering!r}.",
            code="unknown_recipe",
            recipe=item.recipe,
        )
    facts = item_facts(item, items=items)
    return tuple(task for task in recipe.tasks if task.when.holds(facts))


def _spec(
    key: str,
    *,
    uses: Sequence[tuple[TaskTemplate, FulfilmentItem]],
    items: Sequence[FulfilmentItem],
    aliases: Mapping[str, str],
) -> TaskSpec:
    template, first = uses[0]
    needs = {
        aliases[name]
        for task, item in uses
        for need in task.needs
        for name in _named(need, item=item, items=items)
        if name in aliases and aliases[name] != key
    }
    watched = aliases.get(f"{first.line_id}.{template.of}") if template.of else None
    return TaskSpec(
        key=key,
        lines=tuple(item.line_id for _, item in uses),
        role="" if template.shared else first.role,
        kind=template.kind,
        action=template.action,
        needs=tuple(sorted(needs)),
        until=template.until,
        of=watched,
        ponr=any(task.ponr for task, _ in uses),
        undo=template.undo,
        hours=max(task.hours for task, _ in uses),
    )


def _named(need: str, *, item: FulfilmentItem, items: Sequence[FulfilmentItem]) -> tuple[str, ...]:
    role, dot, key = need.rpartition(".")
    if not dot:
        return (f"{item.line_id}.{need}",)
    return tuple(f"{member.line_id}.{key}" for member in items if member.role == role)


def _before(spec: TaskSpec) -> tuple[str, ...]:
    return (*spec.needs, spec.of) if spec.of else spec.needs


def _sorted(chosen: Mapping[str, TaskSpec]) -> tuple[TaskSpec, ...]:
    try:
        graph = TopologicalSorter({key: _before(spec) for key, spec in sorted(chosen.items())})
        return tuple(chosen[key] for key in graph.static_order())
    except CycleError as error:
        raise RuleViolated(
            "The recipes wait for each other in a circle; mend them in the catalogue.",
            code="cyclic_plan",
            cycle=list(error.args[1]),
        ) from error
