"""What was taken in of our bank account, and whose it is."""

from datetime import date

from django.db import models
from django.db.models import Q

from subscriptions.accounts.models import BillingAccount
from subscriptions.columns import amount_field, known
from subscriptions.domain.bank import Waiting
from subscriptions.domain.states import EntryState


class BankStatement(models.Model):
    """A statement of our bank account as its file was taken in; days and sums are the bank's."""

    iban = models.CharField(max_length=34)
    statement_id = models.CharField(max_length=35)
    on = models.DateField(help_text="of the closing balance")
    opening = amount_field()
    closing = amount_field()
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
    says why it waits. One that is no customer's is set aside, with a note. `valued_on` is empty
    where the bank named no value date.
    """

    statement = models.ForeignKey(BankStatement, on_delete=models.PROTECT, related_name="entries")
    iban = models.CharField(max_length=34)
    key = models.CharField(max_length=70, help_text="the bank's own reference")
    booked_on = models.DateField()
    valued_on = models.DateField(null=True)
    amount = amount_field()
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
            known("state", EntryState, name="bank_entry_state_known"),
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

    @property
    def with_us_on(self) -> date:
        """The day from which its money counts."""
        return self.valued_on or self.booked_on


class BankShare(models.Model):
    """What of a bank entry is an account's. It is undone, never changed.

    `reference` is the bill that it pays; empty: it is for the next one. Of an entry that left the
    bank it is that from which the money was taken.
    """

    entry = models.ForeignKey(BankEntry, on_delete=models.PROTECT, related_name="shares")
    account = models.ForeignKey(BillingAccount, on_delete=models.PROTECT, related_name="+")
    reference = models.CharField(max_length=80, default="", blank=True)
    amount = amount_field()
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
