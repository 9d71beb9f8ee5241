"""Of which debits their payers were told, deposits, and the links by
which these and bills may be paid."""

from django.db import models
from django.db.models import Q

from subscriptions.accounts.models import BillingAccount
from subscriptions.columns import amount_field
from subscriptions.domain.ledger import DEPOSIT_REFERENCE, LINK_REFERENCE
from subscriptions.invoicing.models import Invoice


class DebitNotice(models.Model):
    """The payer of a bill was told that it is debited: on `debit_on`, that amount at most."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="debit_notices")
    mandate_reference = models.CharField(max_length=35)
    last4 = models.CharField(max_length=4)
    amount = amount_field()
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
