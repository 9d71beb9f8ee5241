"""Where a party's contracts are billed together."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField
from django.db import models
from django.db.models import F, Func, Q

from commerce.kernel.tax import Basis
from subscriptions.columns import Cycled, known
from subscriptions.domain.states import AgreementState


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


class PayerAgreement(models.Model):
    """The bills of `account` that are issued from `from_on` on, and before `until_on`, are paid by
    the account `payer`.

    One side asks for it, the other is known once it accepts: whoever has the code, of which a
    digest is kept, until `expires_at`. An operator's stands at once, with his reason.
    """

    account = models.ForeignKey(
        BillingAccount, null=True, on_delete=models.PROTECT, related_name="paid_by"
    )
    payer = models.ForeignKey(
        BillingAccount, null=True, on_delete=models.PROTECT, related_name="pays_for"
    )
    state = models.CharField(max_length=9)
    digest = models.CharField(max_length=64, default="", blank=True)
    expires_at = models.DateTimeField(null=True, help_text="business time")
    from_on = models.DateField(null=True)
    until_on = models.DateField(null=True)
    asked_by = models.CharField(max_length=120)
    asked_at = models.DateTimeField(help_text="business time")
    agreed_by = models.CharField(max_length=120, default="", blank=True)
    agreed_at = models.DateTimeField(null=True, help_text="business time")
    ended_by = models.CharField(max_length=120, default="", blank=True)
    ended_at = models.DateTimeField(null=True, help_text="business time")
    reason = models.CharField(max_length=200, default="", blank=True)

    class Meta:
        constraints = [
            known("state", AgreementState, name="payer_agreement_state_known"),
            models.CheckConstraint(
                condition=Q(account__isnull=False) | Q(payer__isnull=False),
                name="payer_agreement_of_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(state="agreed")
                | Q(account__isnull=False, payer__isnull=False, from_on__isnull=False)
                & ~Q(account=F("payer"))
                & (Q(until_on__isnull=True) | Q(until_on__gte=F("from_on"))),
                name="payer_agreement_whole",
            ),
            models.UniqueConstraint(
                fields=["digest"], condition=~Q(digest=""), name="payer_code_once"
            ),
            ExclusionConstraint(
                name="one_payer_at_a_time",
                expressions=[
                    ("account", "="),
                    (
                        Func(
                            "from_on",
                            "until_on",
                            function="daterange",
                            output_field=DateRangeField(),
                        ),
                        "&&",
                    ),
                ],
                condition=Q(state="agreed"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.payer_id} pays for {self.account_id}"
