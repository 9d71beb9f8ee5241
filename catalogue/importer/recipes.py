"""Fulfilment recipes as data: known actions, known needs, no circles."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from catalogue.domain.expressions import parse
from catalogue.importer.schema import Catalogue, RecipePart, TaskPart
from catalogue.importer.sources import Trail
from commerce.kernel.errors import InvalidInput

ACTIONS = frozenset(
    {
        "numbering.assign",
        "numbering.release",
        "porting.port_in",
        "porting.cancel",
        "esim.prepare",
        "esim.cancel",
        "logistics.ship",
        "logistics.cancel",
        "dropship.ship",
        "dropship.cancel",
        "network.activate",
        "network.end",
        "content.entitle",
        "content.end",
        "billing.start",
        "billing.end",
        "milestone.reached",
        "manual.check",
        "timer.wait",
    }
)


def recipe_findings(catalogue: Catalogue) -> Iterator[tuple[Trail, str]]:
    """What is wrong with the recipes."""
    keys = {task.key for recipe in catalogue.recipes.values() for task in recipe.tasks}
    for name, recipe in catalogue.recipes.items():
        yield from _tasks(name, recipe, all_keys=keys)
        try:
            TopologicalSorter(_graph(recipe)).prepare()
        except CycleError as error:
            circle = " needs ".join(error.args[1])
            yield ("recipes", name), f"These tasks wait for one another: {circle}."


def _graph(recipe: RecipePart) -> Mapping[str, set[str]]:
    return {task.key: {need for need in task.needs if "." not in need} for task in recipe.tasks}


def _tasks(name: str, recipe: RecipePart, *, all_keys: set[str]) -> Iterator[tuple[Trail, str]]:
    own = [task.key for task in recipe.tasks]
    for i, task in enumerate(recipe.tasks):
        where = ("recipes", name, "tasks", i)
        if own.count(task.key) > 1:
            yield (*where, "key"), f"Two tasks are called {task.key}."
        for action in (task.action, task.undo):
            if action and action not in ACTIONS and not action.startswith("message."):
                yield (*where, "action"), f"{action} is not an action."
        yield from _needs(where, task, own=own, all_keys=all_keys)
        try:
            parse(task.when, where="")
        except InvalidInput as error:
            yield (*where, "when"), error.message


def _needs(
    where: Trail, task: TaskPart, *, own: list[str], all_keys: set[str]
) -> Iterator[tuple[Trail, str]]:
    for need in task.needs:
        _, dot, key = need.rpartition(".")
        if (dot and key not in all_keys) or (not dot and need not in own):
            yield (*where, "needs"), f"There is no task {need}."
