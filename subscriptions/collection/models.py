"""Of which debits their payers were told, deposits, and the links by
which these and bills may be paid."""

from django.db import models
from django.db.models import Q

from commerce.markets.pack import AtEnd
from subscriptions.accounts.models import BillingAccount
from subscriptions.columns import amount_field, known
from subscriptions.domain.ledger import DEPOSIT_REFERENCE, LINK_REFERENCE
from subscriptions.invoicing.models import Invoice


class DebitNotice(models.Model):
    """The payer of a bill was told that it is debited: on `debit_on`, that amount at most. Of a
    bill that is paid in parts, once for each (`part`; 0 for any other)."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="debit_notices")
    mandate_reference = models.CharField(max_length=35)
    last4 = models.CharField(max_length=4)
    part = models.PositiveSmallIntegerField(db_default=0, default=0)
    amount = amount_field()
    debit_on = models.DateField()
    told_at = models.DateTimeField(help_text="business time")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["invoice", "mandate_reference", "part"], name="debit_announced_once"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="debit_not_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.invoice_id} {self.debit_on}"


class Deposit(models.Model):
    """What was asked of a party to be held against what it may leave unpaid. What is held of it
    the ledger says, under its reference."""

    account = models.ForeignKey(BillingAccount, on_delete=models.PROTECT, related_name="deposits")
    amount = amount_field()
    asked_by = models.CharField(max_length=120)
    asked_at = models.DateTimeField(help_text="business time")
    settled_at = models.DateTimeField(null=True, help_text="business time")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="deposit_not_zero"),
            models.UniqueConstraint(
                fields=["account"],
                condition=Q(settled_at__isnull=True),
                name="one_open_deposit",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """That of its payment, here and in the ledger."""
        return f"{DEPOSIT_REFERENCE}{self.pk}"


class InstalmentPlan(models.Model):
    """What was agreed with an order: of its bill `deferred` is paid in parts later, by line as
    `lines` say; `first` of the split price was due with the order. `at_end` says what the end of
    the contract does to the rest. Only added."""

    order_number = models.CharField(max_length=20, unique=True)
    party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="+")
    parts = models.PositiveSmallIntegerField(help_text="the first one included")
    first = amount_field()
    deferred = amount_field()
    currency = models.CharField(max_length=3)
    amounts = models.JSONField(help_text="of the parts after the first")
    lines = models.JSONField(help_text="line id -> how much of its price is deferred")
    longest_days = models.PositiveSmallIntegerField(null=True)
    at_end = models.CharField(max_length=9, db_default=AtEnd.GOES_ON.value)
    agreed_at = models.DateTimeField(help_text="business time")

    class Meta:
        constraints = [
            known("at_end", AtEnd, name="plan_end_known"),
            models.CheckConstraint(
                condition=Q(first__gt=0, deferred__gt=0, parts__gte=2), name="plan_defers_something"
            ),
        ]

    def __str__(self) -> str:
        return self.order_number


class InstalmentPart(models.Model):
    """A part after the first, dated when the order was billed. Only added; what became of it the
    ledger says."""

    plan = models.ForeignKey(InstalmentPlan, on_delete=models.PROTECT, related_name="dated")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="instalments")
    number = models.PositiveSmallIntegerField()
    amount = amount_field()
    due_on = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "number"], name="part_once"),
            models.CheckConstraint(
                condition=Q(amount__gt=0, number__gte=2), name="part_after_the_first"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id}/{self.number}"


class PayLink(models.Model):
    """Who has the link may pay what is open on its bills, or its deposit, without an account, until
    `expires_at`.

    Its secret is kept as a digest. `sent_by` names the agent who had it sent.
    """

    account = models.ForeignKey(BillingAccount, on_delete=models.PROTECT, related_name="pay_links")
    bills = models.ManyToManyField(Invoice, related_name="pay_links")
    deposit = models.ForeignKey(
        Deposit, null=True, on_delete=models.PROTECT, related_name="pay_links"
    )
    digest = models.CharField(max_length=64, unique=True)
    channel = models.CharField(max_length=5)
    sent_by = models.CharField(max_length=120)
    sent_at = models.DateTimeField(help_text="business time")
    expires_at = models.DateTimeField(help_text="business time")
    opened_at = models.DateTimeField(null=True, help_text="business time")

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """That of payments of its bills, here and in the ledger."""
        return f"{LINK_REFERENCE}{self.pk}"
