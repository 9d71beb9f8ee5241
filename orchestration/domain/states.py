"""The lives of plans, tasks and effects, each as one table."""

from enum import StrEnum

from commerce.kernel.states import Transitions


class PlanState(StrEnum):
    RUNNING = "running"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class TaskState(StrEnum):
    """WAITING for needs, RUNNING with a worker, AWAITING someone else, RETRYING after a fault."""

    WAITING = "waiting"
    RUNNING = "running"
    AWAITING = "awaiting"
    RETRYING = "retrying"
    FALLOUT = "fallout"
    DONE = "done"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class EffectState(StrEnum):
    """An effect outside: SENT from before it leaves, UNKNOWN until the provider was asked."""

    SENT = "sent"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    REFUSED = "refused"


PLAN_LIFE = Transitions(
    {
        PlanState.RUNNING: frozenset({PlanState.COMPLETED, PlanState.CANCELLING}),
        PlanState.CANCELLING: frozenset({PlanState.CANCELLED}),
    }
)


class FoundState(StrEnum):
    """Of a difference that reconciliation found: an operator explains it, or the day comes on which
    it is not found any more."""

    OPEN = "open"
    EXPLAINED = "explained"
    SOLVED = "solved"


MOVING = frozenset({PlanState.RUNNING, PlanState.CANCELLING})

TASK_LIFE = Transitions(
    {
        TaskState.WAITING: frozenset(
            {
                TaskState.RUNNING,
                TaskState.AWAITING,
                TaskState.DONE,
                TaskState.SKIPPED,
                TaskState.CANCELLED,
            }
        ),
        TaskState.RUNNING: frozenset(
            {
                TaskState.AWAITING,
                TaskState.RETRYING,
                TaskState.FALLOUT,
                TaskState.DONE,
                TaskState.CANCELLED,
            }
        ),
        TaskState.AWAITING: frozenset(
            {TaskState.DONE, TaskState.FALLOUT, TaskState.SKIPPED, TaskState.CANCELLED}
        ),
        TaskState.RETRYING: frozenset({TaskState.RUNNING, TaskState.FALLOUT, TaskState.CANCELLED}),
        TaskState.FALLOUT: frozenset(
            {
                TaskState.RETRYING,
                TaskState.AWAITING,
                TaskState.DONE,
                TaskState.SKIPPED,
                TaskState.CANCELLED,
            }
        ),
    }
)

EFFECT_LIFE = Transitions(
    {
        EffectState.SENT: frozenset(
            {EffectState.ACCEPTED, EffectState.REFUSED, EffectState.UNKNOWN}
        ),
        EffectState.UNKNOWN: frozenset(
            {EffectState.SENT, EffectState.ACCEPTED, EffectState.REFUSED}
        ),
    }
)

FINISHED = frozenset({TaskState.DONE, TaskState.SKIPPED, TaskState.CANCELLED})
