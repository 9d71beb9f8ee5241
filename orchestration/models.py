"""Plans, their tasks, the effects they have outside, and what the outside called back."""

from django.db import models
from django.db.models import Q

from orchestration.domain.jeopardy import Colour
from orchestration.domain.porting import Direction, PortState
from orchestration.domain.recipes import TaskKind
from orchestration.domain.settlement import Differing
from orchestration.domain.states import MOVING, EffectState, FoundState, PlanState, TaskState


def _known(field: str, values: type, name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(**{f"{field}__in": [str(value) for value in values]}),  # type: ignore[attr-defined]
        name=name,
    )


class Plan(models.Model):
    """How one bundle of an order is fulfilled; the recipes' release never changes under it.

    A bulk order has one plan per line, so that no plan grows without bound; of its plans each has
    its `turn` (`commerce.events.queues`), so that they starve nobody's.
    """

    order_number = models.CharField(max_length=32)
    group = models.CharField(max_length=64)
    party_id = models.BigIntegerField()
    release = models.PositiveIntegerField()
    turn = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=12, default=PlanState.RUNNING)
    created_at = models.DateTimeField(help_text="business time")
    finished_at = models.DateTimeField(null=True, help_text="business time")
    arrived_at = models.DateTimeField(
        null=True, help_text="business time; all was over but what goes on aside"
    )
    erased_at = models.DateTimeField(null=True, help_text="business time; see services.erasure")
    planned_finish = models.DateTimeField(null=True, help_text="business time; none: plan anew")
    expected_finish = models.DateTimeField(null=True, help_text="business time; if not as planned")
    colour = models.CharField(max_length=5, default=Colour.GREEN)
    culprit = models.CharField(max_length=100, blank=True, default="")
    look_at = models.DateTimeField(null=True, help_text="business time; see domain.jeopardy")

    class Meta:
        constraints = [
            _known("colour", Colour, "plan_colour_known"),
            models.UniqueConstraint(fields=["order_number", "group"], name="one_plan_per_group"),
            _known("state", PlanState, "plan_state_known"),
        ]
        indexes = [
            models.Index(
                fields=["finished_at"], condition=Q(erased_at=None), name="plans_to_erase"
            ),
            models.Index(
                fields=["look_at"], condition=Q(state=PlanState.RUNNING), name="plans_to_look_at"
            ),
            # Of each plan that ends it is asked whether another of its order still moves.
            models.Index(
                fields=["order_number"],
                condition=Q(state__in=[str(state) for state in sorted(MOVING)]),
                name="plans_moving",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_number}/{self.group}"

    @property
    def moves(self) -> bool:
        """Whether its order waits for it."""
        return self.state in MOVING and self.arrived_at is None


class Task(models.Model):
    """One step of a plan."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="tasks")
    key = models.CharField(max_length=100)
    position = models.PositiveSmallIntegerField()
    lines = models.JSONField(help_text="line ids of the order items it serves")
    parcel = models.CharField(
        max_length=80, blank=True, default="", help_text="of them it handles this parcel alone"
    )
    starts_on = models.DateField(null=True, help_text="it can't be over before that day")
    role = models.CharField(max_length=30, blank=True)
    kind = models.CharField(max_length=10)
    action = models.CharField(max_length=60, blank=True)
    needs = models.JSONField(default=list)
    until = models.CharField(max_length=60, null=True)  # noqa: DJ001  null: ends by itself
    of = models.CharField(max_length=100, null=True)  # noqa: DJ001  null: watches nobody
    ponr = models.BooleanField(default=False)
    undo = models.CharField(max_length=60, null=True)  # noqa: DJ001  null: nobody said
    undoes = models.CharField(max_length=100, null=True)  # noqa: DJ001  null: it takes none back
    given_up = models.BooleanField(
        default=False, db_default=False, help_text="its plan was amended; see services.amend"
    )
    aside = models.BooleanField(
        default=False, db_default=False, help_text="its order does not wait for it"
    )
    hours = models.PositiveSmallIntegerField(default=1)
    working = models.BooleanField(default=False, help_text="hours of working days alone")
    asks = models.JSONField(default=list, help_text="facts that who does it by hand fills in")
    claimed_id = models.BigIntegerField(null=True, help_text="the operator who does it by hand")
    claimed_by = models.CharField(max_length=120, blank=True, default="")
    claimed_at = models.DateTimeField(null=True, help_text="business time")
    state = models.CharField(max_length=10, default=TaskState.WAITING)
    generation = models.PositiveSmallIntegerField(default=1)
    attempts = models.PositiveSmallIntegerField(default=0)
    asked = models.PositiveSmallIntegerField(default=0, help_text="times a callback was asked for")
    not_before = models.DateTimeField(null=True, help_text="machine time of the next attempt")
    lease_until = models.DateTimeField(null=True, help_text="machine time")
    started_at = models.DateTimeField(null=True, help_text="business time")
    planned_finish = models.DateTimeField(null=True, help_text="business time")
    finished_at = models.DateTimeField(null=True, help_text="business time")
    cause = models.CharField(max_length=60, blank=True)
    last_error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "key"], name="task_key_unique"),
            _known("state", TaskState, "task_state_known"),
            _known("kind", TaskKind, "task_kind_known"),
        ]
        indexes = [
            models.Index(fields=["cause", "id"], condition=Q(state="fallout"), name="task_fallout"),
            models.Index(
                fields=["id"], condition=Q(state__in=["running", "retrying"]), name="task_busy"
            ),
            models.Index(
                fields=["planned_finish", "id"],
                condition=Q(kind="manual", state="awaiting"),
                name="task_by_hand",
            ),
            # What goes on aside asks, each time that it is looked at, for an earlier word that is
            # still under way: without it all tasks that there ever were are read.
            models.Index(
                fields=["plan"],
                condition=Q(aside=True, state__in=["running", "retrying", "fallout"]),
                name="tasks_aside_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id}:{self.key}"


class PlanAmendment(models.Model):
    """How a plan under way was amended: what was wished, and what that made of its tasks. The plan
    is of `version` from then on (the first is 1)."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="amendments")
    version = models.PositiveSmallIntegerField()
    at = models.DateTimeField(help_text="business time")
    by = models.CharField(max_length=120)
    wish = models.JSONField(help_text="aspects and lines, no personal data")
    impact = models.JSONField(help_text="keys of tasks: undone, stopped, added")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "version"], name="plan_version_once"),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id} version {self.version}"


