"""Businesses' invoices and reports of sales at the accredited platform."""

from django.db import models
from django.db.models import F, Q

from subscriptions.columns import known
from subscriptions.domain.einvoicing import EinvoiceStatus, RequestKind, RequestState
from subscriptions.invoicing.models import Invoice


class Einvoice(models.Model):
    """A business's invoice at the accredited platform. `generation` counts how often it was sent,
    anew after a rejection; `handled` says what an operator did about one that came back."""

    invoice = models.OneToOneField(Invoice, on_delete=models.PROTECT, related_name="einvoice")
    status = models.CharField(max_length=9, default=EinvoiceStatus.MARKED)
    generation = models.PositiveSmallIntegerField(default=1)
    motive = models.CharField(max_length=60, default="", blank=True)
    handled = models.CharField(max_length=500, default="", blank=True)
    changed_at = models.DateTimeField(help_text="business time")

    class Meta:
        constraints = [known("status", EinvoiceStatus, name="einvoice_status_known")]
        indexes = [
            models.Index(
                fields=["changed_at", "id"],
                condition=Q(status__in=["rejected", "refused"], handled=""),
                name="einvoice_came_back",
            )
        ]

    def __str__(self) -> str:
        return self.status


class EinvoiceStep(models.Model):
    """What happened to an electronic invoice, once; only ever added.

    `event` is the platform's id of what it told, empty for what we did (`by` whom).
    """

    einvoice = models.ForeignKey(Einvoice, on_delete=models.PROTECT, related_name="steps")
    status = models.CharField(max_length=9)
    at = models.DateTimeField(help_text="business time")
    motive = models.CharField(max_length=60, default="", blank=True)
    by = models.CharField(max_length=120, default="", blank=True)
    event = models.CharField(max_length=80, default="", blank=True)

    class Meta:
        constraints = [
            known("status", EinvoiceStatus, name="einvoice_step_known"),
            models.UniqueConstraint(
                fields=["event"], condition=~Q(event=""), name="einvoice_told_once"
            ),
        ]

    def __str__(self) -> str:
        return self.status


class SalesReport(models.Model):
    """What was reported of sales to consumers for the days from `start` up to `end`.

    `sales` and `payments` are rows by day and rate. A correction names the report whose place it
    takes; the periods of the others follow each other without a gap.
    """

    reference = models.CharField(max_length=40, unique=True)
    start = models.DateField()
    end = models.DateField()
    sales = models.JSONField(default=list)
    payments = models.JSONField(default=list)
    corrects = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(help_text="business time")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["start"], condition=Q(corrects__isnull=True), name="reported_once"
            ),
            models.UniqueConstraint(fields=["corrects"], name="report_corrected_once"),
            models.CheckConstraint(condition=Q(start__lt=F("end")), name="report_has_days"),
        ]

    def __str__(self) -> str:
        return self.reference


class PlatformRequest(models.Model):
    """What we ask of the accredited platform, once under its `key`; `answer` is its id of what it
    made. Of an invoice (to be taken in, or `amount` of it paid), or of a report."""

    key = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=7)
    einvoice = models.ForeignKey(
        Einvoice, null=True, on_delete=models.PROTECT, related_name="requests"
    )
    report = models.ForeignKey(
        SalesReport, null=True, on_delete=models.PROTECT, related_name="requests"
    )
    amount = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    state = models.CharField(max_length=8, default=RequestState.WAITING)
    answer = models.CharField(max_length=80, default="", blank=True)
    error = models.CharField(max_length=300, default="", blank=True)
    made_at = models.DateTimeField(help_text="business time")

    class Meta:
        constraints = [
            known("kind", RequestKind, name="platform_request_kind_known"),
            known("state", RequestState, name="platform_request_state_known"),
            models.CheckConstraint(
                condition=Q(kind="report", report__isnull=False, einvoice__isnull=True)
                | Q(kind__in=["invoice", "paid"], report__isnull=True, einvoice__isnull=False),
                name="platform_request_of_one",
            ),
        ]

    def __str__(self) -> str:
        return self.key
