"""Of which debits their payers were told."""

from django.db import models
from django.db.models import Q

from subscriptions.columns import amount_field
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