class Effect(models.Model):
    """One request to a provider, stored before it leaves; its key goes out as idempotency key."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="effects")
    generation = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=200, unique=True)
    port = models.CharField(max_length=20)
    request = models.JSONField()
    state = models.CharField(max_length=10, default=EffectState.SENT)
    answer = models.JSONField(null=True)
    sent_at = models.DateTimeField(null=True, help_text="business time")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "generation"], name="effect_once"),
            _known("state", EffectState, "effect_state_known"),
        ]

    def __str__(self) -> str:
        return self.key


class ProviderCallback(models.Model):
    """What a provider called back, stored first, once per its id; in whatever order it came."""

    callback_id = models.CharField(max_length=100, primary_key=True)
    provider = models.CharField(max_length=30)
    request_key = models.CharField(max_length=200, db_index=True)
    type = models.CharField(max_length=60)
    occurred_at = models.DateTimeField(help_text="business time of the provider")
    data = models.JSONField()
    received_at = models.DateTimeField(help_text="business time")
    processed = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.type} {self.callback_id}"


class PortHealth(models.Model):
    """A provider that has kept silent, and until when it is left alone; see services.health."""

    port = models.CharField(max_length=20, primary_key=True)
    silences = models.PositiveIntegerField(default=0, help_text="calls in a row without an answer")
    shut_until = models.DateTimeField(null=True, help_text="machine time")
    last_error = models.CharField(max_length=200, blank=True)
    changed_at = models.DateTimeField(help_text="machine time")

    def __str__(self) -> str:
        return f"{self.port}: {self.silences}"


class TaskHistory(models.Model):
    """Every change of a task's state, with who or what caused it."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="history")
    state = models.CharField(max_length=10)
    at = models.DateTimeField(help_text="business time")
    by = models.CharField(max_length=120, default="system")
    note = models.TextField(blank=True)
    changes = models.JSONField(default=dict, help_text="data replaced: field -> before and after")

    class Meta:
        indexes = [models.Index(fields=["task", "id"], name="task_history")]

    def __str__(self) -> str:
        return f"{self.task_id} {self.state}"


