"""Bills, their numbers and lines, the days that they cover, and the runs that make them.

Amounts of lines are in the account's basis (TTC or HT).
"""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q, Value

from subscriptions.accounts.models import BillingAccount
from subscriptions.columns import amount_field, known
from subscriptions.contracts.models import ItemCharge
from subscriptions.domain.states import (
    ChunkState,
    InvoiceKind,
    InvoiceState,
    LineKind,
    Release,
    RunState,
)


class NumberSeries(models.Model):
    """The next number of a series; gap-free because it is moved in the issuing transaction."""

    legal_entity = models.CharField(max_length=20)
    prefix = models.CharField(max_length=2)
    year = models.PositiveSmallIntegerField()
    next = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["legal_entity", "prefix", "year"], name="series_once")
        ]


class BillRun(models.Model):
    """The billing of all accounts due on `on`: of `due` accounts, when it was begun.

    A trial stores nothing but its figures; it may be of one `account`.
    """

    on = models.DateField()
    trial = models.BooleanField(db_default=False)
    account = models.ForeignKey(
        BillingAccount, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    state = models.CharField(max_length=8, default=RunState.RUNNING)
    due = models.PositiveIntegerField(db_default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            known("state", RunState, name="bill_run_state_known"),
            models.UniqueConstraint(
                fields=["on"],
                condition=Q(trial=False) & ~Q(state="finished"),
                name="one_bill_run_of_a_day",
            ),
            models.CheckConstraint(
                condition=Q(trial=True) & Q(state__in=["running", "finished"])
                | Q(trial=False, account__isnull=True),
                name="bill_run_trial_issues_nothing",
            ),
        ]


class BillRunChunk(models.Model):
    """A range of account ids within a run, billed by one worker at a time.

    Its tally: of `taken` accounts some were `billed`, are `held`, or had `nothing` to pay; `gross`
    is the sum of the `drafts`, tax included. Beside that stands what its rows say
    (`subscriptions.domain.control.Stored`), and its `cycles`: of the drafts that begin on the cycle
    day of their account [first day, number, sum with tax as text] for each day, with number and sum
    of those whose day was another one a month before. `moved_at` is machine time.
    """

    run = models.ForeignKey(BillRun, on_delete=models.PROTECT, related_name="chunks")
    first_account = models.BigIntegerField()
    last_account = models.BigIntegerField()
    state = models.CharField(max_length=8, default=ChunkState.PENDING)
    taken = models.PositiveIntegerField(db_default=0)
    billed = models.PositiveIntegerField(db_default=0)
    held = models.PositiveIntegerField(default=0)
    nothing = models.PositiveIntegerField(db_default=0)
    drafts = models.PositiveIntegerField(db_default=0)
    gross = models.DecimalField(max_digits=14, decimal_places=2, db_default=0)
    basis_sum = models.DecimalField(max_digits=14, decimal_places=2, db_default=0)
    line_sum = models.DecimalField(max_digits=14, decimal_places=2, db_default=0)
    named_sum = models.DecimalField(max_digits=14, decimal_places=2, db_default=0)
    promised_sum = models.DecimalField(max_digits=14, decimal_places=2, db_default=0)
    issued = models.PositiveIntegerField(default=0)
    parked = models.JSONField(db_default=Value([], models.JSONField()))
    cycles = models.JSONField(db_default=Value([], models.JSONField()))
    moved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "first_account"], name="chunk_once"),
            known("state", ChunkState, name="chunk_state_known"),
        ]


class BillRunControl(models.Model):
    """The control totals of a run laid side by side: what deviated, and what was decided of it."""

    run = models.ForeignKey(BillRun, on_delete=models.PROTECT, related_name="controls")
    deviations = models.JSONField(default=list)
    made_at = models.DateTimeField()
    decision = models.CharField(max_length=8, default="", blank=True)
    note = models.CharField(max_length=500, default="", blank=True)
    decided_by = models.CharField(max_length=120, default="", blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(decision="", decided_at__isnull=True)
                | Q(decision__in=[str(r) for r in Release], decided_at__isnull=False) & ~Q(note=""),
                name="run_decision_known",
            ),
        ]


class InvoiceParty(models.Model):
    """Who an invoice names, as it was on the day of issue; one row for each that differs.

    `facts` are those of `subscriptions.domain.document.Identity`, `digest` their SHA-256. Only ever
    added.
    """

    digest = models.CharField(max_length=64, unique=True)
    facts = models.JSONField()


