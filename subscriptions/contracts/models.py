"""Contracts: what was promised, what they hold, what changed.

Items are named by the order's line ids.
"""

from django.db import models
from django.db.models import F, Q

from commerce.kernel.tax import Basis
from promotions.domain.benefits import BenefitKind, EarlyExit
from subscriptions.accounts.models import BillingAccount, CycleMove
from subscriptions.columns import Cycled, amount_field, known
from subscriptions.domain.states import BlockKind, ChangeKind, PromiseState, SubscriptionStatus


class Promise(Cycled):
    """What one contract was told that its bills will be; `agreed` are its AgreedCharges as JSON.

    A change of the contract makes a promise of its own that names the one before (`replaces`). Of
    the items in `closed` it says nothing any more from the day named there on.
    """

    order_number = models.CharField(max_length=20)
    group = models.CharField(max_length=60)
    segment = models.CharField(max_length=8)
    basis = models.CharField(max_length=3)
    state = models.CharField(max_length=8, default=PromiseState.PENDING)
    agreed = models.JSONField()
    tax_rates = models.JSONField()
    commitment_months = models.PositiveSmallIntegerField(default=0)
    pledged_at = models.DateTimeField()
    activated_on = models.DateField(null=True)
    periods = models.PositiveSmallIntegerField(default=0)
    replaces = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    closed = models.JSONField(default=dict, help_text="item -> day")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order_number", "group"], name="promise_once"),
            known("basis", Basis, name="promise_basis_known"),
            models.CheckConstraint(
                condition=Q(state="pending", activated_on__isnull=True)
                | Q(state="active", activated_on__isnull=False, cycle_day__isnull=False),
                name="promise_state_known",
            ),
        ]


class PromiseLine(models.Model):
    """One promised amount; period 0 is the order itself and has no `starts_on`.

    It stands on the bill of the day `due_on`. A change takes its place where `superseded_by` says;
    after a move of the cycle day that is its own promise, whose lines name the `move`.
    """

    promise = models.ForeignKey(Promise, on_delete=models.PROTECT, related_name="lines")
    item = models.CharField(max_length=60)
    charge = models.CharField(max_length=60)
    period = models.PositiveSmallIntegerField()
    benefit = models.CharField(max_length=60, default="", blank=True)
    amount = amount_field()
    tax_class = models.CharField(max_length=30)
    tax_rate = models.DecimalField(max_digits=5, decimal_places=2)
    starts_on = models.DateField(null=True)
    due_on = models.DateField(null=True)
    superseded_by = models.ForeignKey(
        Promise, null=True, on_delete=models.PROTECT, related_name="+"
    )
    move = models.ForeignKey(
        CycleMove, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["promise", "item", "charge", "period", "benefit"],
                condition=Q(superseded_by__isnull=True),
                name="promised_once",
            ),
            models.CheckConstraint(
                condition=Q(period=0, starts_on__isnull=True, due_on__isnull=True)
                | Q(period__gt=0, starts_on__isnull=False, due_on__isnull=False),
                name="promised_from_a_day",
            ),
        ]
        indexes = [models.Index(fields=["promise", "due_on"], name="promised_by_bill_day")]


class Subscription(models.Model):
    """A running contract: one group (a bundle instance, a named user's line) of one order.

    `cost_centre` and `purchase_order` are what a firm's own books call it.
    """

    order_number = models.CharField(max_length=20)
    group = models.CharField(max_length=60)
    party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="+")
    account = models.ForeignKey(
        BillingAccount, on_delete=models.PROTECT, related_name="subscriptions"
    )
    promise = models.OneToOneField(
        Promise, null=True, on_delete=models.PROTECT, related_name="subscription"
    )
    status = models.CharField(max_length=9, default=SubscriptionStatus.ACTIVE)
    msisdn = models.CharField(max_length=20, default="", blank=True)
    iccid = models.CharField(max_length=22, default="", blank=True)
    imei = models.CharField(max_length=16, default="", blank=True)
    eid = models.CharField(max_length=32, default="", blank=True)
    lpa = models.CharField(max_length=200, default="", blank=True)
    user_name = models.CharField(max_length=120, default="", blank=True)
    cost_centre = models.CharField(max_length=120, default="", db_default="", blank=True)
    purchase_order = models.CharField(max_length=60, default="", db_default="", blank=True)
    activated_on = models.DateField()
    activated_at = models.DateTimeField()
    commitment_months = models.PositiveSmallIntegerField(default=0)
    commitment_ends_on = models.DateField(null=True)
    release = models.PositiveIntegerField()
    channel = models.CharField(max_length=12)
    ended_on = models.DateField(null=True)
    leaves = models.BooleanField(
        default=False, db_default=False, help_text="its number is on its way to another operator"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order_number", "group"], name="subscription_once"),
            known("status", SubscriptionStatus, name="subscription_status_known"),
        ]
        indexes = [models.Index(fields=["msisdn"], name="subscription_by_number")]


