"""Fulfilment recipes as data: known actions, known needs, no circles."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from catalogue.domain.expressions import parse
from catalogue.importer.schema import Catalogue, RecipePart, TaskPart
from catalogue.importer.sources import Trail
from commerce.kernel.errors import InvalidInput
from commerce.kernel.sentences import Sentence

ACTIONS: Mapping[str, str | None] = {
    "numbering.assign": "numbering.release",
    "numbering.lend": "numbering.take_back",
    "numbering.cut_over": None,
    "line.works": None,
    "porting.port_in": "porting.cancel",
    "esim.download": "esim.cancel",
    "esim.confirm": None,
    "logistics.ship": "logistics.cancel",
    "dropship.ship": "dropship.cancel",
    "shop.reserve": "shop.cancel",
    "network.activate": "network.end",
    "network.route": "network.end_route",
    "network.change": None,
    "network.swap_sim": None,
    "network.end_sim": None,
    "network.renumber": None,
    "network.cut_over": None,
    "numbering.retire": None,
    "network.suspend": None,
    "network.suspend_again": None,
    "network.restrict": None,
    "network.restrict_again": None,
    "network.resume": None,
    "content.entitle": "content.end",
    "content.stop": None,
    "content.suspend": None,
    "content.resume": None,
    "network.stop": None,
    "network.stop_route": None,
    "billing.owed": None,
    "billing.credit_back": None,
    "billing.wear": None,
    "logistics.take_back": "logistics.cancel_return",
    "money.pay_back": None,
    "stock.refurbish": None,
    "billing.start": None,
    "billing.change": None,
    "billing.number": None,
}
"""Each with the one that takes it back; None: it has none of its own."""
CHANGES = frozenset(
    {
        *("add", "remove", "plan", "renew", "sim", "number", "suspend", "resume"),
        "advantages",
        *("holder", "terminate", "withdraw"),
    }
)
"""What may be done with a thing on a running line: its recipe is called `<recipe>.<change>`."""
ACTING = frozenset({"call", "callback", "notify"})


def recipe_findings(catalogue: Catalogue) -> Iterator[tuple[Trail, str]]:
    """What is wrong with the recipes."""
    keys = {task.key for recipe in catalogue.recipes.values() for task in recipe.tasks}
    for name, recipe in catalogue.recipes.items():
        thing, dot, change = name.partition(".")
        if dot and (thing not in catalogue.recipes or change not in CHANGES):
            yield (
                ("recipes", name),
                Sentence("A recipe of a change is called after a recipe and a kind of change."),
            )
        elif dot and not _changes_once(recipe, change):
            yield ("recipes", name), Sentence("A change ends with one task billing.change.")
        yield from _tasks(name, recipe, all_keys=keys)
        yield from _alone(name, recipe, catalogue=catalogue)
        yield from _aside(name, recipe, catalogue=catalogue)
        try:
            TopologicalSorter(_graph(recipe)).prepare()
        except CycleError as error:
            circle = " needs ".join(error.args[1])
            yield (
                ("recipes", name),
                Sentence("These tasks wait for one another: %(circle)s.", circle=circle),
            )


def _changes_once(recipe: RecipePart, change: str) -> bool:
    """A change is one of the contract; what is given back may have come without one."""
    count = sum(task.action == "billing.change" for task in recipe.tasks)
    return count == 1 or (change == "withdraw" and count == 0)


def _alone(name: str, recipe: RecipePart, *, catalogue: Catalogue) -> Iterator[tuple[Trail, str]]:
    """What may fail alone is nothing that others are built on: but for the start of billing, which
    only waits to know what there is to bill."""
    if recipe.fails != "alone":
        return
    kinds = {str(kind) for kind in _kinds(name, catalogue)}
    own = {f"{kind}.{task.key}" for kind in kinds for task in recipe.tasks}
    for other, theirs in catalogue.recipes.items():
        for task in theirs.tasks:
            needed = sorted(own.intersection(task.needs))
            if needed and other != name and task.action != "billing.start":
                yield (
                    ("recipes", name, "fails"),
                    Sentence(
                        "%(task)s of %(recipe)s waits for %(need)s, which may fail alone.",
                        task=task.key,
                        recipe=other,
                        need=needed[0],
                    ),
                )


def _aside(name: str, recipe: RecipePart, *, catalogue: Catalogue) -> Iterator[tuple[Trail, str]]:
    """Nothing that an order waits for is built on what it does not wait for."""
    aside = {task.key for task in recipe.tasks if task.aside}
    if not aside:
        return
    kinds = {str(kind) for kind in _kinds(name.partition(".")[0], catalogue)}
    own = aside | {f"{kind}.{key}" for kind in kinds for key in aside}
    change = name.partition(".")[2]
    for other, theirs in catalogue.recipes.items():
        if other.partition(".")[2] != change:
            continue
        for task in theirs.tasks:
            needed = sorted(own.intersection((*task.needs, *task.after)))
            foreign = other != name and not any("." in need for need in needed)
            if needed and not task.aside and not foreign:
                yield (
                    ("recipes", name),
                    Sentence(
                        "%(task)s of %(recipe)s waits for %(need)s, for which no order waits.",
                        task=task.key,
                        recipe=other,
                        need=needed[0],
                    ),
                )


def _kinds(name: str, catalogue: Catalogue) -> Iterator[object]:
    """The kinds of what is fulfilled by the recipe."""
    for specification in catalogue.specifications.values():
        if specification.recipe == name:
            yield specification.kind
    for offering in (*catalogue.families, *catalogue.offerings):
        if offering.recipe == name:
            yield offering.kind


def _graph(recipe: RecipePart) -> Mapping[str, set[str]]:
    return {task.key: {need for need in task.needs if "." not in need} for task in recipe.tasks}


def _tasks(name: str, recipe: RecipePart, *, all_keys: set[str]) -> Iterator[tuple[Trail, str]]:
    own = [task.key for task in recipe.tasks]
    for i, task in enumerate(recipe.tasks):
        where = ("recipes", name, "tasks", i)
        if own.count(task.key) > 1:
            yield (*where, "key"), Sentence("Two tasks are called %(key)s.", key=task.key)
        yield from _action(where, task)
        yield from _undo(where, task)
        yield from _needs(where, task, own=own, all_keys=all_keys)
        try:
            parse(task.when, where="")
        except InvalidInput as error:
            yield (*where, "when"), error.message


def _action(where: Trail, task: TaskPart) -> Iterator[tuple[Trail, str]]:
    known = task.action in ACTIONS or task.action.startswith("message.")
    if task.kind in ACTING and not known:
        yield (
            (*where, "action"),
            Sentence("%(value)s is not an action.", value=task.action or Sentence("Nothing")),
        )
    if task.kind == "callback" and not task.until:
        yield (*where, "until"), Sentence("A callback task names the message that ends it.")
    if task.kind == "milestone" and not (task.until and task.of):
        yield (
            (*where, "of"),
            Sentence("A milestone names the task that it watches (of) and until what."),
        )


def _undo(where: Trail, task: TaskPart) -> Iterator[tuple[Trail, str]]:
    """Every effect can be taken back, needs not be, or is itself the point of no return."""
    if task.kind not in ("call", "callback") or task.action not in ACTIONS:
        return
    fitting = ACTIONS[task.action]
    if task.undo and task.undo != fitting:
        yield (
            (*where, "undo"),
            Sentence("%(undo)s does not take %(action)s back.", undo=task.undo, action=task.action),
        )
    elif not (task.undo or task.harmless or (task.ponr and task.kind == "call")):
        yield (
            (*where, "undo"),
            Sentence(
                "Say what takes %(task)s back (undo), that nothing needs to (harmless), or that"
                " it is the point of no return (ponr).",
                task=task.key,
            ),
        )


def _needs(
    where: Trail, task: TaskPart, *, own: list[str], all_keys: set[str]
) -> Iterator[tuple[Trail, str]]:
    for need in (*task.needs, *task.after, *([task.of] if task.of else [])):
        _, dot, key = need.rpartition(".")
        if (dot and key not in all_keys) or (not dot and need not in own):
            yield (*where, "needs"), Sentence("There is no task %(need)s.", need=need)
