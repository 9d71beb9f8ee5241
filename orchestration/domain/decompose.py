"""Decomposition: order items and their recipes become a plan, a directed acyclic graph of tasks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter

from catalogue.domain.expressions import Facts, Scalar
from commerce.kernel.errors import RuleViolated
from commerce.ordering.domain.fulfilment import FulfilmentItem, Parcel, parcels_of
from orchestration.domain.recipes import Recipe, TaskKind, TaskTemplate


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task of a plan. `key` is unique in it; `lines` are the order items that it serves, of
    which it handles the `parcel` alone if it has one."""

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
    parcel: Parcel | None = None
    working: bool = False
    asks: tuple[str, ...] = ()
    aside: bool = False


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
    wanted: dict[str, list[_Use]] = {}
    aliases: dict[str, dict[Parcel | None, str]] = {}
    for item in sorted(items, key=lambda item: item.line_id):
        for use in _uses(item, items=items, recipes=recipes):
            wanted.setdefault(use.key, []).append(use)
            aliases.setdefault(use.alias, {})[use.parcel] = use.key
    specs = {
        key: _spec(key, uses=uses, items=items, aliases=aliases) for key, uses in wanted.items()
    }
    for key, uses in sorted(wanted.items()):
        later = _keys_of(key, uses, lambda use: use.template.after, items=items, aliases=aliases)
        free = [each for each in sorted(later) if key not in _all_before(each, specs)]
        specs[key] = replace(specs[key], needs=tuple(sorted({*specs[key].needs, *free})))
    return _sorted(specs)


@dataclass(frozen=True, slots=True)
class _Use:
    """A step of a recipe for one item, or for its share of one parcel."""

    template: TaskTemplate
    item: FulfilmentItem
    parcel: Parcel | None

    @property
    def key(self) -> str:
        if self.parcel is not None:
            return f"{self.template.key}:{self.parcel}"
        if self.template.shared:
            return self.template.key
        return self.alias

    @property
    def alias(self) -> str:
        return f"{self.item.line_id}.{self.template.key}"


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
    facts[f"{prefix}.supplier"] = item.shares[0].partner if item.shares else ""
    facts[f"{prefix}.must_wait"] = item.not_before is not None
    return facts


def _uses(
    item: FulfilmentItem, *, items: Sequence[FulfilmentItem], recipes: Mapping[str, Recipe]
) -> Iterator[_Use]:
    if item.recipe is None:
        return
    recipe = recipes.get(item.recipe)
    if recipe is None:
        raise RuleViolated(
            f"No recipe is called {item.recipe!r}; publish it before selling {item.offering!r}.",
            code="unknown_recipe",
            recipe=item.recipe,
        )
    facts = item_facts(item, items=items)
    for task in recipe.tasks:
        if task.supply is None:
            if task.when.holds(facts):
                yield _Use(task, item, None)
            continue
        for parcel in parcels_of(item):
            own = {**facts, "parcel.comes_later": parcel.expected_on is not None}
            if parcel.kind is task.supply and task.when.holds(own):
                yield _Use(task, item, parcel)


def _spec(
    key: str,
    *,
    uses: Sequence[_Use],
    items: Sequence[FulfilmentItem],
    aliases: Mapping[str, Mapping[Parcel | None, str]],
) -> TaskSpec:
    first = uses[0]
    template = first.template
    needs = _keys_of(key, uses, lambda use: use.template.needs, items=items, aliases=aliases)
    watched = aliases.get(f"{first.item.line_id}.{template.of}", {}) if template.of else {}
    alone = first.parcel is None and not template.shared
    return TaskSpec(
        key=key,
        lines=tuple(use.item.line_id for use in uses),
        role=first.item.role if alone else "",
        kind=template.kind,
        action=template.action,
        needs=tuple(sorted(needs)),
        until=template.until,
        of=next(iter(_keys(watched, parcel=first.parcel)), None),
        ponr=any(use.template.ponr for use in uses),
        undo=template.undo,
        hours=max(use.template.hours for use in uses),
        parcel=first.parcel,
        working=template.working,
        asks=template.asks,
        aside=all(use.template.aside for use in uses),
    )


def _keys_of(
    key: str,
    uses: Sequence[_Use],
    named: Callable[[_Use], Sequence[str]],
    *,
    items: Sequence[FulfilmentItem],
    aliases: Mapping[str, Mapping[Parcel | None, str]],
) -> set[str]:
    """The tasks that the steps name, as they are called in this plan."""
    return {
        found
        for use in uses
        for need in named(use)
        for name in _named(need, item=use.item, items=items)
        for found in _keys(aliases.get(name, {}), parcel=use.parcel)
        if found != key
    }


def _all_before(key: str, specs: Mapping[str, TaskSpec]) -> set[str]:
    """What has to be done before the task, over however many others."""
    seen: set[str] = set()
    look = [key]
    while look:
        for each in _before(specs[look.pop()]):
            if each not in seen:
                seen.add(each)
                look.append(each)
    return seen


def _keys(found: Mapping[Parcel | None, str], *, parcel: Parcel | None) -> tuple[str, ...]:
    """Who waits for all of an item waits for each of its parcels; a parcel waits for no other."""
    if parcel is None:
        return tuple(found.values())
    return tuple(key for each, key in found.items() if each in (parcel, None))


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
