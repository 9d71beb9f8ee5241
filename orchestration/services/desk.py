"""One plan on the table: loaded under its lock, changed in memory, written back in one go."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from commerce import rows
from commerce.events import outbox, timers
from commerce.events.queues import in_turn
from commerce.kernel.clock import PARIS, business_now, machine_now
from commerce.ordering.domain.fulfilment import FulfilmentItem, FulfilmentOrder
from commerce.ordering.selectors import order_for_fulfilment
from commerce.ordering.services.fulfilment import record_item_facts
from commerce.rows import Given, Prepared
from orchestration.domain.decompose import ORDER_BILL
from orchestration.domain.jeopardy import lasting
from orchestration.domain.requests import LineFacts, Sent, TaskContext
from orchestration.domain.retry import ask_again_after, overdue_after
from orchestration.domain.states import (
    EFFECT_LIFE,
    FINISHED,
    MOVING,
    PLAN_LIFE,
    TASK_LIFE,
    EffectState,
    PlanState,
    TaskState,
)
from orchestration.domain.unwinding import CREDITING, SETTLING
from orchestration.events import PlanCancelled, PlanCompleted, TaskFellOut
from orchestration.models import Effect, Plan, Task, TaskHistory
from orchestration.services.jeopardy import judge
from orchestration.services.plans import ADVANCE
from orchestration.services.steps import record

ASK = "orchestration.ask"
OVERDUE = "orchestration.overdue"
_BEYOND = frozenset({CREDITING, SETTLING})
_OPEN = frozenset({TaskState.RUNNING, TaskState.RETRYING})
_FIELDS = (
    "state", "generation", "attempts", "asked", "not_before", "lease_until",
    "starts_on", "started_at", "planned_finish", "finished_at", "cause", "last_error",
)  # fmt: skip
_LOCKED_PLAN = Prepared(lambda: Plan.objects.select_for_update().filter(pk=Given("id")))
_TASKS = Prepared(lambda: Task.objects.filter(plan_id=Given("plan")).order_by("position"))
_EFFECTS = Prepared(lambda: Effect.objects.filter(task__plan_id=Given("plan")))


@dataclass
class Desk:
    """A plan with its tasks, their effects of the present generation, and its order.

    Made and written (`write`) in one transaction, which holds the plan's lock.
    """

    plan: Plan
    tasks: list[Task]
    effects: dict[int, Effect]
    order: FulfilmentOrder
    now: datetime
    machine: datetime
    was_open: bool = False
    changed: dict[int, Task] = field(default_factory=dict)
    learnt: dict[str, dict[str, str]] = field(default_factory=dict)
    history: list[TaskHistory] = field(default_factory=list)
    due: list[timers.Due] = field(default_factory=list)
    events: list[outbox.Event] = field(default_factory=list)
    wake_at: list[datetime] = field(default_factory=list)
    _asked: list[Effect] = field(default_factory=list)
    _answered: dict[int, Effect] = field(default_factory=dict)

    @classmethod
    def of(cls, plan_id: int) -> Self | None:
        """Lock the plan and load it; None if it is over."""
        plan = hold_plan(plan_id)
        if plan.state not in MOVING:
            return None
        tasks = _TASKS.rows(plan=plan_id)
        generations = {task.pk: task.generation for task in tasks}
        return cls(
            plan=plan,
            tasks=tasks,
            effects={
                effect.task_id: effect
                for effect in _EFFECTS.rows(plan=plan_id)
                if effect.generation == generations[effect.task_id]
            },
            order=order_for_fulfilment(plan.order_number, group=plan.group),
            now=business_now(),
            machine=machine_now(),
            was_open=any(task.state in _OPEN for task in tasks),
        )

    def task(self, pk: int) -> Task:
        return next(task for task in self.tasks if task.pk == pk)

    def effect(self, task: Task) -> Effect | None:
        return self.effects.get(task.pk)

    def context(self, task: Task) -> TaskContext:
        today = self.now.astimezone(PARIS).date()
        return TaskContext(
            self.order, self.plan.group, tuple(task.lines), today, task.parcel, self._sent(task)
        )

    def _sent(self, task: Task) -> Sent | None:
        """What the task takes back, as far as it has left."""
        effect = self.effects.get(self.undone(task).pk) if task.undoes else None
        return Sent(effect.key, effect.answer or {}) if effect else None

    def undone(self, task: Task) -> Task:
        """The task that `task` takes back."""
        return next(each for each in self.tasks if each.key == task.undoes)

    def gives_up(self, task: Task) -> bool:
        """The plan is being cancelled or was amended, and the task is part of what is undone: its
        worker may only say what became of it."""
        if task.given_up:
            return True
        ours = task.undoes is not None or is_beyond(task)
        return self.plan.state == PlanState.CANCELLING and not ours

    def in_doubt(self, task: Task) -> bool:
        """A worker may still be about to send the task's request, or may have sent it just now:
        until the end of its lease nobody knows what to undo."""
        effect = self.effects.get(task.pk)
        if effect is None or effect.state not in (EffectState.SENT, EffectState.UNKNOWN):
            return task.state == TaskState.RUNNING
        return task.lease_until is not None and task.lease_until > self.machine

    def move(self, task: Task, target: TaskState, *, note: str = "", by: str = "system") -> None:
        """Raises IllegalTransition."""
        TASK_LIFE.check(TaskState(task.state), target)
        task.state = target
        if task.started_at is None:
            task.started_at = self.now
            task.planned_finish = lasting(self.now, hours=task.hours, working=task.working)
        if target in FINISHED:
            task.finished_at = self.now
        self.changed[task.pk] = task
        self.history.append(TaskHistory(task=task, state=target, at=self.now, by=by, note=note))

    def fall_out(self, task: Task, *, cause: str, message: str) -> None:
        """An operator decides about the task; the rest of the plan goes on."""
        self.move(task, TaskState.FALLOUT, note=message)
        task.cause, task.last_error = cause[:60], message
        self.events.append(
            TaskFellOut(self.plan.order_number, self.plan.group, task.key, task.cause)
        )

    def learn(self, facts: LineFacts) -> None:
        """Facts of order lines: known to what follows at once, stored at the end."""
        for line, told in facts.items():
            self.learnt.setdefault(line, {}).update(told)
        self.order = replace(
            self.order, items=tuple(_taught(item, facts) for item in self.order.items)
        )

    def ask(self, task: Task, *, port: str, request: Mapping[str, object]) -> None:
        """A request that leaves under its key once all this is stored."""
        self.effects[task.pk] = effect = Effect(
            task=task,
            generation=task.generation,
            key=f"{self.plan.order_number}:{self.plan.group}:{task.key}:{task.generation}",
            port=port,
            request=dict(request),
            state=EffectState.SENT,
            sent_at=self.now,
        )
        self._asked.append(effect)

    def settle(
        self, effect: Effect, target: EffectState, *, answer: Mapping[str, object] | None = None
    ) -> None:
        """Raises IllegalTransition."""
        EFFECT_LIFE.check(EffectState(effect.state), target)
        effect.state = target
        if answer is not None:
            effect.answer = dict(answer)
        self._answered[effect.task_id] = effect

    def await_callback(self, task: Task) -> None:
        """If the callback is lost, the provider is asked: at growing intervals of machine time,
        and when it is late in business time."""
        self.move(task, TaskState.AWAITING)
        self.due += ask_timers(task, now=self.now, machine=self.machine)
        task.asked += 1

    def write(self, *, on_the_way: bool) -> None:
        """Store all that has changed. `on_the_way`: the caller comes back when its calls return,
        so the plan needs no timer to be looked at again."""
        rows.insert(self._asked)
        rows.update(self._answered.values(), ("state", "answer", "sent_at"))
        if self.learnt:
            record_item_facts(order_number=self.plan.order_number, facts=self.learnt)
        rows.update(self.changed.values(), _FIELDS)
        self.events[:0] = record(self.history, plan=self.plan)
        if all(task.state in FINISHED for task in self.tasks):
            self._complete()
        else:
            if self.plan.state == PlanState.RUNNING and self.plan.moves:
                self._arrive()
            if not on_the_way:
                self._look_again()
        self.events += judge(self.plan, self.tasks, now=self.now)
        with in_turn(self.plan.turn):
            if self.due:
                timers.schedule_all(self.due)
            if self.events:
                outbox.publish_all(self.events)

    def _arrive(self) -> None:
        """Nothing is left but what the order does not wait for."""
        if all(task.aside or task.state in FINISHED for task in self.tasks):
            self.plan.arrived_at = self.now
            self.plan.save(update_fields=["arrived_at"])
            self.events.append(PlanCompleted(self.plan.order_number, self.plan.group))

    def _complete(self) -> None:
        cancelling = self.plan.state == PlanState.CANCELLING
        target = PlanState.CANCELLED if cancelling else PlanState.COMPLETED
        PLAN_LIFE.check(PlanState(self.plan.state), target)
        self.plan.state, self.plan.finished_at = target, self.now
        self.plan.save(update_fields=["state", "finished_at"])
        if self.plan.arrived_at is None:
            told = PlanCancelled if cancelling else PlanCompleted
            self.events.append(told(self.plan.order_number, self.plan.group))
        asked = [key for task in self.tasks for key in ask_keys(task.pk)]
        timers.cancel_all([*asked, self._again])

    def _look_again(self) -> None:
        """Wake the plan when something is to be tried again, or another worker's lease ends."""
        waits = [
            task.not_before if task.state == TaskState.RETRYING else task.lease_until
            for task in self.tasks
            if task.state in _OPEN or (self.gives_up(task) and self.in_doubt(task))
        ]
        waits += self.wake_at
        due = min((wait for wait in waits if wait is not None), default=None)
        if due is not None:
            payload = {"plan": self.plan.pk}
            self.due.append(timers.Due(self._again, ADVANCE, due, payload, "machine"))
        elif self.was_open:
            timers.cancel(self._again)

    @property
    def _again(self) -> str:
        """A timer of its own, set and cancelled under the plan's lock: those that wake a plan are
        not."""
        return f"again:{self.plan.pk}"