class Invoice(models.Model):
    """A bill. `key` says what it bills, once; a number comes with its issue, and then it stands.

    `period_*` is half-open and empty for an order's bill. Totals are in euros; `tax` lists one
    {rate, net, tax, gross} per rate. What its document says beside that is kept with the issue:
    both parties, the `payer` where another account pays it,
    the `commitments` of its contracts, what of it was `prepaid` and by which `means`
    the rest was to be paid, the `parts` of prices that were left to pay in parts (`PrintedPart`,
    in the currency of the bill), and by which `template` it is made.
    """

    account = models.ForeignKey(BillingAccount, on_delete=models.PROTECT, related_name="invoices")
    payer = models.ForeignKey(
        BillingAccount, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    key = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=12)
    state = models.CharField(max_length=8, default=InvoiceState.DRAFT)
    number = models.CharField(max_length=20, unique=True, null=True)  # noqa: DJ001  unique if given
    order_number = models.CharField(max_length=20, default="", blank=True)
    purchase_order = models.CharField(max_length=60, default="", blank=True)
    chunk = models.ForeignKey(
        BillRunChunk, null=True, on_delete=models.PROTECT, related_name="invoices"
    )
    basis = models.CharField(max_length=3)
    currency = models.CharField(max_length=3)
    period_start = models.DateField(null=True)
    period_end = models.DateField(null=True)
    issued_on = models.DateField(null=True)
    due_on = models.DateField(null=True)
    drafted_on = models.DateField()
    net = amount_field()
    tax_total = amount_field()
    gross = amount_field()
    prepaid = models.DecimalField(max_digits=14, decimal_places=2, db_default=0)
    means = models.JSONField(null=True)
    tax = models.JSONField(default=list)
    mentions = models.JSONField(default=list)
    seller = models.ForeignKey(
        InvoiceParty, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    buyer = models.ForeignKey(
        InvoiceParty, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    commitments = models.JSONField(db_default=Value([], models.JSONField()))
    parts = models.JSONField(db_default=Value([], models.JSONField()))
    template = models.PositiveSmallIntegerField(null=True)

    class Meta:
        constraints = [
            known("kind", InvoiceKind, name="invoice_kind_known"),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "held"], number__isnull=True)
                | Q(
                    state="issued",
                    number__isnull=False,
                    issued_on__isnull=False,
                    due_on__isnull=False,
                ),
                name="invoice_numbered_when_issued",
            ),
            models.CheckConstraint(
                condition=Q(gross=F("net") + F("tax_total")), name="invoice_adds_up"
            ),
            models.CheckConstraint(
                condition=Q(payer__isnull=True) | ~Q(payer=F("account")),
                name="invoice_payer_is_another",
            ),
            models.CheckConstraint(
                condition=Q(prepaid=0) | Q(prepaid__gt=0, prepaid__lte=F("gross")),
                name="invoice_prepaid_within",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-issued_on"], name="invoice_of_account"),
            models.Index(fields=["chunk"], condition=~Q(state="issued"), name="invoice_unissued"),
            BrinIndex(fields=["issued_on"], autosummarize=True, name="invoice_of_day"),
            models.Index(
                fields=["payer", "-issued_on"],
                condition=Q(payer__isnull=False),
                name="invoice_paid_by_another",
            ),
        ]

    @property
    def owing_id(self) -> int:
        """Of `owing`."""
        return self.payer_id or self.account_id

    @property
    def owing(self) -> BillingAccount:
        """The account whose money pays the bill, and which is reminded of it: its ledger holds what
        is open."""
        return self.payer or self.account

    def hold(self, owing: BillingAccount) -> None:
        """Have `owing` be this row, which the caller has locked."""
        if self.payer_id is None:
            self.account = owing
        else:
            self.payer = owing


class InvoiceLine(models.Model):
    """A line in the account's basis; `benefit` is empty for the charge itself. The buyer's
    `cost_centre` and `purchase_order` are those of the day on which it was drafted."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=9)
    order_number = models.CharField(max_length=20)
    group = models.CharField(max_length=60)
    item = models.CharField(max_length=60)
    charge = models.CharField(max_length=60)
    period = models.PositiveSmallIntegerField()
    benefit = models.CharField(max_length=60, default="", blank=True)
    starts_on = models.DateField(null=True)
    ends_on = models.DateField(null=True)
    label = models.JSONField(default=dict)
    quantity = models.PositiveIntegerField(default=1)
    amount = amount_field()
    tax_class = models.CharField(max_length=30)
    tax_rate = models.DecimalField(max_digits=5, decimal_places=2)
    cost_centre = models.CharField(max_length=120, default="", db_default="", blank=True)
    purchase_order = models.CharField(max_length=60, default="", db_default="", blank=True)

    class Meta:
        constraints = [known("kind", LineKind, name="invoice_line_kind_known")]
        indexes = [
            models.Index(fields=["invoice", "position"], name="line_of_invoice"),
            models.Index(fields=["order_number", "group", "period"], name="line_of_contract"),
        ]


class Coverage(models.Model):
    """The days of a charge that a bill holds; two live coverages of one charge never overlap.

    A repair closes one (`closed_by` the bill that repairs) and opens the next revision.
    """

    charge = models.ForeignKey(ItemCharge, on_delete=models.PROTECT, related_name="coverage")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="coverage")
    days = DateRangeField()
    revision = models.PositiveSmallIntegerField(default=1)
    live = models.BooleanField(default=True)
    closed_by = models.ForeignKey(Invoice, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            ExclusionConstraint(
                name="covered_once",
                expressions=[("charge", "="), ("days", "&&")],
                condition=Q(live=True),
            )
        ]


class Parking(models.Model):
    """Why an account waits for an operator, and what was decided."""

    account = models.ForeignKey(BillingAccount, on_delete=models.PROTECT, related_name="parkings")
    invoice = models.ForeignKey(Invoice, null=True, on_delete=models.SET_NULL, related_name="+")
    rule = models.CharField(max_length=40)
    reasons = models.JSONField(default=list)
    parked_at = models.DateTimeField()
    decision = models.CharField(max_length=8, default="", blank=True)
    decided_by = models.CharField(max_length=120, default="", blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(decision="", decided_at__isnull=True)
                | Q(decision__in=[str(r) for r in Release], decided_at__isnull=False),
                name="parking_decision_known",
            ),
            models.UniqueConstraint(
                fields=["account"], condition=Q(decision=""), name="parked_once"
            ),
        ]
