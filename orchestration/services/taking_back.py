"""Taking back what tasks of a plan have done: what cancelling and amending have in common."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestration.domain.decompose import ORDER_BILL
from orchestration.domain.recipes import TaskKind
from orchestration.domain.states import FINISHED, PlanState, TaskState
from orchestration.domain.unwinding import CREDITING, SETTLING, Impact
from orchestration.models import Task, TaskHistory
from orchestration.services.decide import arrived, take_in
from orchestration.services.desk import Desk
from orchestration.services.plans import wake


@dataclass(frozen=True, slots=True)
class TouchedTask:
    """A task that is taken back, stopped or kept, for those who put it into words."""

    key: str
    action: str
    kind: str
    until: str
    lines: tuple[str, ...]


REFUSALS: Mapping[str, str] = {
    "past_return": "A part of it can't be taken back any more; return it, or end the contract.",
    "number_moves": "Its number is about to move, and that can't be called off after the eve.",
    "passing": "It is passing the point of no return at this moment; ask again in a minute.",
    "bundle_over": "This part of the order is over.",
    "cancelling": "This part of the order is being cancelled already.",
}


def note_what_arrived(desk: Desk) -> None:
    """A parcel that has left counts as left, though nobody has looked at the message yet."""
    seen = take_in(desk)
    by_key = {task.key: task for task in desk.tasks}
    for task in desk.tasks:
        watching = task.kind in (TaskKind.MILESTONE, TaskKind.CALLBACK) and task.ponr
        open_ = task.state in (TaskState.WAITING, TaskState.AWAITING)
        if watching and open_ and arrived(desk, task, by_key=by_key, seen=seen):
            desk.move(task, TaskState.DONE)


def refusal_of(desk: Desk, impact: Impact) -> str:
    """A code of `REFUSALS`; empty if all of it can be taken back."""
    if desk.plan.state == PlanState.CANCELLING:
        return "cancelling"
    if impact.passed:
        return "past_return"
    if impact.late:
        return "number_moves"
    return "passing" if impact.passing else ""


def touched(desk: Desk, keys: Sequence[str]) -> tuple[TouchedTask, ...]:
    """The tasks of these keys, in that order."""
    by_key = {task.key: task for task in desk.tasks}
    return tuple(_touched(by_key[key]) for key in keys)


def _touched(task: Task) -> TouchedTask:
    return TouchedTask(task.key, task.action, task.kind, task.until or "", tuple(task.lines))


def stop(desk: Desk, tasks: Iterable[Task], *, by: str) -> None:
    """They do nothing any more; one whose worker is about to send only says what became of it."""
    for task in tasks:
        if task.state not in (*FINISHED, TaskState.RUNNING):
            desk.move(task, TaskState.CANCELLED, by=by)


def compensating(desk: Desk, impact: Impact) -> list[Task]:
    """The tasks that take back what stands."""
    by_key = {task.key: task for task in desk.tasks}
    first = next_position(desk)
    return [
        Task(
            plan=desk.plan,
            key=each.key,
            position=first + place,
            lines=by_key[each.undoes].lines,
            parcel=by_key[each.undoes].parcel,
            role=by_key[each.undoes].role,
            kind=TaskKind.CALL,
            action=each.action,
            needs=list(each.needs),
            undoes=each.undoes,
        )
        for place, each in enumerate(impact.undone)
    ]


def settling(
    desk: Desk, lines: Sequence[str], *, version: int, after: Sequence[str], position: int
) -> list[Task]:
    """Of lines that are left out of the plan's `version`: their bill is credited once all `after`
    is done; then their pieces and their money go back."""
    if not lines:
        return []
    bill = [task.key for task in desk.tasks if task.key == ORDER_BILL.key]
    credit = Task(
        plan=desk.plan,
        key=f"credit~{version}",
        position=position,
        lines=list(lines),
        kind=TaskKind.CALL,
        action=CREDITING,
        needs=[*bill, *after],
    )
    settle = Task(
        plan=desk.plan,
        key=f"settle~{version}",
        position=position + 1,
        lines=list(lines),
        kind=TaskKind.CALL,
        action=SETTLING,
        needs=[credit.key],
    )
    return [credit, settle]


def next_position(desk: Desk) -> int:
    return max((task.position for task in desk.tasks), default=0) + 1


def add(desk: Desk, tasks: Sequence[Task], *, by: str) -> None:
    """Put new tasks into the plan."""
    added = Task.objects.bulk_create(tasks)
    desk.tasks += added
    desk.history += [TaskHistory(task=task, state=task.state, at=desk.now, by=by) for task in added]


def leave(desk: Desk) -> None:
    """Store it all; a worker looks at the plan at once."""
    desk.write(on_the_way=True)
    wake(desk.plan.pk, turn=desk.plan.turn)
