"""Accounts with bills that are overdue, and what was done about them."""

from django.db import models
from django.db.models import Q

from subscriptions.accounts.models import BillingAccount
from subscriptions.columns import amount_field, known
from subscriptions.domain.dunning import GRADES, Action, EntryKind


class DunningCase(models.Model):
    """An account with bills that are overdue, from the day on which that is seen until none is.

    `grade` is the hardest that was reached, empty before the first; `next_on` the day of the next
    step. It waits for money until `promised_for`, that day included.
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
