"""Order items and recipes become a plan."""

from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.kernel.errors import InvalidInput, RuleViolated
from commerce.ordering.domain.fulfilment import FulfilmentItem
from orchestration.domain.decompose import TaskSpec, decompose
from orchestration.domain.recipes import parse_recipes

RECIPES = parse_recipes(
    {
        "line": {
            "tasks": [
                {"key": "wait", "kind": "timer", "when": {"fact": "item.must_wait", "is": True}},
                {
                    "key": "number",
                    "kind": "call",
                    "action": "numbering.assign",
                    "when": {"fact": "item.port_in", "is": False},
                },
                {
                    "key": "port",
                    "kind": "callback",
                    "action": "porting.port_in",
                    "until": "port.completed",
                    "when": {"fact": "item.port_in", "is": True},
                    "needs": ["wait", "sim.profile"],
                    "ponr": True,
                },
                {
                    "key": "activate",
                    "kind": "callback",
                    "action": "network.activate",
                    "until": "line.activated",
                    "needs": ["number", "port", "sim.profile", "sim.ship"],
                },
                {
                    "key": "billing",
                    "kind": "call",
                    "action": "billing.start",
                    "needs": ["activate"],
                },
            ]
        },
        "esim": {"tasks": [{"key": "profile", "kind": "call", "action": "esim.download"}]},
        "parcel": {
            "tasks": [
                {
                    "key": "ship",
                    "kind": "callback",
                    "action": "logistics.ship",
                    "until": "shipment.picked",
                    "shared": True,
                },
                {
                    "key": "delivered",
                    "kind": "milestone",
                    "of": "ship",
                    "until": "shipment.delivered",
                    "shared": True,
                },
            ]
        },
    }
)


def item(line: str, role: str, recipe: str | None, **more: object) -> FulfilmentItem:
    values: dict[str, object] = {
        "line_id": line, "group": "g1", "role": role, "offering": f"o-{line}", "name": line,
        "quantity": 1, "term": 24, "recipe": recipe, "characteristics": {}, "config": {},
        "facts": {}, "charges": (),
    }  # fmt: skip
    return FulfilmentItem(**(values | more))  # type: ignore[arg-type]


def needs(plan: tuple[TaskSpec, ...]) -> Mapping[str, tuple[str, ...]]:
    return {task.key: task.needs for task in plan}


NEW_NUMBER = [
    item("1", "handset", "parcel"),
    item("2", "plan", "line", config={"number_choice": "new"}),
    item("3", "sim", "esim"),
    item("4", "accessory", "parcel"),
]


def test_a_new_line_with_esim_waits_for_number_and_profile_and_shares_one_parcel() -> None:
    assert needs(decompose(NEW_NUMBER, recipes=RECIPES)) == {
        "ship": (),
        "delivered": (),
        "2.number": (),
        "3.profile": (),
        "2.activate": ("2.number", "3.profile"),
        "2.billing": ("2.activate",),
    }


def test_a_milestone_watches_a_task_without_waiting_for_its_end() -> None:
    plan = decompose(NEW_NUMBER, recipes=RECIPES)
    delivered = next(t for t in plan if t.key == "delivered")
    assert (delivered.of, delivered.needs) == ("ship", ())
    assert [t.key for t in plan].index("ship") < [t.key for t in plan].index("delivered")


def test_one_shared_task_serves_all_items_that_name_it() -> None:
    ship = next(t for t in decompose(NEW_NUMBER, recipes=RECIPES) if t.key == "ship")
    assert ship.lines == ("1", "4")


def test_a_ported_number_is_the_point_of_no_return_and_replaces_the_pool() -> None:
    items = [item("2", "plan", "line", config={"number_choice": "port"}), item("3", "sim", "esim")]
    plan = decompose(items, recipes=RECIPES)
    assert needs(plan)["2.activate"] == ("2.port", "3.profile")
    assert [task.key for task in plan if task.ponr] == ["2.port"]


def test_who_did_not_ask_for_early_execution_is_ported_after_the_withdrawal_period() -> None:
    config = {"number_choice": "port"}
    waits = [item("2", "plan", "line", config=config, not_before=date(2026, 12, 7))]
    plan = needs(decompose(waits, recipes=RECIPES))
    assert plan["2.port"] == ("2.wait",)
    assert plan["2.wait"] == ()


def test_a_physical_sim_must_be_picked_before_the_line_is_activated() -> None:
    items = [item("2", "plan", "line"), item("3", "sim", "parcel")]
    assert needs(decompose(items, recipes=RECIPES))["2.activate"] == ("2.number", "ship")


def test_an_item_without_recipe_makes_no_task() -> None:
    assert decompose([item("9", "fee", None)], recipes=RECIPES) == ()


def test_an_unknown_recipe_is_refused_by_name() -> None:
    with pytest.raises(RuleViolated) as refused:
        decompose([item("9", "plan", "telepathy")], recipes=RECIPES)
    assert refused.value.code == "unknown_recipe"
    assert refused.value.detail["recipe"] == "telepathy"


def test_recipes_that_wait_for_each_other_are_refused() -> None:
    recipes = parse_recipes(
        {
            "a": {"tasks": [{"key": "x", "kind": "manual", "needs": ["b.y"]}]},
            "b": {"tasks": [{"key": "y", "kind": "manual", "needs": ["a.x"]}]},
        }
    )
    with pytest.raises(RuleViolated) as refused:
        decompose([item("1", "a", "a"), item("2", "b", "b")], recipes=recipes)
    assert refused.value.code == "cyclic_plan"


@pytest.mark.parametrize(
    ("task", "field"),
    [
        ({"key": "a", "kind": "dream"}, "recipes.r.tasks[0].kind"),
        ({"key": "a", "kind": "callback", "action": "x.y"}, "recipes.r.tasks[0].until"),
        ({"key": "a", "kind": "manual", "needs": ["b"]}, "recipes.r.tasks[0].needs"),
        ({"key": "a", "kind": "manual", "colour": 1}, "recipes.r.tasks[0]"),
    ],
)
def test_a_wrong_recipe_says_where(task: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_recipes({"r": {"tasks": [task]}})
    assert refused.value.detail["field"] == field


@given(order=st.permutations(NEW_NUMBER))
def test_the_order_of_items_changes_nothing(order: list[FulfilmentItem]) -> None:
    assert decompose(order, recipes=RECIPES) == decompose(NEW_NUMBER, recipes=RECIPES)


@given(order=st.permutations(NEW_NUMBER))
def test_every_need_is_in_the_plan_and_comes_first(order: list[FulfilmentItem]) -> None:
    done: set[str] = set()
    for task in decompose(order, recipes=RECIPES):
        assert set(task.needs) <= done
        done.add(task.key)
