"""Whatever is ordered of the demonstration, its plan has no circle and nothing missing, and what it
does before a point of no return can be taken back."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from catalogue.domain.sourcing import PartnerKind, Share
from commerce.ordering.domain.fulfilment import FulfilmentItem, parcels_of
from orchestration.domain.decompose import TaskSpec, decompose, item_facts
from orchestration.domain.recipes import TaskKind, TaskTemplate, parse_recipes
from orchestration.domain.unwinding import impact_of
from tests.demo import demo
from tests.unit.orchestration.test_endings import step

RECIPES = parse_recipes(demo().snapshot.recipes)
ROLES = {"mobile-line": "plan", "special-number": "number", "esim": "sim", "physical-sim": "sim"}
THINGS = frozenset({"handset", "accessory", "physical-sim"})
CHANGES = sorted({code.partition(".")[2] for code in RECIPES if "." in code})
DAY = date(2026, 11, 30)
CONFIG: Mapping[str, st.SearchStrategy[str]] = {
    "number_choice": st.sampled_from(["port", "new"]),
    "temporary": st.just("yes"),
    "grade": st.just("outgoing"),
    "lifts": st.just("lost_sim"),
    "old_sim": st.just("yes"),
    "motive": st.just("death"),
    "ported": st.just("yes"),
    "unpaid": st.just("yes"),
}
"""What the conditions of recipes ask for."""


@st.composite
def bundles(draw: st.DrawFn) -> list[FulfilmentItem]:
    """New things, or a change of some that run, in any order and from whatever partners."""
    change = draw(st.sampled_from(["", *CHANGES]))
    known = [code for code in RECIPES if code.partition(".")[2] == change]
    known += ["handset", "physical-sim", "esim"] if change in ("renew", "sim") else []
    chosen = draw(st.lists(st.sampled_from(known), min_size=1, max_size=6))
    config = draw(st.fixed_dictionaries({}, optional=CONFIG))
    if config.get("number_choice") != "port":
        config.pop("temporary", "")
    waits = draw(st.booleans())
    return [
        FulfilmentItem(
            line_id=str(place), group="g1",
            role=ROLES.get(code.partition(".")[0], code.partition(".")[0]),
            offering=code, name=code, quantity=1, term=0, recipe=code, characteristics={},
            config=config, facts={}, charges=(), not_before=DAY if waits else None,
            shares=tuple(draw(shares())) if code in THINGS else (),
        )
        for place, code in enumerate(chosen)
    ]  # fmt: skip


@st.composite
def shares(draw: st.DrawFn) -> list[Share]:
    parcels = st.tuples(st.sampled_from(list(PartnerKind)), st.sampled_from([None, DAY]))
    return [
        Share(f"{kind}-partner", kind, 1, DAY, expected_on)
        for kind, expected_on in draw(st.lists(parcels, min_size=1, max_size=3, unique=True))
    ]


def wanted(items: list[FulfilmentItem]) -> Iterator[tuple[str, str, TaskTemplate]]:
    """Each step that a recipe asks for: its line, its parcel, and the step."""
    for item in items:
        facts = item_facts(item, items=items)
        for template in RECIPES[item.recipe or ""].tasks:
            if template.supply is None:
                if template.when.holds(facts):
                    yield item.line_id, "", template
                continue
            for parcel in parcels_of(item):
                later = {**facts, "parcel.comes_later": parcel.expected_on is not None}
                if parcel.kind is template.supply and template.when.holds(later):
                    yield item.line_id, str(parcel), template


def made(plan: tuple[TaskSpec, ...]) -> Counter[tuple[object, ...]]:
    return Counter(
        (line, str(spec.parcel or ""), spec.kind, spec.action, spec.until)
        for spec in plan
        for line in spec.lines
    )


@settings(max_examples=50, deadline=None)
@given(bundles())
def test_a_plan_has_each_step_of_its_recipes_once_after_what_it_waits_for(
    items: list[FulfilmentItem],
) -> None:
    plan = decompose(items, recipes=RECIPES)
    assert made(plan) == Counter(
        (line, parcel, each.kind, each.action, each.until) for line, parcel, each in wanted(items)
    )
    behind: set[str] = set()
    for spec in plan:
        assert {*spec.needs, *([spec.of] if spec.of else [])} <= behind, spec.key
        behind.add(spec.key)
    assert len(behind) == len(plan)


@settings(max_examples=50, deadline=None)
@given(bundles(), st.data())
def test_what_is_done_before_a_point_of_no_return_can_be_taken_back(
    items: list[FulfilmentItem], data: st.DataObject
) -> None:
    plan = decompose(items, recipes=RECIPES)
    begun = next((place for place, spec in enumerate(plan) if spec.ponr), len(plan))
    count = data.draw(st.integers(0, begun))
    steps = [step(spec, done=place < count) for place, spec in enumerate(plan)]
    impact = impact_of(steps)
    effects = [each for each in steps[:count] if each.kind in (TaskKind.CALL, TaskKind.CALLBACK)]
    assert impact.possible
    assert all(each.undo is not None for each in effects)
    undone = [each.undoes for each in impact.undone]
    assert sorted(undone) == sorted(each.key for each in effects if each.undo)
    needed = {each.key: {*each.before} for each in steps}
    for place, key in enumerate(undone):
        assert not any(key in needed[later] for later in undone[place + 1 :])
