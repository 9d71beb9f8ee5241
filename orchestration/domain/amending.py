"""Amending a plan under way: what stays, what is taken back, and what is done anew. Pure.

The plan that the amended order would have is laid beside the one that runs. A task that has not
begun is simply there or not; one that has begun is done anew if what it asks for is different, or
if it was built on something that is done anew.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter

from orchestration.domain.decompose import TaskSpec
from orchestration.domain.states import TaskState
from orchestration.domain.unwinding import Impact, Step, impact_of, undo_key

_MARK = "~"


@dataclass(frozen=True, slots=True)
class Rework:
    """What amending makes of a plan. `impact` is about the tasks in `ending`; `added` are those
    that are new, after what is taken back; `redone` are the keys in `added` of what is done a
    second time; `waiting` are those that stay and have not begun, as they are now."""

    impact: Impact
    ending: frozenset[str]
    added: tuple[TaskSpec, ...]
    redone: frozenset[str]
    waiting: tuple[TaskSpec, ...]

    @property
    def nothing(self) -> bool:
        return not self.ending and not self.added


def base_key(key: str) -> str:
    """The key as the recipes make it, without the version that did it again."""
    return key.partition(_MARK)[0]


def rework(
    steps: Sequence[Step],
    specs: Sequence[TaskSpec],
    *,
    changed: Collection[str],
    used: Collection[str],
    version: int,
) -> Rework:
    """What becomes of the plan of `steps` where `specs` is what it should be now.

    `changed` are keys of `specs` that ask for something else than before; `used` are all keys that
    the plan ever had; `version` is that of the plan from now on.
    """
    present = {base_key(step.key): step for step in steps}
    fresh: set[str] = set()
    again: set[str] = set()
    for spec in specs:
        step = present.get(spec.key)
        if step is None:
            fresh.add(spec.key)
        elif _begun(step) and (spec.key in changed or (fresh | again) & _before(spec)):
            again.add(spec.key)
    wanted = {spec.key for spec in specs}
    ending = {step.key for base, step in present.items() if base in again or base not in wanted}
    impact = impact_of(steps, ending=ending)
    named = {
        spec.key: _name(spec.key, fresh | again, present=present, used=used, version=version)
        for spec in specs
    }
    undoing = tuple(undo_key(each.undoes) for each in impact.undone)
    return Rework(
        impact=impact,
        ending=frozenset(ending),
        added=tuple(
            _renamed(spec, named, after=() if _before(spec) & (fresh | again) else undoing)
            for spec in specs
            if spec.key in fresh | again
        ),
        redone=frozenset(named[key] for key in again),
        waiting=tuple(
            _renamed(spec, named)
            for spec in specs
            if spec.key not in fresh | again and not _begun(present[spec.key])
        ),
    )


def _begun(step: Step) -> bool:
    return step.state is not TaskState.WAITING


def _before(spec: TaskSpec) -> set[str]:
    return {*spec.needs, *([spec.of] if spec.of else [])}


def _name(
    key: str,
    new: Collection[str],
    *,
    present: Mapping[str, Step],
    used: Collection[str],
    version: int,
) -> str:
    if key not in new:
        return present[key].key
    return f"{key}{_MARK}{version}" if key in used else key


def _named(needs: Sequence[str], named: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(named[need] for need in needs))


def _renamed(spec: TaskSpec, named: Mapping[str, str], *, after: tuple[str, ...] = ()) -> TaskSpec:
    return replace(
        spec,
        key=named[spec.key],
        needs=(*_named(spec.needs, named), *after),
        of=named[spec.of] if spec.of else None,
    )


def duration(left: Mapping[str, tuple[int, Sequence[str]]]) -> int:
    """The hours until the last of `left` (hours and needs, by key) is done, each after what it
    needs; what is not in `left` is done already."""
    ends: dict[str, int] = {}
    graph = {key: [need for need in needs if need in left] for key, (_, needs) in left.items()}
    for key in TopologicalSorter(graph).static_order():
        ends[key] = left[key][0] + max((ends[need] for need in graph[key]), default=0)
    return max(ends.values(), default=0)
