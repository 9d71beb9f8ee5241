"""Events, their deliveries, webhooks, timers, the movable clock and idempotency records."""

import uuid
from enum import StrEnum
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from commerce.events.queues import WorkQueue
from commerce.kernel.clock import machine_now
from commerce.kernel.states import Transitions


class WorkState(StrEnum):
    """The life of a piece of work. `LEASED` stands in the queue, `RUNNING` is with a worker."""

    PENDING = "pending"
    LEASED = "leased"
    RUNNING = "running"
    DONE = "done"
    PARKED = "parked"


WORK = Transitions(
    {
        WorkState.PENDING: frozenset({WorkState.LEASED}),
        WorkState.LEASED: frozenset({WorkState.RUNNING, WorkState.PENDING}),
        WorkState.RUNNING: frozenset({WorkState.DONE, WorkState.PENDING, WorkState.PARKED}),
        WorkState.PARKED: frozenset({WorkState.PENDING}),
    }
)


class WorkItem(models.Model):
    """Something that a worker does once; all times here are machine time.

    Whoever holds `token` holds the lease: every outcome is written on the condition that the row
    still carries it. Of one `queue` the lowest `turn` is carried out first; of one message, what
    is `first_by` these fields.
    """

    first_by: ClassVar[tuple[str, ...]] = ("turn", "pk")

    queue = models.CharField(
        max_length=10, default=WorkQueue.SETTLING, db_default=WorkQueue.SETTLING.value
    )
    turn = models.PositiveSmallIntegerField(default=0, db_default=0)
    state = models.CharField(max_length=8, default=WorkState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(default=machine_now)
    lease_until = models.DateTimeField(null=True)
    token = models.UUIDField(null=True)
    last_error = models.TextField(default="", blank=True)
    trace_id = models.CharField(max_length=32, default="", blank=True)

    class Meta:
        abstract = True


def _work_constraints(name: str) -> list[models.BaseConstraint]:
    return [
        models.CheckConstraint(
            condition=Q(state__in=[str(state) for state in WorkState]), name=f"{name}_state_known"
        )
    ]


class OutboxEvent(models.Model):
    """What happened, as it was told; written in the transaction that made it happen."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=80)
    payload = models.JSONField()
    trace_id = models.CharField(max_length=32, default="", blank=True)
    occurred_at = models.DateTimeField(help_text="business time")

    class Meta:
        indexes = [models.Index(fields=["name", "occurred_at"], name="event_by_name")]

    def __str__(self) -> str:
        return f"{self.name} {self.id}"


class Delivery(WorkItem):
    """One event on its way to one subscriber."""

    event = models.ForeignKey(OutboxEvent, on_delete=models.CASCADE, related_name="deliveries")
    subscriber = models.CharField(max_length=120)

    class Meta:
        constraints = [
            *_work_constraints("delivery"),
            models.UniqueConstraint(fields=["event", "subscriber"], name="delivery_once"),
        ]
        indexes = [
            models.Index(
                fields=["queue", "next_at", "id"],
                condition=Q(state="pending"),
                name="delivery_pending",
            ),
            models.Index(
                fields=["lease_until"],
                condition=Q(state__in=["leased", "running"]),
                name="delivery_held",
            ),
            models.Index(fields=["id"], condition=Q(state="parked"), name="delivery_parked"),
        ]

    def __str__(self) -> str:
        return f"{self.subscriber} {self.state}"


class TimerClock(StrEnum):
    BUSINESS = "business"
    MACHINE = "machine"


class Timer(WorkItem):
    """Something to do at an instant of one of the two clocks; gone once done.

    `generation` is new each time the key is scheduled, so that an older run can't erase it.
    """

    first_by: ClassVar[tuple[str, ...]] = ("turn", "due_at", "pk")

    key = models.CharField(max_length=200, unique=True)
    handler = models.CharField(max_length=120)
    due_at = models.DateTimeField(help_text="on the clock named by `clock`")
    clock = models.CharField(max_length=8, default=TimerClock.BUSINESS)
    payload = models.JSONField(default=dict)
    generation = models.UUIDField(default=uuid.uuid4)

    class Meta:
        constraints = [
            *_work_constraints("timer"),
            models.CheckConstraint(
                condition=Q(clock__in=[str(clock) for clock in TimerClock]),
                name="timer_clock_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["queue", "clock", "due_at", "id"],
                condition=Q(state="pending"),
                name="timer_pending",
            ),
            models.Index(
                fields=["lease_until"],
                condition=Q(state__in=["leased", "running"]),
                name="timer_held",
            ),
            models.Index(fields=["id"], condition=Q(state="parked"), name="timer_parked"),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.state}"


class ClockSetting(models.Model):
    """The one row that says how far business time is ahead of real time."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    offset = models.DurationField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_clock")]


