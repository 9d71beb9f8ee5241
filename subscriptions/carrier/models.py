"""Merchants, their payments on the lines of customers, refunds, and what customers allow."""

import uuid

from django.db import models
from django.db.models import F, Q

from commerce.kernel.clock import machine_now
from subscriptions.columns import amount_field, known
from subscriptions.domain.carrier import MerchantBook, PaymentState, RefundKind, Rule, Selling


class Merchant(models.Model):
    """Who sells on our bills, and his contract: what he may sell, at which tax, and his share.

    `monthly` are his services that are paid for month after month, with their prices tax included.
    `share` is his part, in percent, of what is sold without tax; `fee` (without tax) is kept of
    each purchase. `confirms_himself`: his own page asks the customer a second time by the
    operator's rules, so that one step is enough. `return_to` is where customers go from our page
    that asks them; without it they are sent codes. A line may spend `most_per_month` (tax included)
    with him, if there is such a number. `selling` is in whose name he sells, for ever:
    who changes it makes another contract. He may give a purchase back for `refund_days` after it,
    never if 0, and without end if there is no number.
    """

    party = models.OneToOneField("accounts.Party", on_delete=models.PROTECT, related_name="+")
    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    support = models.CharField(max_length=120, help_text="where customers of his find help")
    categories = models.JSONField(default=list)
    monthly = models.JSONField(default=dict, help_text="service code -> price of a month, as text")
    tax_class = models.CharField(max_length=30)
    tax_rate = models.DecimalField(max_digits=5, decimal_places=2)
    share = models.DecimalField(max_digits=5, decimal_places=2)
    fee = amount_field()
    confirms_himself = models.BooleanField(default=False)
    return_to = models.CharField(max_length=500, default="", blank=True)
    selling = models.CharField(max_length=8, default=Selling.UNTOLD)
    refund_days = models.PositiveSmallIntegerField(null=True)
    most_per_month = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            known("selling", Selling, name="merchant_selling_known"),
            models.CheckConstraint(
                condition=Q(share__range=(0, 100), fee__gte=0), name="merchant_share_sane"
            ),
            models.CheckConstraint(
                condition=Q(most_per_month__isnull=True) | Q(most_per_month__gte=0),
                name="merchant_cap_sane",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class MerchantTerms(models.Model):
    """A merchant's share and fee from a month on, by its first day; before the first of these rows
    those hold that he was taken on with. A purchase has the terms of its own month for ever, and so
    has what is given back of it."""

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="terms")
    since = models.DateField()
    share = models.DecimalField(max_digits=5, decimal_places=2)
    fee = amount_field()
    agreed_at = models.DateTimeField(help_text="business time")
    agreed_by = models.CharField(max_length=120)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "since"], name="merchant_terms_once"),
            models.CheckConstraint(
                condition=Q(share__range=(0, 100), fee__gte=0, since__day=1),
                name="merchant_terms_sane",
            ),
        ]


class MerchantSettlement(models.Model):
    """A merchant's month as it was closed: what he sold and gave back, and what we owe him for it
    (below zero he owes us); `commission` without tax and `commission_tax` are taken off it where he
    sells in his own name, as the `invoice` of both says. `reference` is that of the transfer by
    which it was paid out."""

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="settlements")
    month = models.DateField()
    purchases = models.PositiveIntegerField()
    sold = amount_field()
    given_back = amount_field()
    net = amount_field()
    fees = amount_field()
    commission = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    commission_tax = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    due = amount_field()
    invoice = models.OneToOneField(
        "subscriptions.Invoice", null=True, on_delete=models.PROTECT, related_name="+"
    )
    closed_at = models.DateTimeField(help_text="business time")
    closed_by = models.CharField(max_length=120)
    paid_at = models.DateTimeField(null=True, help_text="business time")
    paid_by = models.CharField(max_length=120, default="", blank=True)
    reference = models.CharField(max_length=80, default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "month"], name="merchant_settled_once")
        ]


class MerchantTransfer(models.Model):
    """A row of the merchants' books: `amount` goes from the credited book to the debited one. Only
    added; `key` says for what, once."""

    at = models.DateTimeField(help_text="business time")
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="transfers")
    debit = models.CharField(max_length=7)
    credit = models.CharField(max_length=7)
    amount = amount_field()
    key = models.CharField(max_length=160)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key"], name="merchant_transfer_once"),
            models.CheckConstraint(
                condition=Q(
                    debit__in=[str(each) for each in MerchantBook],
                    credit__in=[str(each) for each in MerchantBook],
                    amount__gt=0,
                )
                & ~Q(debit=F("credit")),
                name="merchant_transfer_moves",
            ),
        ]

    def __str__(self) -> str:
        return self.key