class SubscriptionChange(models.Model):
    """What an order did to a running contract from the day `on`; only ever added.

    `facts` are what was learnt or was so before: old and new numbers, reasons.
    """

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="changes")
    promise = models.OneToOneField(Promise, on_delete=models.PROTECT, related_name="change")
    kind = models.CharField(max_length=12)
    order_number = models.CharField(max_length=20)
    group = models.CharField(max_length=60)
    on = models.DateField()
    at = models.DateTimeField(help_text="business time")
    channel = models.CharField(max_length=12)
    facts = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order_number", "group"], name="change_once"),
            known("kind", ChangeKind, name="change_kind_known"),
        ]


class SubscriptionBlock(models.Model):
    """A reason for which the contract's service stands still, until it is lifted.

    `outgoing_only`: the line can still be called, and used for emergency calls.
    """

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="blocks")
    kind = models.CharField(max_length=8)
    outgoing_only = models.BooleanField(default=False, db_default=False)
    since = models.DateTimeField(help_text="business time")
    lifted_at = models.DateTimeField(null=True, help_text="business time")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "kind"],
                condition=Q(lifted_at__isnull=True),
                name="blocked_once_for_a_reason",
            ),
            known("kind", BlockKind, name="block_kind_known"),
        ]


class SubscriptionItem(models.Model):
    """What the contract holds from `from_on` up to but not including `until_on`.

    `begun_by` is empty for what came with the contract itself. `first_ended_by` ended it on a later
    day, before the end of the contract that holds (`ended_by`) was carried out late.
    """

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="items")
    line_id = models.CharField(max_length=60)
    offering = models.CharField(max_length=60)
    names = models.JSONField(default=dict)
    facts = models.JSONField(default=dict)
    from_on = models.DateField()
    until_on = models.DateField(null=True)
    begun_by = models.ForeignKey(
        SubscriptionChange, null=True, on_delete=models.PROTECT, related_name="begun"
    )
    ended_by = models.ForeignKey(
        SubscriptionChange, null=True, on_delete=models.PROTECT, related_name="ended"
    )
    first_ended_by = models.ForeignKey(
        SubscriptionChange, null=True, on_delete=models.PROTECT, related_name="first_ended"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "line_id"],
                condition=Q(begun_by__isnull=True),
                name="item_once",
            ),
            models.UniqueConstraint(fields=["begun_by", "line_id"], name="item_of_change_once"),
            models.CheckConstraint(
                condition=Q(until_on__isnull=True) | Q(until_on__gte=F("from_on")),
                name="item_ends_after_start",
            ),
        ]


class ItemCharge(models.Model):
    """A recurring charge as it is billed; `billed_until` follows its live coverage."""

    item = models.ForeignKey(SubscriptionItem, on_delete=models.PROTECT, related_name="charges")
    code = models.CharField(max_length=60)
    amount = amount_field()
    every_months = models.PositiveSmallIntegerField(default=1)
    quantity = models.PositiveIntegerField(default=1)
    tax_class = models.CharField(max_length=30)
    tax_rate = models.DecimalField(max_digits=5, decimal_places=2)
    billed_until = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "code"], name="item_charge_once"),
            models.CheckConstraint(
                condition=Q(every_months__gte=1, quantity__gte=1, amount__gte=0),
                name="item_charge_sane",
            ),
        ]


