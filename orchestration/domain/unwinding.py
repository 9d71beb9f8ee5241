"""Taking back what a plan has done so far: what stands, what undoes it, and in which order."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from orchestration.domain.recipes import TaskKind
from orchestration.domain.states import EffectState, TaskState

CREDIT = "credit"
"""The key of the task that credits what the order's bill holds of a cancelled bundle."""
CREDITING = "billing.credit"
PAYING_BACK = "money.pay_back"
REFUND_DUE = "refund_due"
"""Why an operator sees a refund that still waits: its last day comes near."""
SETTLING = "order.settle"
"""The action that gives pieces and money back of lines that were taken out of a bundle."""


class Standing(StrEnum):
    """What is there of a task's effect. IN_DOUBT: it was sent, and nobody has answered yet.
    BY_HAND: an operator did it outside of the system, so that no provider can take it back."""

    NOTHING = "nothing"
    STANDS = "stands"
    IN_DOUBT = "in_doubt"
    BY_HAND = "by_hand"


@dataclass(frozen=True, slots=True)
class Step:
    """A task as far as it has come. `before`: what it needs or watches; `outside`: a provider does
    it; `effect`: of its present request; `turned_down`: the provider took it and refused later.
    `undo`: empty if nothing needs to take it back, None if nobody said what does. `late`: the
    provider takes nothing back any more."""

    key: str
    before: tuple[str, ...]
    kind: TaskKind
    state: TaskState
    undo: str | None = None
    ponr: bool = False
    outside: bool = True
    effect: EffectState | None = None
    turned_down: bool = False
    late: bool = False

    @property
    def standing(self) -> Standing:
        if not self.outside:
            return Standing.STANDS if self.state is TaskState.DONE else Standing.NOTHING
        if self.effect in (EffectState.SENT, EffectState.UNKNOWN):
            return Standing.IN_DOUBT
        if self.effect is EffectState.ACCEPTED and not self.turned_down:
            return Standing.STANDS
        return Standing.BY_HAND if self.state is TaskState.DONE else Standing.NOTHING


@dataclass(frozen=True, slots=True)
class Compensation:
    """A task that takes `undoes` back by `action`, after those in `needs` have."""

    key: str
    undoes: str
    action: str
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """What cancelling now does, by task: `undone` in the order in which it is taken back, `stopped`
    before they have done anything, `kept` as they can't or need not be taken back.

    `passed`: points of no return that lie behind, and what nobody can take back; `passing`: what
    may be passed at this moment; `late`: whose provider takes nothing back any more.
    """

    undone: tuple[Compensation, ...]
    stopped: tuple[str, ...]
    kept: tuple[str, ...]
    passed: tuple[str, ...]
    passing: tuple[str, ...]
    late: tuple[str, ...]

    @property
    def possible(self) -> bool:
        return not (self.passed or self.passing or self.late)


def impact_of(steps: Sequence[Step], *, ending: Collection[str] | None = None) -> Impact:
    """What cancelling a plan in this state does, or ending those of its tasks alone.

    An effect is taken back after everything that was built on it: in reverse dependency order.
    """
    whole = steps
    steps = [step for step in whole if ending is None or step.key in ending]
    undone = [step for step in steps if step.undo and step.standing is not Standing.NOTHING]
    chosen = {step.key for step in undone}
    after = _dependents(whole)
    compensations = {
        step.key: Compensation(
            undo_key(step.key),
            step.key,
            step.undo or "",
            tuple(undo_key(key) for key in sorted(_next(step.key, after=after, chosen=chosen))),
        )
        for step in undone
    }
    return Impact(
        undone=tuple(_in_order(compensations)),
        stopped=tuple(
            step.key for step in steps if step.key not in chosen and step.state not in _OVER
        ),
        kept=tuple(
            step.key for step in whole if step.key not in chosen and step.state is TaskState.DONE
        ),
        passed=tuple(step.key for step in steps if _passed(step)),
        passing=tuple(step.key for step in steps if _passing(step)),
        late=tuple(step.key for step in steps if step.late and step.state is not TaskState.DONE),
    )


def staying(steps: Sequence[Step]) -> frozenset[str]:
    """Of a plan that can't be taken back as a whole: what has passed its point of no return, or may
    at this moment, with all that it was built on, but for parcels that have not left; and where it
    can't be called off any more, as a number after its cut-off, all that follows of it.

    A milestone is waited for, and nothing is built on it: a phone that left once its number's
    transfer was agreed stays, and the transfer can still be called off."""
    impact = impact_of(steps)
    passed = {*impact.passed, *impact.passing}
    before = {
        step.key: step.before
        for step in steps
        if step.kind is not TaskKind.MILESTONE or step.key in passed
    }
    forward = _reached({*impact.passing, *impact.late}, _dependents(steps))
    not_left = {
        key
        for step in steps
        if step.ponr and step.kind is TaskKind.MILESTONE and step.state is not TaskState.DONE
        for key in step.before
    }
    return frozenset(_reached({*impact.passed, *forward}, before) - not_left)


def _reached(start: Collection[str], edges: Mapping[str, Sequence[str]]) -> set[str]:
    seen, look = set(start), list(start)
    while look:
        fresh = set(edges.get(look.pop(), ())) - seen
        seen |= fresh
        look.extend(fresh)
    return seen


def undo_key(key: str) -> str:
    return f"undo:{key}"


def token_of(number: str, impacts: Mapping[str, Impact], *, amount: str) -> str:
    """Binds a confirmation to what was shown: another impact or amount has another token."""
    shown = {
        group: [[c.undoes for c in impact.undone], impact.stopped, impact.kept, impact.passed]
        for group, impact in sorted(impacts.items())
    }
    return hashlib.sha256(json.dumps([number, shown, amount]).encode()).hexdigest()[:32]


_OVER = frozenset({TaskState.DONE, TaskState.SKIPPED, TaskState.CANCELLED})


def _passed(step: Step) -> bool:
    for_good = step.outside and step.undo is None and step.standing is not Standing.NOTHING
    behind = step.ponr and step.state is TaskState.DONE
    return behind or (for_good and not _passing(step))


def _passing(step: Step) -> bool:
    """A call that is itself the point of no return and has left, or may have."""
    sent = step.state is TaskState.RUNNING or step.standing in (Standing.IN_DOUBT, Standing.STANDS)
    return step.ponr and step.kind is TaskKind.CALL and step.state is not TaskState.DONE and sent


def _dependents(steps: Iterable[Step]) -> dict[str, list[str]]:
    after: dict[str, list[str]] = {}
    for step in steps:
        for before in step.before:
            after.setdefault(before, []).append(step.key)
    return after


def _next(key: str, *, after: Mapping[str, Sequence[str]], chosen: set[str]) -> set[str]:
    """Of those chosen, the nearest that were built on `key`, over any that are not."""
    found: set[str] = set()
    seen: set[str] = set()
    look = list(after.get(key, ()))
    while look:
        each = look.pop()
        if each in seen:
            continue
        seen.add(each)
        if each in chosen:
            found.add(each)
        else:
            look.extend(after.get(each, ()))
    return found


def _in_order(compensations: Mapping[str, Compensation]) -> Iterable[Compensation]:
    """Each after those that it needs; keys by name where nothing else decides."""
    waiting = dict(sorted(compensations.items()))
    done: set[str] = set()
    while waiting:
        ready = [each for each in waiting.values() if done.issuperset(each.needs)]
        for each in ready:
            done.add(each.key)
            del waiting[each.undoes]
        yield from ready