def is_beyond(task: Task) -> bool:
    """A task of the order as a whole, or of what was taken out of it: the end of the bundle does
    not end it."""
    return task.key == ORDER_BILL.key or task.action in _BEYOND


def hold_plan(plan_id: int) -> Plan:
    """Lock the plan until the transaction ends, before any of its tasks and effects."""
    plan = _LOCKED_PLAN.first(id=plan_id)
    if plan is None:
        raise Plan.DoesNotExist
    return plan


def ask_timers(task: Task, *, now: datetime, machine: datetime) -> list[timers.Due]:
    """When the provider of `task` is asked next, on each of the two clocks."""
    payload = {"task": task.pk}
    soon = machine + ask_again_after(task.asked)
    late = max(task.planned_finish or now, now + overdue_after(task.asked))
    by_machine, by_business = ask_keys(task.pk)
    return [
        timers.Due(by_machine, ASK, soon, payload, "machine"),
        timers.Due(by_business, OVERDUE, late, payload),
    ]


def ask_keys(task_id: int) -> tuple[str, str]:
    """The keys of the two timers that ask about a task: by machine time, and by business time."""
    return f"ask:{task_id}", f"overdue:{task_id}"


def _taught(item: FulfilmentItem, facts: LineFacts) -> FulfilmentItem:
    told = facts.get(item.line_id)
    return replace(item, facts={**item.facts, **told}) if told else item
