"""How contracts end and things come back in the demonstration: all of it can be taken back until a
point of no return."""

from datetime import date

import pytest

from commerce.ordering.domain.fulfilment import FulfilmentItem
from commerce.ordering.domain.states import ItemAction
from orchestration.actions import ACTIONS
from orchestration.domain.decompose import TaskSpec, decompose
from orchestration.domain.recipes import TaskKind, parse_recipes
from orchestration.domain.states import EffectState, TaskState
from orchestration.domain.unwinding import Step, impact_of
from tests.demo import demo

RECIPES = parse_recipes(demo().snapshot.recipes)
THINGS = {
    "terminate": ("mobile-line", "content", "special-number"),
    "withdraw": ("mobile-line", "content", "handset", "accessory"),
}
ROLES = {"mobile-line": "plan", "special-number": "number"}


def item(recipe: str, change: str, **config: str) -> FulfilmentItem:
    return FulfilmentItem(
        line_id=f"delete-{recipe}",
        group="change",
        role=ROLES.get(recipe, recipe),
        offering=recipe,
        name=recipe,
        quantity=1,
        term=0,
        recipe=f"{recipe}.{change}",
        characteristics={},
        config=config,
        facts={},
        charges=(),
        not_before=date(2026, 12, 3) if change == "terminate" else None,
        action=ItemAction.DELETE,
        subject=1,
    )


def step(spec: TaskSpec, *, done: bool) -> Step:
    outside = spec.action in ACTIONS and spec.kind in (TaskKind.CALL, TaskKind.CALLBACK)
    return Step(
        key=spec.key,
        before=(*spec.needs, *([spec.of] if spec.of else [])),
        kind=spec.kind,
        state=TaskState.DONE if done else TaskState.WAITING,
        undo=spec.undo,
        ponr=spec.ponr,
        outside=outside,
        effect=EffectState.ACCEPTED if outside and done else None,
    )


@pytest.mark.parametrize(
    ("change", "config"),
    [("terminate", {}), ("terminate", {"motive": "death"}), ("withdraw", {})],
)
@pytest.mark.parametrize("alone", [False, True])
def test_what_stands_before_a_point_of_no_return_is_taken_back(
    change: str, config: dict[str, str], alone: bool
) -> None:
    things = [item(recipe, change, **config) for recipe in THINGS[change]]
    bundles = [[thing] for thing in things] if alone else [things]
    for bundle in bundles:
        plan = decompose(bundle, recipes=RECIPES)
        for count in range(len(plan) + 1):
            behind = {spec.key for spec in plan[:count]}
            if any(spec.ponr for spec in plan[:count]):
                break
            steps = [step(spec, done=spec.key in behind) for spec in plan]
            impact = impact_of(steps)
            standing = {s.key for s in steps if s.outside and s.state is TaskState.DONE}
            harmless = {s.key for s in steps if s.undo == ""}
            assert {each.undoes for each in impact.undone} == standing - harmless
            assert not impact.passed


def test_the_contract_ends_once_and_the_money_goes_back_after_everything() -> None:
    plan = decompose([item(r, "withdraw") for r in THINGS["withdraw"]], recipes=RECIPES)
    by_key = {spec.key: spec for spec in plan}
    actions = [spec.action for spec in plan]
    assert actions.count("billing.change") == actions.count("money.pay_back") == 1
    assert set(by_key["change"].needs) == {"delete-mobile-line.end"}
    assert [spec.key for spec in plan if spec.aside] == ["delete-content.end"]
    assert set(by_key["credit_back"].needs) == {
        "change", "delete-handset.sent", "delete-accessory.sent",
    }  # fmt: skip
    assert by_key["pay_back"].needs == ("credit_back",)
    assert set(by_key["wear"].needs) == {
        "credit_back", "delete-handset.back", "delete-accessory.back",
    }  # fmt: skip


def test_the_contract_of_a_number_that_left_is_ended_without_waiting_or_words() -> None:
    plan = decompose([item("mobile-line", "terminate", ported="yes")], recipes=RECIPES)
    assert [spec.action for spec in plan if spec.kind is not TaskKind.TIMER] == [
        "network.stop", "billing.change", "billing.owed",
    ]  # fmt: skip