class CarrierLimits(models.Model):
    """What the customer allows on a line: own caps, below the law's, and blocks. `per_category` and
    `per_merchant`: kind, or a merchant's code -> cap of a month, as text."""

    subscription = models.OneToOneField(
        "subscriptions.Subscription", on_delete=models.PROTECT, related_name="carrier_limits"
    )
    per_purchase = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    per_day = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    per_month = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    per_category = models.JSONField(default=dict)
    per_merchant = models.JSONField(default=dict, db_default={})
    blocked = models.BooleanField(default=False)
    categories = models.JSONField(default=list)
    merchants = models.JSONField(default=list)
    changed_at = models.DateTimeField(help_text="business time")
    changed_by = models.CharField(max_length=120)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(Q(per_purchase__isnull=True) | Q(per_purchase__gte=0))
                & (Q(per_day__isnull=True) | Q(per_day__gte=0))
                & (Q(per_month__isnull=True) | Q(per_month__gte=0)),
                name="carrier_limits_sane",
            )
        ]


class CarrierSubscription(models.Model):
    """A merchant's service that the customer pays for month after month, because he confirmed its
    first payment; `gross` is what a month costs at most. Ends at any time, free of charge."""

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="+")
    subscription = models.ForeignKey(
        "subscriptions.Subscription", on_delete=models.PROTECT, related_name="carrier_subscriptions"
    )
    service_code = models.CharField(max_length=80)
    service = models.CharField(max_length=120)
    gross = amount_field()
    currency = models.CharField(max_length=3)
    began_at = models.DateTimeField(help_text="business time")
    ended_at = models.DateTimeField(null=True, help_text="business time")
    ended_by = models.CharField(max_length=120, default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "merchant", "service_code"],
                condition=Q(ended_at__isnull=True),
                name="carrier_subscribed_once",
            ),
            models.CheckConstraint(condition=Q(gross__gt=0), name="carrier_subscription_sane"),
        ]

    def __str__(self) -> str:
        return f"{self.service_code} {self.subscription_id}"


