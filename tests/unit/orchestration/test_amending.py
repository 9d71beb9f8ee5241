"""Amending a plan under way: what has not begun is laid out anew, what stands is done once more."""

from collections.abc import Sequence
from dataclasses import replace
from graphlib import TopologicalSorter

from hypothesis import given
from hypothesis import strategies as st

from orchestration.domain.amending import Rework, base_key, duration, rework
from orchestration.domain.decompose import TaskSpec
from orchestration.domain.recipes import TaskKind
from orchestration.domain.states import EffectState, TaskState
from orchestration.domain.unwinding import Step

DONE, WAITING, AWAITING = TaskState.DONE, TaskState.WAITING, TaskState.AWAITING


def spec(key: str, *needs: str, of: str | None = None, ponr: bool = False) -> TaskSpec:
    kind = TaskKind.MILESTONE if of else TaskKind.CALL
    return TaskSpec(key, ("1",), "", kind, f"{key}.do", needs, None, of, ponr, f"{key}.undo", 1)


PLAN = (
    spec("number"),
    spec("ship"),
    spec("shipped", of="ship", ponr=True),
    spec("profile"),
    spec("activate", "number", "profile"),
    spec("billing", "activate", ponr=True),
    spec("welcome", "billing"),
)


def at(states: dict[str, TaskState], specs: Sequence[TaskSpec] = PLAN) -> tuple[Step, ...]:
    """The plan with these states; what is not named waits. A call that has begun was accepted."""
    return tuple(
        Step(
            key=each.key,
            before=(*each.needs, *([each.of] if each.of else [])),
            kind=each.kind,
            state=states.get(each.key, WAITING),
            undo=None if each.of or each.ponr else each.undo,
            ponr=each.ponr,
            effect=EffectState.ACCEPTED if states.get(each.key) and not each.of else None,
        )
        for each in specs
    )


LATER = (*PLAN, replace(spec("delivered", of="ship"), needs=("shipped",)))
BEGUN = {"number": DONE, "ship": DONE, "shipped": AWAITING, "profile": DONE, "activate": AWAITING}


def amended(
    states: dict[str, TaskState], changed: set[str], specs: Sequence[TaskSpec] = PLAN
) -> Rework:
    steps = at(states, LATER if specs is LATER else PLAN)
    return rework(steps, specs, changed=changed, used={each.key for each in LATER}, version=2)


def waits(found: Rework) -> dict[str, tuple[str, ...]]:
    return {each.key: (*each.needs, *([each.of] if each.of else [])) for each in found.waiting}


def test_what_has_not_begun_is_asked_for_as_it_is_now() -> None:
    found = amended({"number": DONE}, {"ship", "activate"})
    assert found.nothing
    assert found.impact.possible


def test_a_parcel_on_its_way_to_be_packed_is_called_back_and_sent_anew() -> None:
    found = amended(BEGUN, {"ship"})
    assert found.ending == {"ship", "shipped"}
    assert [(each.undoes, each.action) for each in found.impact.undone] == [("ship", "ship.undo")]
    assert [(each.key, each.needs, each.of) for each in found.added] == [
        ("ship~2", ("undo:ship",), None),
        ("shipped~2", (), "ship~2"),
    ]
    assert found.redone == {"ship~2", "shipped~2"}
    assert found.impact.possible


def test_who_waits_for_the_first_parcel_waits_for_the_second() -> None:
    found = amended(BEGUN, {"ship"}, LATER)
    assert waits(found)["delivered"] == ("shipped~2", "ship~2")


def test_how_long_it_takes_is_the_longest_way() -> None:
    assert duration({}) == 0
    left = {"a": (2, ()), "b": (3, ("a", "done")), "c": (4, ()), "d": (1, ("b", "c"))}
    assert duration(left) == 6


def test_a_parcel_that_has_left_is_not_called_back() -> None:
    found = amended({**BEGUN, "shipped": DONE}, {"ship"})
    assert found.impact.passed == ("shipped",)
    assert not found.impact.possible


def test_another_number_is_put_on_a_line_that_is_activated_anew() -> None:
    found = amended(BEGUN, {"number"})
    assert [each.undoes for each in found.impact.undone] == ["activate", "number"]
    assert [(each.key, each.needs) for each in found.added] == [
        ("number~2", ("undo:activate", "undo:number")),
        ("activate~2", ("number~2", "profile")),
    ]
    assert waits(found) == {"billing": ("activate~2",), "welcome": ("billing",)}
    billed = amended({**BEGUN, "activate": DONE, "billing": DONE}, {"number"})
    assert billed.impact.passed == ("billing",)


def test_what_is_wanted_no_more_is_taken_back_and_nothing_waits_for_it() -> None:
    without = [each for each in PLAN if each.key not in ("ship", "shipped")]
    found = amended(BEGUN, set(), without)
    assert found.ending == {"ship", "shipped"}
    assert [each.undoes for each in found.impact.undone] == ["ship"]
    assert found.impact.stopped == ("shipped",)
    assert found.added == ()
    assert waits(found) == {"billing": ("activate",), "welcome": ("billing",)}


def test_something_new_comes_before_what_waits_for_it() -> None:
    """A card instead of a profile: the activation is done anew, after the card has left."""
    card = replace(PLAN[4], needs=("card", "number"))
    specs = [*(e for e in PLAN[:4] if e.key != "profile"), spec("card"), card, *PLAN[5:]]
    found = amended(BEGUN, set(), specs)
    assert found.ending == {"profile", "activate"}
    assert [(each.key, each.needs) for each in found.added] == [
        ("card", ("undo:activate", "undo:profile")),
        ("activate~2", ("card", "number")),
    ]


@given(
    st.sets(st.sampled_from([each.key for each in PLAN])),
    st.sets(st.sampled_from([each.key for each in PLAN])),
    st.sets(st.sampled_from(["number", "ship", "profile"])),
    st.integers(min_value=0, max_value=3),
)
def test_the_reworked_plan_is_acyclic_whole_and_undoes_what_it_repeats(
    begun: set[str], changed: set[str], gone: set[str], more: int
) -> None:
    # What began, began after all that it needs.
    for each in PLAN:
        if {*each.needs, *([each.of] if each.of else [])} - begun:
            begun.discard(each.key)
    dropped = {*gone, *(["shipped"] if "ship" in gone else [])}
    specs = [
        replace(each, needs=tuple(need for need in each.needs if need not in dropped))
        for each in PLAN
        if each.key not in dropped
    ] + [spec(f"new{n}") for n in range(more)]
    steps = at(dict.fromkeys(begun, DONE))
    found = rework(steps, specs, changed=changed, used={e.key for e in PLAN}, version=2)
    staying = {step.key: step for step in steps if step.key not in found.ending}
    graph = {key: set(waits(found).get(key, ())) for key in staying}
    graph |= {each.key: {*each.needs, *([each.of] if each.of else [])} for each in found.added}
    graph |= {each.key: set(each.needs) for each in found.impact.undone}
    tuple(TopologicalSorter(graph).static_order())
    assert set().union(*graph.values()) <= set(graph)
    assert {base_key(key) for key in (*staying, *(e.key for e in found.added))} == {
        each.key for each in specs
    }
    stands = {step.key for step in steps if step.key in found.ending and step.key in begun}
    undone = {each.undoes for each in found.impact.undone}
    assert undone == {key for key in stands if key not in ("shipped", "billing")}
    behind = {key for key in stands if key in ("shipped", "billing")}
    assert set(found.impact.passed) == behind
