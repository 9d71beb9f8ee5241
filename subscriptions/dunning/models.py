"""Accounts with bills that are overdue, and what was done about them."""

from django.db import models
from django.db.models import F, Q

from subscriptions.accounts.models import BillingAccount
from subscriptions.columns import amount_field, known
from subscriptions.domain.dunning import GRADES, Action, EntryKind
from subscriptions.invoicing.models import Invoice


class DunningCase(models.Model):
    """An account with bills that are overdue, from the day on which that is seen until none is.

    `grade` is the hardest that was reached, empty before the first; `next_on` the day of the next
    step. It waits for money until `promised_for`, that day included. `treated` are the accounts
    whose lines were last told how they are treated.
    """

    account = models.ForeignKey(BillingAccount, on_delete=models.PROTECT, related_name="cases")
    opened_on = models.DateField()
    closed_on = models.DateField(null=True)
    since = models.DateField(help_text="the due day of the oldest bill that is overdue")
    owed = amount_field()
    grade = models.CharField(max_length=9, default="", blank=True)
    promises = models.PositiveSmallIntegerField(default=0)
    promised_for = models.DateField(null=True)
    paused = models.BooleanField(default=False)
    next_on = models.DateField(null=True)
    treated = models.JSONField(default=list, db_default=[], blank=True)

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


class LateInterest(models.Model):
    """What a late bill was asked to bear for its days, half-open; each of its days once. `parts`
    say of which days what was open at which rate. A line of the account's next bill asks for it;
    another takes it back when it is waived, or `given_back` of it when money turns out to have come
    earlier."""

    case = models.ForeignKey(DunningCase, on_delete=models.PROTECT, related_name="interest")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="interest")
    starts_on = models.DateField()
    ends_on = models.DateField()
    amount = amount_field()
    parts = models.JSONField()
    given_back = models.DecimalField(max_digits=12, decimal_places=2, default=0, db_default=0)
    asked_at = models.DateTimeField(help_text="business time")
    waived_at = models.DateTimeField(null=True, help_text="business time")
    waived_by = models.CharField(max_length=120, default="", blank=True)
    reason = models.CharField(max_length=300, default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["invoice", "starts_on"], name="interest_once"),
            models.CheckConstraint(
                condition=Q(amount__gt=0) & Q(starts_on__lt=F("ends_on")), name="interest_sane"
            ),
            models.CheckConstraint(
                condition=Q(given_back__gte=0, given_back__lte=F("amount")),
                name="interest_given_back_within",
            ),
            models.CheckConstraint(
                condition=Q(waived_at__isnull=True, waived_by="", reason="")
                | Q(waived_at__isnull=False) & ~Q(waived_by="") & ~Q(reason=""),
                name="interest_waived_with_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """That of the line that asks for it."""
        return f"interest/{self.pk}"


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
            known("kind", EntryKind, name="dunning_entry_kind_known"),
            models.CheckConstraint(
                condition=Q(kind="step", action__in=[str(action) for action in Action])
                & ~Q(step="")
                | ~Q(kind="step") & Q(step="", action=""),
                name="dunning_entry_step_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.step}"