class CarrierPayment(models.Model):
    """A purchase; see `PAYMENT_LIFE`. It counts in the calendar month `month`.

    `amount` is in the merchant's terms (`tax_included` or not), to a thousandth; `net` and `gross`
    are what is billed. `told` is his `amountTransaction` as it came, `digest` that of his whole
    request. What the bill says is kept as it was: `service`, `seller`, `support`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="payments")
    subscription = models.ForeignKey(
        "subscriptions.Subscription", on_delete=models.PROTECT, related_name="carrier_payments"
    )
    account = models.ForeignKey(
        "subscriptions.BillingAccount", on_delete=models.PROTECT, related_name="+"
    )
    belongs_to = models.ForeignKey(
        CarrierSubscription, null=True, on_delete=models.PROTECT, related_name="payments"
    )
    state = models.CharField(max_length=18)
    reference = models.CharField(max_length=80)
    correlator = models.CharField(max_length=80, default="", blank=True)
    digest = models.CharField(max_length=64)
    category = models.CharField(max_length=8)
    service_code = models.CharField(max_length=80, default="", blank=True)
    service = models.CharField(max_length=120)
    seller = models.CharField(max_length=80)
    support = models.CharField(max_length=120)
    amount = models.DecimalField(max_digits=14, decimal_places=3)
    tax_included = models.BooleanField()
    net = amount_field()
    gross = amount_field()
    currency = models.CharField(max_length=3)
    tax_class = models.CharField(max_length=30)
    tax_rate = models.DecimalField(max_digits=5, decimal_places=2)
    told = models.JSONField()
    month = models.DateField()
    made_at = models.DateTimeField(help_text="business time")
    paid_at = models.DateTimeField(null=True, help_text="business time")
    expires_at = models.DateTimeField(null=True, help_text="business time")
    denied_for = models.CharField(max_length=40, default="", blank=True)
    authorization = models.CharField(max_length=40, default="", blank=True)
    code_digest = models.CharField(max_length=64, default="", blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    sink = models.CharField(max_length=500, default="", blank=True)
    credential = models.TextField(default="", blank=True, help_text="sealed")
    credential_until = models.DateTimeField(null=True)
    to_bill = models.BooleanField(default=True)
    billed_in = models.ForeignKey(
        "subscriptions.Invoice", null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "reference"], name="carrier_reference_once"
            ),
            models.UniqueConstraint(
                fields=["merchant", "correlator"],
                condition=~Q(correlator=""),
                name="carrier_correlator_once",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[str(each) for each in PaymentState]),
                name="carrier_payment_state_known",
            ),
            models.CheckConstraint(
                condition=Q(state="succeeded", paid_at__isnull=False)
                | (~Q(state="succeeded") & Q(paid_at__isnull=True)),
                name="carrier_payment_paid_when_succeeded",
            ),
            models.CheckConstraint(
                condition=Q(gross__gt=0, net__gte=0, net__lte=F("gross")),
                name="carrier_payment_sane",
            ),
        ]
        indexes = [
            models.Index(fields=["subscription", "month"], name="carrier_by_month"),
            models.Index(fields=["merchant", "-made_at"], name="carrier_of_merchant"),
            models.Index(
                fields=["merchant", "paid_at"],
                condition=Q(state="succeeded"),
                name="carrier_sold_by",
            ),
            models.Index(
                fields=["account"],
                condition=Q(state="succeeded", to_bill=True, billed_in__isnull=True),
                name="carrier_to_bill",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class CarrierRefund(models.Model):
    """What of a payment was given back; on the next bill if `to_bill`, else the payment itself
    never came to one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    payment = models.ForeignKey(CarrierPayment, on_delete=models.PROTECT, related_name="refunds")
    account = models.ForeignKey(
        "subscriptions.BillingAccount", on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(max_length=7)
    amount = models.DecimalField(max_digits=14, decimal_places=3)
    net = amount_field()
    gross = amount_field()
    reason = models.CharField(max_length=300, default="", blank=True)
    by = models.CharField(max_length=120)
    reference = models.CharField(max_length=80)
    correlator = models.CharField(max_length=80, default="", blank=True)
    digest = models.CharField(max_length=64)
    told = models.JSONField(default=dict)
    made_at = models.DateTimeField(help_text="business time")
    sink = models.CharField(max_length=500, default="", blank=True)
    credential = models.TextField(default="", blank=True, help_text="sealed")
    credential_until = models.DateTimeField(null=True)
    to_bill = models.BooleanField(default=True)
    billed_in = models.ForeignKey(
        "subscriptions.Invoice", null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["payment", "reference"], name="carrier_refund_once"),
            models.UniqueConstraint(
                fields=["payment"], condition=Q(kind="total"), name="carrier_total_refund_once"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[str(each) for each in RefundKind], amount__gt=0),
                name="carrier_refund_sane",
            ),
        ]
        indexes = [
            models.Index(
                fields=["account"],
                condition=Q(to_bill=True, billed_in__isnull=True),
                name="carrier_refund_to_bill",
            ),
            models.Index(fields=["made_at"], name="carrier_refund_by_day"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class CarrierDenial(models.Model):
    """A purchase that was refused before it began, for whoever asks why; only ever added."""

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="+")
    subscription = models.ForeignKey(
        "subscriptions.Subscription", on_delete=models.PROTECT, related_name="carrier_denials"
    )
    rule = models.CharField(max_length=40)
    service = models.CharField(max_length=120)
    category = models.CharField(max_length=40)
    gross = amount_field()
    currency = models.CharField(max_length=3)
    at = models.DateTimeField(help_text="business time")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(rule__in=[str(each) for each in Rule]), name="carrier_denial_rule_known"
            )
        ]
        indexes = [models.Index(fields=["subscription", "-at"], name="carrier_denial_of_line")]


class SinkMessage(models.Model):
    """An event on its way to the address that a merchant named with his request: a CloudEvent, the
    same bytes at every try. `next_at` is empty once it arrived or was given up."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="messages")
    url = models.CharField(max_length=500)
    credential = models.TextField(default="", blank=True, help_text="sealed")
    credential_until = models.DateTimeField(null=True)
    body = models.TextField()
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True, help_text="machine time")
    delivered_at = models.DateTimeField(null=True, help_text="machine time")
    said = models.CharField(max_length=300, default="", blank=True)
    created_at = models.DateTimeField(default=machine_now)

    def __str__(self) -> str:
        return str(self.pk)
