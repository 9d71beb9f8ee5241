"""What lines used: as systems of the operator told it, and what bills hold of it."""

from django.db import models
from django.db.models import F, Q

from catalogue.domain.usage import Dimension
from subscriptions.columns import amount_field, known
from subscriptions.domain.usage import Suspense, UsageState


class Consumption(models.Model):
    """What a line used in a calendar month (named by its first day), as it was counted last.

    `included` is what its contract included then, null where there is no end; `counted_at` says
    until when the reporting system had counted. Made from usage records where there are any
    (`from_records`); `unsettled` while a bill has not yet taken up what they say.
    """

    subscription = models.ForeignKey(
        "subscriptions.Subscription", on_delete=models.PROTECT, related_name="consumption"
    )
    month = models.DateField()
    dimension = models.CharField(max_length=10)
    used = models.DecimalField(max_digits=12, decimal_places=3)
    included = models.DecimalField(max_digits=12, decimal_places=3, null=True)
    counted_at = models.DateTimeField()
    taken_at = models.DateTimeField()
    from_records = models.BooleanField(default=False)
    unsettled = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(
                fields=["subscription"], condition=Q(unsettled=True), name="consumption_unsettled"
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "dimension", "month"], name="consumed_once"
            ),
            known("dimension", Dimension, name="consumption_dimension_known"),
            models.CheckConstraint(
                condition=Q(used__gte=0) & Q(month__day=1), name="consumption_sane"
            ),
        ]


class FormerNumber(models.Model):
    """A number that the contract had from `from_on`, and no more since the day `until_on`."""

    subscription = models.ForeignKey(
        "subscriptions.Subscription", on_delete=models.PROTECT, related_name="former_numbers"
    )
    msisdn = models.CharField(max_length=20)
    from_on = models.DateField()
    until_on = models.DateField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(until_on__gte=F("from_on")), name="former_number_sane"
            )
        ]
        indexes = [models.Index(fields=["msisdn"], name="former_by_number")]

    def __str__(self) -> str:
        return self.msisdn


class UsageRecord(models.Model):
    """What a system of the operator saw a line use, by the name that it has for it there.

    `day` is that of `started_at` where the contract is billed; it and the contract are empty of a
    suspended record, whose `reason` says what is amiss. `destination` is who was called, or where
    the line was, as the system says it. Only ever added; a suspended one is counted later.
    """

    source = models.CharField(max_length=40)
    reference = models.CharField(max_length=80)
    line = models.CharField(max_length=20)
    started_at = models.DateTimeField()
    dimension = models.CharField(max_length=10)
    quantity = models.DecimalField(max_digits=12, decimal_places=3)
    destination = models.CharField(max_length=20, default="", blank=True)
    state = models.CharField(max_length=9)
    reason = models.CharField(max_length=20, default="", blank=True)
    subscription = models.ForeignKey(
        "subscriptions.Subscription",
        null=True,
        on_delete=models.PROTECT,
        related_name="usage",
        db_index=False,
    )
    day = models.DateField(null=True)
    taken_at = models.DateTimeField(help_text="business time")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "reference"], name="usage_once"),
            known("dimension", Dimension, name="usage_dimension_known"),
            known("state", UsageState, name="usage_state_known"),
            models.CheckConstraint(condition=Q(quantity__gte=0), name="usage_sane"),
            models.CheckConstraint(
                condition=Q(
                    state="suspended",
                    subscription__isnull=True,
                    day__isnull=True,
                    reason__in=[str(each) for each in Suspense],
                )
                | Q(
                    state__in=["counted", "barred"],
                    subscription__isnull=False,
                    day__isnull=False,
                    reason="",
                ),
                name="usage_counted_of_a_contract",
            ),
        ]
        indexes = [
            models.Index(
                fields=["subscription", "day"],
                condition=Q(state="counted"),
                name="usage_of_contract",
            ),
            models.Index(fields=["line"], condition=Q(state="suspended"), name="usage_suspended"),
        ]

    def __str__(self) -> str:
        return f"{self.source}/{self.reference}"


class UsageBilled(models.Model):
    """What a bill holds of the over-use of a plan in a month: `units` and `amount` more than the
    revisions before it, so that their sum is what has been billed so far."""

    item = models.ForeignKey(
        "subscriptions.SubscriptionItem", on_delete=models.PROTECT, related_name="usage_billed"
    )
    charge = models.CharField(max_length=60)
    month = models.DateField()
    revision = models.PositiveSmallIntegerField()
    units = models.IntegerField()
    amount = amount_field()
    invoice = models.ForeignKey(
        "subscriptions.Invoice", on_delete=models.PROTECT, related_name="usage_billed"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["item", "charge", "month", "revision"], name="usage_billed_once"
            )
        ]
