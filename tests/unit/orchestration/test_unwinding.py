"""Taking a plan back: what stands is undone once, after what was built on it."""

from graphlib import TopologicalSorter

from hypothesis import given
from hypothesis import strategies as st

from orchestration.domain.recipes import TaskKind
from orchestration.domain.states import EffectState, TaskState
from orchestration.domain.unwinding import (
    Standing,
    Step,
    impact_of,
    staying,
    token_of,
    undo_key,
)

CALL, CALLBACK, MILESTONE = TaskKind.CALL, TaskKind.CALLBACK, TaskKind.MILESTONE
DONE, WAITING, AWAITING = TaskState.DONE, TaskState.WAITING, TaskState.AWAITING


def step(
    key: str, *before: str, state: TaskState = DONE, kind: TaskKind = CALL, **more: object
) -> Step:
    """A call that a provider took, unless said otherwise."""
    given = {"undo": f"{key}.undo", "effect": EffectState.ACCEPTED, **more}
    return Step(key, before, kind, state, **given)  # type: ignore[arg-type]


LINE = (
    step("number", outside=False, effect=None),
    step("download"),
    step("profile", "download", undo=""),
    step("ship", kind=CALLBACK),
    step("shipped", "ship", kind=MILESTONE, state=AWAITING, undo=None, effect=None, ponr=True),
    step("notice", "profile", kind=TaskKind.NOTIFY, undo=None, outside=False, effect=None),
    step("activate", "number", "profile", "ship", kind=CALLBACK, state=AWAITING),
    step("billing", "activate", state=WAITING, undo=None, effect=None, ponr=True),
)


def test_a_line_is_taken_back_from_its_end() -> None:
    impact = impact_of(LINE)
    assert [(c.undoes, c.action, c.needs) for c in impact.undone] == [
        ("activate", "activate.undo", ()),
        ("download", "download.undo", ("undo:activate",)),
        ("number", "number.undo", ("undo:activate",)),
        ("ship", "ship.undo", ("undo:activate",)),
    ]
    assert impact.stopped == ("shipped", "billing")
    assert impact.kept == ("profile", "notice")
    assert (impact.passed, impact.passing, impact.possible) == ((), (), True)


def test_what_lies_behind_a_point_of_no_return_is_not_taken_back() -> None:
    left = step("shipped", "ship", kind=MILESTONE, undo=None, effect=None, ponr=True)
    impact = impact_of((step("ship", kind=CALLBACK), left))
    assert (impact.passed, impact.possible) == (("shipped",), False)


def test_what_nobody_said_how_to_take_back_holds_the_order() -> None:
    """Releases of before orders could be cancelled name no `undo`."""
    for more, passed in (
        ({}, ("ship",)),
        ({"state": TaskState.RETRYING, "effect": EffectState.UNKNOWN}, ("ship",)),
        ({"effect": None}, ("ship",)),  # by hand
        ({"state": TaskState.FALLOUT, "effect": EffectState.REFUSED}, ()),
        ({"state": WAITING, "effect": None}, ()),
        ({"outside": False, "effect": None}, ()),
        ({"undo": ""}, ()),
    ):
        impact = impact_of((step("ship", **{"kind": CALLBACK, "undo": None, **more}),))  # type: ignore[arg-type]
        assert (impact.passed, impact.possible) == (passed, not passed), more


def test_what_its_provider_takes_back_no_more_holds_the_order_until_it_is_done() -> None:
    moving = step("port", kind=CALLBACK, state=AWAITING, late=True, ponr=True)
    impact = impact_of((moving,))
    assert (impact.late, impact.passed, impact.possible) == (("port",), (), False)
    arrived = step("port", kind=CALLBACK, late=True, ponr=True)
    assert impact_of((arrived,)).late == ()


def test_a_point_of_no_return_that_may_be_passed_now_is_waited_for() -> None:
    for state, effect, passing in (
        (TaskState.RUNNING, EffectState.SENT, ("billing",)),
        (TaskState.RETRYING, EffectState.UNKNOWN, ("billing",)),
        (TaskState.FALLOUT, EffectState.REFUSED, ()),
        (TaskState.WAITING, None, ()),
    ):
        billing = step("billing", state=state, undo=None, effect=effect, ponr=True)
        assert impact_of((billing,)).passing == passing


def test_what_stands_is_told_by_the_effect_not_by_the_task() -> None:
    told = {
        (TaskState.RETRYING, EffectState.UNKNOWN): Standing.IN_DOUBT,
        (TaskState.RUNNING, EffectState.SENT): Standing.IN_DOUBT,
        (TaskState.FALLOUT, EffectState.UNKNOWN): Standing.IN_DOUBT,
        (TaskState.SKIPPED, EffectState.ACCEPTED): Standing.STANDS,
        (TaskState.AWAITING, EffectState.ACCEPTED): Standing.STANDS,
        (TaskState.FALLOUT, EffectState.REFUSED): Standing.NOTHING,
        (TaskState.RETRYING, None): Standing.NOTHING,
        (TaskState.DONE, EffectState.REFUSED): Standing.BY_HAND,
        (TaskState.DONE, None): Standing.BY_HAND,
    }
    for (state, effect), standing in told.items():
        assert step("any", state=state, effect=effect).standing is standing, (state, effect)
    assert step("port", state=TaskState.FALLOUT, turned_down=True).standing is Standing.NOTHING


