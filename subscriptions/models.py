"""Billing accounts, contracts, promises, invoices and bill runs.

Items are named by the order's line ids; amounts are in the account's basis (TTC or HT).
"""

from decimal import Decimal
from enum import StrEnum

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField
from django.db import models
from django.db.models import F, Q, Value

from catalogue.domain.usage import Dimension
from commerce.kernel.tax import Basis
from promotions.domain.benefits import BenefitKind, EarlyExit
from subscriptions.carrier.models import CarrierDenial as CarrierDenial
from subscriptions.carrier.models import CarrierLimits as CarrierLimits
from subscriptions.carrier.models import CarrierPayment as CarrierPayment
from subscriptions.carrier.models import CarrierRefund as CarrierRefund
from subscriptions.carrier.models import CarrierSubscription as CarrierSubscription
from subscriptions.carrier.models import Merchant as Merchant
from subscriptions.carrier.models import SinkMessage as SinkMessage
from subscriptions.domain.bank import Waiting
from subscriptions.domain.dunning import GRADES, Action, EntryKind
from subscriptions.domain.einvoicing import EinvoiceStatus, RequestKind, RequestState
from subscriptions.domain.ledger import Book, TransferKind
from subscriptions.domain.states import (
    BlockKind,
    ChangeKind,
    ChunkState,
    EntryState,
    InvoiceKind,
    InvoiceState,
    LineKind,
    PromiseState,
    Release,
    RunState,
    SubscriptionStatus,
)
from subscriptions.domain.usage import Suspense, UsageState


def _known(field: str, words: type[StrEnum], *, name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(**{f"{field}__in": [str(word) for word in words]}), name=name
    )


def _amount() -> "models.DecimalField[Decimal, Decimal]":
    return models.DecimalField(max_digits=14, decimal_places=2)


class BillingAccount(models.Model):
    """Where a party's contracts are billed together, once per cycle.

    `cycle_day` and `next_bill_on` are empty until the first contract is activated. A parked account
    (`parked_at`) is left out of bill runs until an operator decides.
    """

    party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=40, default="main")
    segment = models.CharField(max_length=8)
    basis = models.CharField(max_length=3)
    currency = models.CharField(max_length=3, default="EUR")
    zone = models.CharField(max_length=40, default="Europe/Paris")
    legal_entity = models.CharField(max_length=20, default="FR")
    cycle_day = models.PositiveSmallIntegerField(null=True)
    payment_days = models.PositiveSmallIntegerField(default=0)
    purchase_order = models.CharField(max_length=60, default="", blank=True)
    next_bill_on = models.DateField(null=True)
    bills = models.PositiveIntegerField(default=0)
    parked_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["party", "name"], name="account_once"),
            _known("basis", Basis, name="account_basis_known"),
            models.CheckConstraint(
                condition=Q(cycle_day__isnull=True) | Q(cycle_day__range=(1, 28)),
                name="account_cycle_day_1_to_28",
            ),
            models.CheckConstraint(
                condition=Q(next_bill_on__isnull=True) | Q(cycle_day__isnull=False),
                name="account_billed_has_cycle",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_bill_on", "id"],
                condition=Q(parked_at__isnull=True, next_bill_on__isnull=False),
                name="account_due",
            )
        ]


class Promise(models.Model):
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
    cycle_day = models.PositiveSmallIntegerField(null=True)
    periods = models.PositiveSmallIntegerField(default=0)
    replaces = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    closed = models.JSONField(default=dict, help_text="item -> day")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order_number", "group"], name="promise_once"),
            _known("basis", Basis, name="promise_basis_known"),
            models.CheckConstraint(
                condition=Q(state="pending", activated_on__isnull=True)
                | Q(state="active", activated_on__isnull=False, cycle_day__isnull=False),
                name="promise_state_known",
            ),
        ]