class ItemBenefit(models.Model):
    """An advantage on a charge; benefits are taken in the order of `position`."""

    charge = models.ForeignKey(ItemCharge, on_delete=models.PROTECT, related_name="benefits")
    position = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=60)
    kind = models.CharField(max_length=12)
    value = models.DecimalField(max_digits=14, decimal_places=4)
    first = models.PositiveSmallIntegerField(default=1)
    periods = models.PositiveSmallIntegerField(null=True)
    from_piece = models.PositiveIntegerField(default=1)
    pieces = models.PositiveIntegerField(null=True)
    early_exit = models.CharField(max_length=12, default=EarlyExit.NOTHING)
    names = models.JSONField(default=dict)

    class Meta:
        constraints = [
            known("early_exit", EarlyExit, name="item_benefit_early_exit_known"),
            models.UniqueConstraint(fields=["charge", "position"], name="item_benefit_once"),
            known("kind", BenefitKind, name="item_benefit_kind_known"),
        ]


class PaidContinuation(models.Model):
    """An item that is free until `costs_on`, and goes on from then at `amount` every `every_months`
    only if its holder agrees expressly, by `answer_by` (that day included).

    `agreed` is the latest answer; the consent itself, with its text, channel and who gave it, is
    kept among the party's. `record` says where a yes by phone can be heard again. Without a yes
    `costs_on` is the day of its end.
    """

    item = models.OneToOneField(
        SubscriptionItem, on_delete=models.PROTECT, related_name="continuation"
    )
    costs_on = models.DateField()
    answer_by = models.DateField()
    amount = amount_field()
    every_months = models.PositiveSmallIntegerField(default=1)
    asked_at = models.DateTimeField(null=True, help_text="business time")
    agreed = models.BooleanField(null=True)
    answered_at = models.DateTimeField(null=True, help_text="business time")
    record = models.CharField(max_length=200, default="", blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(agreed__isnull=True, answered_at__isnull=True)
                | Q(agreed__isnull=False, answered_at__isnull=False),
                name="continuation_answered_at",
            )
        ]

    def __str__(self) -> str:
        return f"{self.item_id} {self.costs_on}"


class TermsChange(models.Model):
    """A change of running contracts that we announce: of those that hold `offering`, from their
    first bill day from `from_on` on. Only added.

    `names` say in each language what changes and why. `successor` takes the offering's place, at
    its own price; empty where conditions alone change.
    """

    code = models.SlugField(max_length=40, unique=True)
    offering = models.CharField(max_length=60)
    segment = models.CharField(max_length=8)
    successor = models.CharField(max_length=60, default="", blank=True)
    names = models.JSONField()
    from_on = models.DateField()
    announced_at = models.DateTimeField(help_text="business time")
    announced_by = models.CharField(max_length=120)

    def __str__(self) -> str:
        return self.code


class TermsNotice(models.Model):
    """The holder of an item was told of a change that takes effect on the day `effective_on`.

    `told_at` is empty where nobody can be told: there is no address, and nothing changes. `outcome`
    is empty until the day, then `applied`, `left` where the item had ended, or why we could not.
    """

    terms = models.ForeignKey(TermsChange, on_delete=models.PROTECT, related_name="notices")
    item = models.ForeignKey(
        SubscriptionItem, on_delete=models.PROTECT, related_name="terms_notices"
    )
    effective_on = models.DateField()
    told_at = models.DateTimeField(null=True, help_text="business time")
    outcome = models.CharField(max_length=40, default="", blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["terms", "item"], name="told_of_terms_once")]
        indexes = [
            models.Index(
                fields=["terms", "effective_on"], condition=Q(outcome=""), name="terms_to_apply"
            )
        ]

    def __str__(self) -> str:
        return f"{self.terms_id} {self.item_id}"


class Compensation(models.Model):
    """What we owe a contract for a fault of ours: a line of the bill of the day `due_on`. Below
    zero it is what the contract owes us for one of its own: for paying late.

    `reference` says for what, once; on the bill and in the promise it is the item of the line that
    is called `charge`. Settled when a bill's line names it. The days are those of the fault,
    half-open.
    """

    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, related_name="compensations"
    )
    reference = models.CharField(max_length=60, unique=True)
    charge = models.CharField(max_length=60, default="compensation", db_default="compensation")
    amount = amount_field()
    tax_class = models.CharField(max_length=30)
    tax_rate = models.DecimalField(max_digits=5, decimal_places=2)
    starts_on = models.DateField()
    ends_on = models.DateField()
    names = models.JSONField(default=dict)
    due_on = models.DateField()
    granted_at = models.DateTimeField(help_text="business time")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(amount=0) & Q(starts_on__lt=F("ends_on")), name="compensation_sane"
            )
        ]

    def __str__(self) -> str:
        return self.reference