class IdempotencyState(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"


class IdempotencyRecord(models.Model):
    """A request that must have one effect, and its answer; all times are machine time."""

    key = models.CharField(max_length=255)
    caller = models.CharField(max_length=120)
    route = models.CharField(max_length=200)
    body_digest = models.CharField(max_length=64)
    state = models.CharField(max_length=8, default=IdempotencyState.RUNNING)
    token = models.UUIDField(default=uuid.uuid4)
    lease_until = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    content_type = models.CharField(max_length=80, default="", blank=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField(default=machine_now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "caller", "route"], name="idempotent_once"),
            models.CheckConstraint(
                condition=Q(state="running") | Q(state="finished", status__isnull=False),
                name="idempotent_state_known",
            ),
        ]
        indexes = [models.Index(F("created_at"), name="idempotent_by_age")]


class EndpointState(StrEnum):
    """PAUSED by its owner; FAILED: we gave up on it. Neither hears of anything until it is
    resumed."""

    ACTIVE = "active"
    PAUSED = "paused"
    FAILED = "failed"


class WebhookState(StrEnum):
    """The life of one message to one endpoint."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class WebhookEndpoint(models.Model):
    """Where a firm, or a system or partner of the operator (no party), wants to hear of events.

    Messages are signed by `secret`, and until `old_until` by `old_secret` too; both lie here
    sealed. All instants are machine time.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    party_id = models.BigIntegerField(null=True, help_text="none: hears of everybody's events")
    url = models.URLField(max_length=500)
    types = models.JSONField(default=list, help_text="of events; none: all")
    name = models.CharField(max_length=100, blank=True, default="")
    state = models.CharField(max_length=6, default=EndpointState.ACTIVE)
    secret = models.CharField(max_length=300)
    old_secret = models.CharField(max_length=300, blank=True, default="")
    old_until = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0, help_text="one after the other")
    silent_until = models.DateTimeField(null=True, help_text="nothing is sent before")
    created_at = models.DateTimeField(default=machine_now)
    created_by = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[str(state) for state in EndpointState]),
                name="endpoint_state_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["party_id"], condition=Q(state="active"), name="endpoints_listening"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.url} {self.state}"


class WebhookMessage(models.Model):
    """One event for one endpoint, once; its id goes out with every try. Machine time."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="messages")
    event = models.ForeignKey(OutboxEvent, on_delete=models.CASCADE, related_name="webhooks")
    type = models.CharField(max_length=80)
    state = models.CharField(max_length=9, default=WebhookState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True, help_text="of the next try")
    created_at = models.DateTimeField(default=machine_now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[str(state) for state in WebhookState]),
                name="webhook_state_known",
            ),
            models.UniqueConstraint(fields=["endpoint", "event"], name="webhook_once"),
        ]
        indexes = [
            models.Index(fields=["endpoint", "created_at", "id"], name="webhook_log"),
            models.Index(fields=["created_at"], name="webhooks_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.state}"


class WebhookAttempt(models.Model):
    """One try: the receiver's status and the beginning of what it said, or why there is none."""

    message = models.ForeignKey(WebhookMessage, on_delete=models.CASCADE, related_name="tries")
    at = models.DateTimeField(default=machine_now, help_text="machine time")
    status = models.PositiveSmallIntegerField(null=True)
    said = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.status} {self.said}"