class PromiseLine(models.Model):
    """One promised amount; period 0 is the order itself and has no `starts_on`.

    It stands on the bill of the day `due_on`. A change takes its place where `superseded_by` says.
    """

    promise = models.ForeignKey(Promise, on_delete=models.PROTECT, related_name="lines")
    item = models.CharField(max_length=60)
    charge = models.CharField(max_length=60)
    period = models.PositiveSmallIntegerField()
    benefit = models.CharField(max_length=60, default="", blank=True)
    amount = _amount()
    tax_class = models.CharField(max_length=30)
    tax_rate = models.DecimalField(max_digits=5, decimal_places=2)
    starts_on = models.DateField(null=True)
    due_on = models.DateField(null=True)
    superseded_by = models.ForeignKey(
        Promise, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["promise", "item", "charge", "period", "benefit"], name="promised_once"
            ),
            models.CheckConstraint(
                condition=Q(period=0, starts_on__isnull=True, due_on__isnull=True)
                | Q(period__gt=0, starts_on__isnull=False, due_on__isnull=False),
                name="promised_from_a_day",
            ),
        ]
        indexes = [models.Index(fields=["promise", "due_on"], name="promised_by_bill_day")]


class Subscription(models.Model):
    """A running contract: one group (a bundle instance, a named user's line) of one order."""

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
    activated_on = models.DateField()
    activated_at = models.DateTimeField()
    commitment_months = models.PositiveSmallIntegerField(default=0)
    commitment_ends_on = models.DateField(null=True)
    release = models.PositiveIntegerField()
    channel = models.CharField(max_length=12)
    ended_on = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order_number", "group"], name="subscription_once"),
            _known("status", SubscriptionStatus, name="subscription_status_known"),
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
            _known("kind", ChangeKind, name="change_kind_known"),
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
            _known("kind", BlockKind, name="block_kind_known"),
        ]


