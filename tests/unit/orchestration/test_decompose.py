"""Order items and recipes become a plan."""

from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.domain.model import Segment
from catalogue.domain.sourcing import PartnerKind, Share
from commerce.kernel.errors import InvalidInput, RuleViolated
from commerce.ordering.domain.fulfilment import FulfilmentItem, FulfilmentOrder
from orchestration.domain.decompose import TaskSpec, decompose
from orchestration.domain.recipes import parse_recipes
from orchestration.domain.requests import TaskContext, facts_of_event, shipment_lines

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


PARCELS = parse_recipes(
    {
        "line": {
            "tasks": [
                {"key": "activate", "kind": "call", "action": "network.activate",
                 "needs": ["sim.ship", "sim.supplier_ship"]},
            ]
        },
        "thing": {
            "tasks": [
                {"key": "arrival", "kind": "timer", "supply": "own",
                 "when": {"fact": "parcel.comes_later", "is": True}},
                {"key": "ship", "kind": "callback", "action": "logistics.ship",
                 "until": "shipment.picked", "supply": "own", "needs": ["arrival"]},
                {"key": "delivered", "kind": "milestone", "of": "ship",
                 "until": "shipment.delivered", "supply": "own", "needs": ["ship"]},
                {"key": "supplier_ship", "kind": "callback", "action": "dropship.ship",
                 "until": "shipment.picked", "supply": "supplier"},
            ]
        },
    }
)  # fmt: skip
LEAVES, DAY = date(2026, 11, 24), date(2026, 12, 8)
HOUSE = Share("house", PartnerKind.OWN, 1, LEAVES)
HOUSE_LATER = Share("house", PartnerKind.OWN, 2, DAY, DAY)
NEAR = Share("near", PartnerKind.SUPPLIER, 2, LEAVES)
FAR = Share("far", PartnerKind.SUPPLIER, 2, LEAVES)


def test_each_partner_and_day_is_a_parcel_of_its_own() -> None:
    items = [
        item("1", "accessory", "thing", quantity=5, shares=(HOUSE, NEAR, HOUSE_LATER)),
        item("2", "sim", "thing", shares=(HOUSE,)),
        item("3", "plan", "line"),
        item("4", "accessory", "thing", quantity=2, shares=(FAR,)),
    ]
    plan = decompose(items, recipes=PARCELS)
    assert {task.key: (task.needs, task.lines) for task in plan} == {
        "ship:house": ((), ("1", "2")),
        "delivered:house": (("ship:house",), ("1", "2")),
        "arrival:house:2026-12-08": ((), ("1",)),
        "ship:house:2026-12-08": (("arrival:house:2026-12-08",), ("1",)),
        "delivered:house:2026-12-08": (("ship:house:2026-12-08",), ("1",)),
        "supplier_ship:near": ((), ("1",)),
        "supplier_ship:far": ((), ("4",)),
        "3.activate": (("ship:house",), ("3",)),
    }
    watched = {task.key: task.of for task in plan if task.of}
    assert watched == {
        "delivered:house": "ship:house",
        "delivered:house:2026-12-08": "ship:house:2026-12-08",
    }
    starts = {task.key: task.parcel.expected_on for task in plan if task.parcel}
    assert starts["arrival:house:2026-12-08"] == DAY


def test_a_parcel_is_asked_for_with_its_own_pieces_under_a_reference_of_its_own() -> None:
    split = item("1", "accessory", "thing", quantity=5, shares=(HOUSE, NEAR, HOUSE_LATER))
    whole = item("2", "handset", "thing", shares=(HOUSE,))
    order = FulfilmentOrder(
        "F-1", 1, Segment.CONSUMER, "web", 1, "fr", "", "", items=(split, whole)
    )
    asked = {
        parcel: [
            (line["item_reference"], line["quantity"])
            for line in shipment_lines(TaskContext(order, "g1", lines, LEAVES, parcel))
        ]
        for parcel, lines in (
            ("house", ("1", "2")), ("near", ("1",)), ("house:2026-12-08", ("1",))
        )
    }  # fmt: skip
    assert asked == {
        "house": [("F-1/1/house", 1), ("F-1/2", 1)],
        "near": [("F-1/1/near", 2)],
        "house:2026-12-08": [("F-1/1/house:2026-12-08", 2)],
    }


def test_what_the_parcels_of_a_line_tell_adds_up() -> None:
    line = item("1", "handset", "thing", quantity=3, shares=(HOUSE, NEAR), facts={"imei": "11"})
    order = FulfilmentOrder("F-1", 1, Segment.BUSINESS, "portal", 1, "fr", "", "", items=(line,))
    context = TaskContext(order, "g1", ("1",), LEAVES, "near")
    told = {"lines": [{"item_reference": "F-1/1/near", "imeis": ["22", "33"]}]}
    assert facts_of_event("shipment.picked", told, context=context) == {"1": {"imei": "11,22,33"}}


def test_a_split_shipment_tells_each_line_its_own_parcel() -> None:
    lines = tuple(item(number, "handset", "thing", shares=(HOUSE,)) for number in ("1", "2"))
    order = FulfilmentOrder("F-1", 1, Segment.BUSINESS, "portal", 1, "fr", "", "", items=lines)
    context = TaskContext(order, "g1", ("1", "2"), LEAVES, "house")
    parcels = [
        {"carrier": "C", "tracking_number": "CB1", "item_references": ["F-1/1"]},
        {"carrier": "C", "tracking_number": "CB2", "item_references": ["F-1/2"]},
    ]
    first = facts_of_event("parcel.shipped", {"parcel": 1, **parcels[0]}, context=context)
    whole = {"carrier": "C", "tracking_number": "CB1, CB2", "parcels": parcels}
    assert first == {"1": {"carrier": "C", "tracking_number": "CB1"}}
    assert facts_of_event("shipment.shipped", whole, context=context) == {
        "1": {"carrier": "C", "tracking_number": "CB1"},
        "2": {"carrier": "C", "tracking_number": "CB2"},
    }
