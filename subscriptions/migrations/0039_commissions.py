"""Invoices of our commission and their words in both ledgers, caps per merchant, and what finds a
merchant's month. Large tables are read for the new words, and indexed, without being locked."""

import django.db.models.deletion
from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations, models
from django.db.models import F, Q

BOOKS = [
    *("receivable", "unapplied", "provider", "bank", "revenue", "vat", "loss", "deposit"),
    *("collected", "deferred", "merchants"),
]
KINDS = [
    *("invoice", "credit_note", "payment", "refund", "allocation", "reversal", "write_off"),
    *("dispute", "deposit", "instalment", "set_off"),
]
MERCHANT_BOOKS = ["cost", "payable", "bank", "held", "fees", "vat", "set_off"]
RULES = [
    *("not_opened_by_firm", "line_blocked", "category_not_allowed", "not_in_merchants_contract"),
    *("needs_confirmation", "blocked_by_customer", "category_blocked_by_customer"),
    *("merchant_blocked_by_customer", "over_purchase_cap", "over_month_cap", "over_merchant_cap"),
    *("over_own_purchase_cap", "over_own_day_cap", "over_own_month_cap", "over_own_category_cap"),
    "over_own_merchant_cap",
]


def _exchanged(model: str, name: str, condition: Q) -> list[migrations.operations.base.Operation]:
    known = models.CheckConstraint(condition=condition, name=name)
    return [
        migrations.RemoveConstraint(model_name=model, name=name),
        AddConstraintNotValid(model_name=model, constraint=known),
        ValidateConstraint(model_name=model, name=name),
    ]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("accounts", "0007_merchants_companies"),
        ("subscriptions", "0038_parts_on_bills"),
    ]

    operations = [
        migrations.AddField(
            model_name="carrierlimits",
            name="per_merchant",
            field=models.JSONField(db_default={}, default=dict),
        ),
        migrations.AddField(
            model_name="merchant",
            name="most_per_month",
            field=models.DecimalField(decimal_places=2, max_digits=14, null=True),
        ),
        migrations.AddConstraint(
            model_name="merchant",
            constraint=models.CheckConstraint(
                condition=Q(
                    ("most_per_month__isnull", True), ("most_per_month__gte", 0), _connector="OR"
                ),
                name="merchant_cap_sane",
            ),
        ),
        migrations.AddField(
            model_name="merchantsettlement",
            name="invoice",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="subscriptions.invoice",
            ),
        ),
        AddIndexConcurrently(
            model_name="carrierpayment",
            index=models.Index(
                condition=Q(("state", "succeeded")),
                fields=["merchant", "paid_at"],
                name="carrier_sold_by",
            ),
        ),
        AddIndexConcurrently(
            model_name="carrierrefund",
            index=models.Index(fields=["made_at"], name="carrier_refund_by_day"),
        ),
        *_exchanged(
            "merchanttransfer",
            "merchant_transfer_moves",
            Q(
                ("amount__gt", 0),
                ("credit__in", MERCHANT_BOOKS),
                ("debit__in", MERCHANT_BOOKS),
                Q(("debit", F("credit")), _negated=True),
            ),
        ),
        *_exchanged("carrierdenial", "carrier_denial_rule_known", Q(("rule__in", RULES))),
        *_exchanged("transfer", "transfer_kind_known", Q(("kind__in", KINDS))),
        *_exchanged("transfer", "transfer_debit_known", Q(("debit__in", BOOKS))),
        *_exchanged("transfer", "transfer_credit_known", Q(("credit__in", BOOKS))),
    ]
