"""Where a party's contracts are billed together."""

from django.db import models
from django.db.models import F, Q

from commerce.kernel.tax import Basis
from subscriptions.columns import Cycled, known


class BillingAccount(Cycled):
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
    payment_days = models.PositiveSmallIntegerField(default=0)
    purchase_order = models.CharField(max_length=60, default="", blank=True)
    next_bill_on = models.DateField(null=True)
    bills = models.PositiveIntegerField(default=0)
    parked_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["party", "name"], name="account_once"),
            known("basis", Basis, name="account_basis_known"),
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


class CycleMove(models.Model):
    """A move of the cycle day of an account, from the bill day `from_on` on; only ever added.

    `by` and `channel` say who had it moved, `reason` why.
    """

    account = models.ForeignKey(BillingAccount, on_delete=models.PROTECT, related_name="moves")
    from_on = models.DateField()
    former = models.PositiveSmallIntegerField()
    day = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=200)
    by = models.CharField(max_length=120)
    channel = models.CharField(max_length=12)
    at = models.DateTimeField(help_text="business time")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "from_on"], name="cycle_moved_once"),
            models.CheckConstraint(
                condition=Q(day__range=(1, 28), former__range=(1, 28)) & ~Q(day=F("former")),
                name="cycle_moved_to_another_day",
            ),
        ]
