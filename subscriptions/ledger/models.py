"""The rows of the ledger."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q

from subscriptions.accounts.models import BillingAccount
from subscriptions.columns import amount_field, known
from subscriptions.domain.ledger import Book, TransferKind
from subscriptions.invoicing.models import Invoice


class Transfer(models.Model):
    """A row of the ledger: `amount` goes from the credited book to the debited one. Only added.

    `key` says for what it was entered, once. `reference` is the order's number, or the bill's where
    it has none: what is unapplied under it pays for that bill first.
    """

    at = models.DateTimeField(help_text="business time")
    kind = models.CharField(max_length=11)
    debit = models.CharField(max_length=10)
    credit = models.CharField(max_length=10)
    amount = amount_field()
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
            known("kind", TransferKind, name="transfer_kind_known"),
            known("debit", Book, name="transfer_debit_known"),
            known("credit", Book, name="transfer_credit_known"),
            models.CheckConstraint(
                condition=Q(amount__gt=0) & ~Q(debit=F("credit")), name="transfer_moves_something"
            ),
        ]
        indexes = [
            models.Index(fields=["reference"], name="transfer_by_reference"),
            BrinIndex(fields=["at"], autosummarize=True, name="transfer_of_day"),
        ]

    def __str__(self) -> str:
        return self.key