class SubscriptionItem(models.Model):
    """What the contract holds from `from_on` up to but not including `until_on`.

    `begun_by` is empty for what came with the contract itself.
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
    amount = _amount()
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
            _known("early_exit", EarlyExit, name="item_benefit_early_exit_known"),
            models.UniqueConstraint(fields=["charge", "position"], name="item_benefit_once"),
            _known("kind", BenefitKind, name="item_benefit_kind_known"),
        ]


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
    amount = _amount()
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
    """The billing of all accounts due on `on`."""

    on = models.DateField()
    state = models.CharField(max_length=8, default=RunState.RUNNING)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            _known("state", RunState, name="bill_run_state_known"),
            models.UniqueConstraint(
                fields=["on"], condition=Q(state="running"), name="one_bill_run_of_a_day"
            ),
        ]


class BillRunChunk(models.Model):
    """A range of account ids within a run, billed by one worker at a time."""

    run = models.ForeignKey(BillRun, on_delete=models.PROTECT, related_name="chunks")
    first_account = models.BigIntegerField()
    last_account = models.BigIntegerField()
    state = models.CharField(max_length=8, default=ChunkState.PENDING)
    issued = models.PositiveIntegerField(default=0)
    held = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "first_account"], name="chunk_once"),
            _known("state", ChunkState, name="chunk_state_known"),
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
    both parties, the `commitments` of its contracts, what of it was `prepaid`, and by which
    `template` it is made.
    """

    account = models.ForeignKey(BillingAccount, on_delete=models.PROTECT, related_name="invoices")
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
    net = _amount()
    tax_total = _amount()
    gross = _amount()
    prepaid = models.DecimalField(max_digits=14, decimal_places=2, db_default=0)
    tax = models.JSONField(default=list)
    mentions = models.JSONField(default=list)
    seller = models.ForeignKey(
        InvoiceParty, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    buyer = models.ForeignKey(
        InvoiceParty, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    commitments = models.JSONField(db_default=Value([], models.JSONField()))
    template = models.PositiveSmallIntegerField(null=True)

    class Meta:
        constraints = [
            _known("kind", InvoiceKind, name="invoice_kind_known"),
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
                condition=Q(prepaid=0) | Q(prepaid__gt=0, prepaid__lte=F("gross")),
                name="invoice_prepaid_within",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-issued_on"], name="invoice_of_account"),
            models.Index(fields=["chunk"], condition=~Q(state="issued"), name="invoice_unissued"),
        ]


class InvoiceLine(models.Model):
    """A line in the account's basis; `benefit` is empty for the charge itself."""

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
    amount = _amount()
    tax_class = models.CharField(max_length=30)
    tax_rate = models.DecimalField(max_digits=5, decimal_places=2)

    class Meta:
        constraints = [_known("kind", LineKind, name="invoice_line_kind_known")]
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


class Transfer(models.Model):
    """A row of the ledger: `amount` goes from the credited book to the debited one. Only added.

    `key` says for what it was entered, once. `reference` is the order's number, or the bill's where
    it has none: what is unapplied under it pays for that bill first.
    """

    at = models.DateTimeField(help_text="business time")
    kind = models.CharField(max_length=11)
    debit = models.CharField(max_length=10)
    credit = models.CharField(max_length=10)
    amount = _amount()
    currency = models.CharField(max_length=3)
    account = models.ForeignKey(BillingAccount, on_delete=models.PROTECT, related_name="transfers")
    invoice = models.ForeignKey(
        Invoice, null=True, on_delete=models.PROTECT, related_name="transfers"
    )
    reference = models.CharField(max_length=80)
    key = models.CharField(max_length=160)

    class Meta:
        constraints = [
            # Not `unique=True`: the bill run would keep a second index, for LIKE, that nobody asks.
            models.UniqueConstraint(fields=["key"], name="transfer_once"),
            _known("kind", TransferKind, name="transfer_kind_known"),
            _known("debit", Book, name="transfer_debit_known"),
            _known("credit", Book, name="transfer_credit_known"),
            models.CheckConstraint(
                condition=Q(amount__gt=0) & ~Q(debit=F("credit")), name="transfer_moves_something"
            ),
        ]
        indexes = [models.Index(fields=["reference"], name="transfer_by_reference")]

    def __str__(self) -> str:
        return self.key


class BankStatement(models.Model):
    """A statement of our bank account as its file was taken in; days and sums are the bank's."""

    iban = models.CharField(max_length=34)
    statement_id = models.CharField(max_length=35)
    on = models.DateField(help_text="of the closing balance")
    opening = _amount()
    closing = _amount()
    file = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, help_text="of what it says")
    taken_in_at = models.DateTimeField(help_text="business time")
    taken_in_by = models.CharField(max_length=120)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["iban", "statement_id"], name="bank_statement_once")
        ]

    def __str__(self) -> str:
        return self.statement_id


class BankEntry(models.Model):
    """A movement on our bank account; what left it has an `amount` below zero.

    `payer` is a keyed hash of the other's IBAN: whose it was before is a hint whose it is. `reason`
    says why it waits. One that is no customer's is set aside, with a note.
    """

    statement = models.ForeignKey(BankStatement, on_delete=models.PROTECT, related_name="entries")
    iban = models.CharField(max_length=34)
    key = models.CharField(max_length=70, help_text="the bank's own reference")
    booked_on = models.DateField()
    amount = _amount()
    other_name = models.CharField(max_length=140, default="", blank=True)
    payer = models.CharField(max_length=64, default="", blank=True)
    end_to_end_id = models.CharField(max_length=35, default="", blank=True)
    references = models.JSONField(default=list)
    text = models.CharField(max_length=500, default="", blank=True)
    returned = models.CharField(max_length=8, default="", blank=True)
    state = models.CharField(max_length=7, default=EntryState.WAITING)
    reason = models.CharField(max_length=20, default="", blank=True)
    note = models.CharField(max_length=500, default="", blank=True)
    decided_by = models.CharField(max_length=120, default="", blank=True)
    decided_at = models.DateTimeField(null=True, help_text="business time")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["iban", "key"], name="bank_entry_once"),
            _known("state", EntryState, name="bank_entry_state_known"),
            models.CheckConstraint(
                condition=Q(reason__in=["", *(str(each) for each in Waiting)]),
                name="bank_entry_reason_known",
            ),
            models.CheckConstraint(
                condition=~Q(state="aside") | ~Q(note=""), name="bank_entry_aside_has_a_note"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(state="waiting"), name="bank_entry_waiting"),
            models.Index(fields=["payer"], condition=~Q(payer=""), name="bank_entry_of_payer"),
        ]

    def __str__(self) -> str:
        return self.key