def test_the_token_changes_with_what_would_happen() -> None:
    before = token_of("F-1", {"g1": impact_of(LINE)}, amount="235.00")
    assert token_of("F-1", {"g1": impact_of(LINE)}, amount="235.00") == before
    further = (*LINE[:6], step("activate", "ship", kind=CALLBACK, undo=None), LINE[7])
    assert token_of("F-1", {"g1": impact_of(further)}, amount="235.00") != before
    assert token_of("F-1", {"g1": impact_of(LINE)}, amount="234.00") != before


def test_what_has_passed_stays_with_what_it_was_built_on_but_for_parcels_that_have_not_left() -> (
    None
):
    """A line runs on the card of a parcel that is still in the warehouse."""
    billing = step("billing", "activate", undo=None, ponr=True)
    runs = (*LINE[:6], step("activate", "number", "profile", "ship", kind=CALLBACK), billing)
    assert staying(runs) == {"billing", "activate", "number", "profile", "download"}
    left = step("shipped", "ship", kind=MILESTONE, undo=None, effect=None, ponr=True)
    assert staying((*LINE[:4], left, *LINE[5:])) == {"ship", "shipped"}


def test_what_can_be_called_off_no_more_stays_with_what_follows_of_it() -> None:
    port = step("port", "profile", kind=CALLBACK, state=AWAITING, late=True, ponr=True)
    after = step("activate", "port", kind=CALLBACK, state=WAITING, effect=None)
    assert staying((*LINE[:6], port, after, LINE[7])) == {
        *("download", "profile", "port", "activate", "billing"),
    }
    assert staying(LINE) == frozenset()


def test_what_waited_for_a_milestone_alone_keeps_nothing_of_what_that_watches() -> None:
    """A phone left once the transfer of its number was agreed; the transfer can be called off."""
    port = step("port", kind=CALLBACK, state=AWAITING, ponr=True)
    agreed = step("agreed", "port", kind=MILESTONE, undo=None, effect=None, outside=False)
    ship = step("ship", "agreed", kind=CALLBACK)
    left = step("shipped", "ship", kind=MILESTONE, undo=None, effect=None, ponr=True)
    assert staying((port, agreed, ship, left)) == {"agreed", "ship", "shipped"}
    # What was built on the port itself keeps it.
    built = step("ship", "port", kind=CALLBACK)
    assert staying((port, built, left)) == {"port", "ship", "shipped"}


@st.composite
def plans(draw: st.DrawFn) -> tuple[Step, ...]:
    """Any plan, run to any point: edges lead back to earlier tasks."""
    steps: list[Step] = []
    for place in range(draw(st.integers(1, 12))):
        before = draw(st.sets(st.sampled_from(steps), max_size=3)) if steps else set()
        steps.append(
            Step(
                key=f"t{place:02}",
                before=tuple(sorted(each.key for each in before)),
                kind=draw(st.sampled_from([CALL, CALLBACK])),
                state=draw(st.sampled_from(list(TaskState))),
                undo=draw(st.sampled_from([None, "undo"])),
                outside=draw(st.booleans()),
                effect=draw(st.sampled_from([None, *EffectState])),
            )
        )
    return tuple(steps)


@given(plans())
def test_every_effect_that_may_stand_is_undone_once_after_what_was_built_on_it(
    steps: tuple[Step, ...],
) -> None:
    impact = impact_of(steps)
    undone = [each.undoes for each in impact.undone]
    standing = {s.key for s in steps if s.undo and s.standing is not Standing.NOTHING}
    assert sorted(undone) == sorted(standing)
    assert len({each.key for each in impact.undone}) == len(undone)
    order = TopologicalSorter({each.key: each.needs for each in impact.undone})
    assert set(order.static_order()) == {undo_key(key) for key in standing}
    ancestors = _ancestors(steps)
    for place, key in enumerate(undone):
        assert not any(key in ancestors[later] for later in undone[place + 1 :])
    needed = {each.undoes: _closure(impact.undone, each.key) for each in impact.undone}
    for one in undone:
        for other in undone:
            if one in ancestors[other]:
                assert undo_key(other) in needed[one]


def _ancestors(steps: tuple[Step, ...]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in steps:
        found[each.key] = set(each.before).union(*(found[key] for key in each.before))
    return found


def _closure(undone: tuple, key: str) -> set[str]:  # type: ignore[type-arg]
    needs = {each.key: each.needs for each in undone}
    look, found = list(needs[key]), set()
    while look:
        each = look.pop()
        if each not in found:
            found.add(each)
            look.extend(needs[each])
    return found
