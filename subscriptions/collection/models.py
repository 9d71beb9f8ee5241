"""Of which debits their payers were told, and the links by which bills may be paid."""

from django.db import models
from django.db.models import Q

from subscriptions.accounts.models import BillingAccount
from subscriptions.columns import amount_field
from subscriptions.domain.ledger import LINK_REFERENCE
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


class PayLink(models.Model):
    """Who has the link may pay what is open on its bills, without an account, until `expires_at`.

    Its secret is kept as a digest. `sent_by` names the agent who had it sent.
    """

    account = models.ForeignKey(BillingAccount, on_delete=models.PROTECT, related_name="pay_links")
    bills = models.ManyToManyField(Invoice, related_name="pay_links")
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
        """That of its payments, here and in the ledger."""
        return f"{LINK_REFERENCE}{self.pk}"