class BankShare(models.Model):
    """What of a bank entry is an account's. It is undone, never changed.

    `reference` is the bill that it pays; empty: it is for the next one. Of an entry that left the
    bank it is that from which the money was taken.
    """

    entry = models.ForeignKey(BankEntry, on_delete=models.PROTECT, related_name="shares")
    account = models.ForeignKey(BillingAccount, on_delete=models.PROTECT, related_name="+")
    reference = models.CharField(max_length=80, default="", blank=True)
    amount = _amount()
    by = models.CharField(max_length=120, help_text="empty: it named its bills")
    at = models.DateTimeField(help_text="business time")
    undone_by = models.CharField(max_length=120, default="", blank=True)
    undone_at = models.DateTimeField(null=True, help_text="business time")
    note = models.CharField(max_length=500, default="", blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="bank_share_above_zero"),
            models.CheckConstraint(
                condition=Q(undone_at__isnull=True) | ~Q(undone_by=""), name="bank_share_undone_by"
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def key(self) -> str:
        """Under which it is entered in the ledger, once."""
        return f"bank/{self.pk}"

    @property
    def under(self) -> str:
        """The reference under which its money stands in the ledger."""
        return self.reference or self.key


class DunningCase(models.Model):
    """An account with bills that are overdue, from the day on which that is seen until none is.

    `grade` is the hardest that was reached, empty before the first; `next_on` the day of the next
    step. It waits for money until `promised_for`, that day included.
    """

    account = models.ForeignKey(BillingAccount, on_delete=models.PROTECT, related_name="cases")
    opened_on = models.DateField()
    closed_on = models.DateField(null=True)
    since = models.DateField(help_text="the due day of the oldest bill that is overdue")
    owed = _amount()
    grade = models.CharField(max_length=9, default="", blank=True)
    promises = models.PositiveSmallIntegerField(default=0)
    promised_for = models.DateField(null=True)
    paused = models.BooleanField(default=False)
    next_on = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(closed_on__isnull=True), name="one_open_case"
            ),
            models.CheckConstraint(
                condition=Q(grade__in=["", *(str(grade) for grade in GRADES)]),
                name="case_grade_known",
            ),
        ]

    def __str__(self) -> str:
        return f"case {self.pk}"