class OrderWatch(models.Model):
    """An order that was not as planned at some time: its colour, which is the worst of its plans',
    and the day that the customer was told last. `plan` is the one that breaks its word first."""

    order_number = models.CharField(max_length=32, primary_key=True)
    party_id = models.BigIntegerField()
    colour = models.CharField(max_length=5, default=Colour.GREEN)
    plan = models.ForeignKey(Plan, null=True, on_delete=models.CASCADE)
    told_by = models.DateTimeField(null=True, help_text="business time; the end of the first day")
    told_on = models.DateField(null=True, help_text="the day told last")
    expected_on = models.DateField(null=True)
    since = models.DateTimeField(null=True, help_text="business time; of this colour")

    class Meta:
        constraints = [_known("colour", Colour, "watch_colour_known")]
        indexes = [
            models.Index(
                fields=["told_by"], condition=~Q(colour="green"), name="orders_in_jeopardy"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_number} {self.colour}"


class Porting(models.Model):
    """A number that comes to us, or leaves us; amounts in the market's currency, tax included.

    `reference` is the order's line (in) or the clearing house's id (out). `day` is the wished day
    until the clearing house has said which it is.
    """

    direction = models.CharField(max_length=3)
    reference = models.CharField(max_length=80, unique=True)
    order_number = models.CharField(max_length=32, blank=True, default="")
    group = models.CharField(max_length=64, blank=True, default="")
    line_id = models.CharField(max_length=60, blank=True, default="")
    subscription_id = models.BigIntegerField(null=True, help_text="of a number that leaves")
    party_id = models.BigIntegerField(null=True)
    msisdn = models.CharField(max_length=15)
    rio = models.CharField(max_length=12, blank=True, default="")
    operator = models.CharField(max_length=2, blank=True, default="", help_text="the other one")
    state = models.CharField(max_length=20)
    motive = models.CharField(max_length=60, blank=True, default="")
    detail = models.CharField(max_length=60, blank=True, default="")
    porting_id = models.CharField(max_length=60, blank=True, default="")
    attempt = models.PositiveSmallIntegerField(default=1)
    day = models.DateField(null=True)
    slot = models.CharField(max_length=11, blank=True, default="")
    requested_on = models.DateField(null=True, help_text="the clock of the delays starts")
    due_on = models.DateField(null=True, help_text="last day of the answer, or of the porting")
    redirection = models.BooleanField(default=False, help_text="offered by the donor")
    redirect_to = models.CharField(max_length=15, blank=True, default="")
    days_late = models.PositiveSmallIntegerField(default=0)
    owed = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    settled_at = models.DateTimeField(null=True, help_text="business time; what was owed")
    settled_by = models.CharField(max_length=120, blank=True, default="")
    settled_note = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(help_text="business time")
    changed_at = models.DateTimeField(help_text="business time")
    erased_at = models.DateTimeField(null=True, help_text="business time; see services.erasure")

    class Meta:
        constraints = [
            _known("direction", Direction, "porting_direction_known"),
            _known("state", PortState, "porting_state_known"),
        ]
        indexes = [
            models.Index(fields=["order_number"], name="portings_of_order"),
            models.Index(fields=["msisdn"], name="portings_of_number"),
            models.Index(fields=["party_id"], name="portings_of_party"),
            models.Index(fields=["direction", "state"], name="portings_by_state"),
            models.Index(
                fields=["changed_at"], condition=Q(erased_at=None), name="portings_to_erase"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.direction} {self.msisdn}"


class LineReference(models.Model):
    """What stands for a contract in its RIO: drawn once, so that nobody can guess it."""

    subscription_id = models.BigIntegerField(primary_key=True)
    reference = models.CharField(max_length=6)

    def __str__(self) -> str:
        return str(self.subscription_id)


class PortingEntry(models.Model):
    """The log of a porting: its states, and what was said to and by the other side."""

    porting = models.ForeignKey(Porting, on_delete=models.CASCADE, related_name="entries")
    at = models.DateTimeField(help_text="business time")
    kind = models.CharField(max_length=8, help_text="state, sent, received or note")
    name = models.CharField(max_length=60)
    data = models.JSONField(default=dict)
    by = models.CharField(max_length=120, default="system")

    class Meta:
        indexes = [models.Index(fields=["porting", "id"], name="porting_log")]

    def __str__(self) -> str:
        return f"{self.porting_id} {self.name}"


class PortingCall(models.Model):
    """One request to the clearing house beside the porting itself, stored before it leaves."""

    porting = models.ForeignKey(Porting, on_delete=models.CASCADE, related_name="calls")
    key = models.CharField(max_length=120, unique=True)
    action = models.CharField(max_length=12)
    request = models.JSONField()
    state = models.CharField(max_length=10, default=EffectState.SENT)
    attempts = models.PositiveSmallIntegerField(default=0)
    answer = models.JSONField(null=True)
    asked_by = models.CharField(max_length=120, default="system")
    asked_at = models.DateTimeField(help_text="business time")

    class Meta:
        constraints = [
            _known("state", EffectState, "porting_call_state_known"),
            models.UniqueConstraint(
                fields=["porting"],
                condition=Q(state__in=["sent", "unknown"]),
                name="one_porting_call_at_once",
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Settlement(models.Model):
    """A month of the content partner that was laid beside our contracts and bills."""

    month = models.DateField(primary_key=True, help_text="its first day")
    looked_at = models.DateTimeField(help_text="business time; the last time")

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class SettlementDifference(models.Model):
    """Where his file and our books differ, by order line; it waits for an operator until somebody
    has said what became of it."""

    settlement = models.ForeignKey(Settlement, on_delete=models.CASCADE, related_name="differences")
    kind = models.CharField(max_length=12)
    reference = models.CharField(max_length=120, help_text="order/line")
    theirs = models.IntegerField(help_text="days")
    ours = models.IntegerField(help_text="days")
    decided_at = models.DateTimeField(null=True, help_text="business time")
    decided_by = models.CharField(max_length=200, blank=True, default="")
    note = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [
            _known("kind", Differing, "settlement_kind_known"),
            models.UniqueConstraint(
                fields=["settlement", "kind", "reference"], name="settlement_difference_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=Q(decided_at=None), name="settlement_differences_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.kind}"


class Reconciliation(models.Model):
    """A day on which everything was laid beside everything; `silent` are those who did not answer,
    about whom nothing is said. The next look compares what changed since `changes_from` (empty: all
    there is), as long as `whole_on`, the day on which all was compared last, is not too far off."""

    day = models.DateField(primary_key=True)
    looked_at = models.DateTimeField(help_text="business time; the last time")
    changes_from = models.DateTimeField(null=True, help_text="business time")
    whole_on = models.DateField(null=True)
    silent = models.JSONField(default=list)

    def __str__(self) -> str:
        return self.day.isoformat()


class FoundDifference(models.Model):
    """One difference, from the day on which it was first found to the last."""

    kind = models.CharField(max_length=30)
    identity = models.CharField(max_length=200)
    expected = models.CharField(max_length=60)
    found = models.CharField(max_length=60)
    first_on = models.DateField()
    last_on = models.DateField()
    state = models.CharField(max_length=9, default=FoundState.OPEN)
    decided_at = models.DateTimeField(null=True, help_text="business time")
    decided_by = models.CharField(max_length=200, blank=True, default="")
    note = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [
            _known("state", FoundState, "found_difference_state_known"),
            models.UniqueConstraint(
                fields=["kind", "identity", "expected", "found"], name="found_difference_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=~Q(state="solved"), name="found_difference_unsolved"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.identity}"