class DunningEntry(models.Model):
    """A case's history; only ever added to, and each step once. `facts` are amounts, days, bills as
    text; `by` names who acted, empty for the machine."""

    case = models.ForeignKey(DunningCase, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=8)
    step = models.CharField(max_length=40, default="", blank=True)
    action = models.CharField(max_length=9, default="", blank=True)
    on = models.DateField()
    at = models.DateTimeField(help_text="business time")
    by = models.CharField(max_length=120, default="", blank=True)
    note = models.CharField(max_length=300, default="", blank=True)
    facts = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "step"], condition=Q(kind="step"), name="dunning_step_once"
            ),
            _known("kind", EntryKind, name="dunning_entry_kind_known"),
            models.CheckConstraint(
                condition=Q(kind="step", action__in=[str(action) for action in Action])
                & ~Q(step="")
                | ~Q(kind="step") & Q(step="", action=""),
                name="dunning_entry_step_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.step}"


class DebitNotice(models.Model):
    """The payer of a bill was told that it is debited: on `debit_on`, that amount at most."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="debit_notices")
    mandate_reference = models.CharField(max_length=35)
    last4 = models.CharField(max_length=4)
    amount = _amount()
    debit_on = models.DateField()
    told_at = models.DateTimeField(help_text="business time")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["invoice", "mandate_reference"], name="debit_announced_once"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="debit_not_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.invoice_id} {self.debit_on}"


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


class Consumption(models.Model):
    """What a line used in a calendar month (named by its first day), as it was counted last.

    `included` is what its contract included then, null where there is no end; `counted_at` says
    until when the reporting system had counted. Made from usage records where there are any
    (`from_records`); `unsettled` while a bill has not yet taken up what they say.
    """

    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, related_name="consumption"
    )
    month = models.DateField()
    dimension = models.CharField(max_length=10)
    used = models.DecimalField(max_digits=12, decimal_places=3)
    included = models.DecimalField(max_digits=12, decimal_places=3, null=True)
    counted_at = models.DateTimeField()
    taken_at = models.DateTimeField()
    from_records = models.BooleanField(default=False)
    unsettled = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(
                fields=["subscription"], condition=Q(unsettled=True), name="consumption_unsettled"
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "dimension", "month"], name="consumed_once"
            ),
            _known("dimension", Dimension, name="consumption_dimension_known"),
            models.CheckConstraint(
                condition=Q(used__gte=0) & Q(month__day=1), name="consumption_sane"
            ),
        ]


class FormerNumber(models.Model):
    """A number that the contract had from `from_on`, and no more since the day `until_on`."""

    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, related_name="former_numbers"
    )
    msisdn = models.CharField(max_length=20)
    from_on = models.DateField()
    until_on = models.DateField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(until_on__gte=F("from_on")), name="former_number_sane"
            )
        ]
        indexes = [models.Index(fields=["msisdn"], name="former_by_number")]

    def __str__(self) -> str:
        return self.msisdn


class UsageRecord(models.Model):
    """What a system of the operator saw a line use, by the name that it has for it there.

    `day` is that of `started_at` where the contract is billed; it and the contract are empty of a
    suspended record, whose `reason` says what is amiss. `destination` is who was called, or where
    the line was, as the system says it. Only ever added; a suspended one is counted later.
    """

    source = models.CharField(max_length=40)
    reference = models.CharField(max_length=80)
    line = models.CharField(max_length=20)
    started_at = models.DateTimeField()
    dimension = models.CharField(max_length=10)
    quantity = models.DecimalField(max_digits=12, decimal_places=3)
    destination = models.CharField(max_length=20, default="", blank=True)
    state = models.CharField(max_length=9)
    reason = models.CharField(max_length=20, default="", blank=True)
    subscription = models.ForeignKey(
        Subscription, null=True, on_delete=models.PROTECT, related_name="usage", db_index=False
    )
    day = models.DateField(null=True)
    taken_at = models.DateTimeField(help_text="business time")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "reference"], name="usage_once"),
            _known("dimension", Dimension, name="usage_dimension_known"),
            _known("state", UsageState, name="usage_state_known"),
            models.CheckConstraint(condition=Q(quantity__gte=0), name="usage_sane"),
            models.CheckConstraint(
                condition=Q(
                    state="suspended",
                    subscription__isnull=True,
                    day__isnull=True,
                    reason__in=[str(each) for each in Suspense],
                )
                | Q(
                    state__in=["counted", "barred"],
                    subscription__isnull=False,
                    day__isnull=False,
                    reason="",
                ),
                name="usage_counted_of_a_contract",
            ),
        ]
        indexes = [
            models.Index(
                fields=["subscription", "day"],
                condition=Q(state="counted"),
                name="usage_of_contract",
            ),
            models.Index(fields=["line"], condition=Q(state="suspended"), name="usage_suspended"),
        ]

    def __str__(self) -> str:
        return f"{self.source}/{self.reference}"


class UsageBilled(models.Model):
    """What a bill holds of the over-use of a plan in a month: `units` and `amount` more than the
    revisions before it, so that their sum is what has been billed so far."""

    item = models.ForeignKey(
        SubscriptionItem, on_delete=models.PROTECT, related_name="usage_billed"
    )
    charge = models.CharField(max_length=60)
    month = models.DateField()
    revision = models.PositiveSmallIntegerField()
    units = models.IntegerField()
    amount = _amount()
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="usage_billed")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["item", "charge", "month", "revision"], name="usage_billed_once"
            )
        ]


class Einvoice(models.Model):
    """A business's invoice at the accredited platform. `generation` counts how often it was sent,
    anew after a rejection; `handled` says what an operator did about one that came back."""

    invoice = models.OneToOneField(Invoice, on_delete=models.PROTECT, related_name="einvoice")
    status = models.CharField(max_length=9, default=EinvoiceStatus.MARKED)
    generation = models.PositiveSmallIntegerField(default=1)
    motive = models.CharField(max_length=60, default="", blank=True)
    handled = models.CharField(max_length=500, default="", blank=True)
    changed_at = models.DateTimeField(help_text="business time")

    class Meta:
        constraints = [_known("status", EinvoiceStatus, name="einvoice_status_known")]
        indexes = [
            models.Index(
                fields=["changed_at", "id"],
                condition=Q(status__in=["rejected", "refused"], handled=""),
                name="einvoice_came_back",
            )
        ]

    def __str__(self) -> str:
        return self.status


class EinvoiceStep(models.Model):
    """What happened to an electronic invoice, once; only ever added.

    `event` is the platform's id of what it told, empty for what we did (`by` whom).
    """

    einvoice = models.ForeignKey(Einvoice, on_delete=models.PROTECT, related_name="steps")
    status = models.CharField(max_length=9)
    at = models.DateTimeField(help_text="business time")
    motive = models.CharField(max_length=60, default="", blank=True)
    by = models.CharField(max_length=120, default="", blank=True)
    event = models.CharField(max_length=80, default="", blank=True)

    class Meta:
        constraints = [
            _known("status", EinvoiceStatus, name="einvoice_step_known"),
            models.UniqueConstraint(
                fields=["event"], condition=~Q(event=""), name="einvoice_told_once"
            ),
        ]

    def __str__(self) -> str:
        return self.status


class SalesReport(models.Model):
    """What was reported of sales to consumers for the days from `start` up to `end`.

    `sales` and `payments` are rows by day and rate. A correction names the report whose place it
    takes; the periods of the others follow each other without a gap.
    """

    reference = models.CharField(max_length=40, unique=True)
    start = models.DateField()
    end = models.DateField()
    sales = models.JSONField(default=list)
    payments = models.JSONField(default=list)
    corrects = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(help_text="business time")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["start"], condition=Q(corrects__isnull=True), name="reported_once"
            ),
            models.UniqueConstraint(fields=["corrects"], name="report_corrected_once"),
            models.CheckConstraint(condition=Q(start__lt=F("end")), name="report_has_days"),
        ]

    def __str__(self) -> str:
        return self.reference


class PlatformRequest(models.Model):
    """What we ask of the accredited platform, once under its `key`; `answer` is its id of what it
    made. Of an invoice (to be taken in, or `amount` of it paid), or of a report."""

    key = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=7)
    einvoice = models.ForeignKey(
        Einvoice, null=True, on_delete=models.PROTECT, related_name="requests"
    )
    report = models.ForeignKey(
        SalesReport, null=True, on_delete=models.PROTECT, related_name="requests"
    )
    amount = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    state = models.CharField(max_length=8, default=RequestState.WAITING)
    answer = models.CharField(max_length=80, default="", blank=True)
    error = models.CharField(max_length=300, default="", blank=True)
    made_at = models.DateTimeField(help_text="business time")

    class Meta:
        constraints = [
            _known("kind", RequestKind, name="platform_request_kind_known"),
            _known("state", RequestState, name="platform_request_state_known"),
            models.CheckConstraint(
                condition=Q(kind="report", report__isnull=False, einvoice__isnull=True)
                | Q(kind__in=["invoice", "paid"], report__isnull=True, einvoice__isnull=False),
                name="platform_request_of_one",
            ),
        ]

    def __str__(self) -> str:
        return self.key
