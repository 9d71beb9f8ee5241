"""Deposits, and their book in the ledger: its large table is read for the new words without being
locked."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models
from django.db.models import Q

BOOKS = ["receivable", "unapplied", "provider", "bank", "revenue", "vat", "loss", "deposit"]
KINDS = [
    *("invoice", "credit_note", "payment", "refund", "allocation", "reversal", "write_off"),
    *("dispute", "deposit"),
]


def _exchanged(field: str, words: list[str]) -> list[migrations.operations.base.Operation]:
    name = f"transfer_{field}_known"
    known = models.CheckConstraint(condition=Q((f"{field}__in", words)), name=name)
    return [
        migrations.RemoveConstraint(model_name="transfer", name=name),
        AddConstraintNotValid(model_name="transfer", constraint=known),
        ValidateConstraint(model_name="transfer", name=name),
    ]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("subscriptions", "0023_announced_changes")]
    operations = [
        migrations.CreateModel(
            name="Deposit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=2, max_digits=14)),
                ("asked_by", models.CharField(max_length=120)),
                ("asked_at", models.DateTimeField(help_text="business time")),
                ("settled_at", models.DateTimeField(help_text="business time", null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deposits",
                        to="subscriptions.billingaccount",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=Q(("amount__gt", 0)), name="deposit_not_zero"),
                    models.UniqueConstraint(
                        condition=Q(("settled_at__isnull", True)),
                        fields=("account",),
                        name="one_open_deposit",
                    ),
                ]
            },
        ),
        migrations.AddField(
            model_name="paylink",
            name="deposit",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="pay_links",
                to="subscriptions.deposit",
            ),
        ),
        *_exchanged("kind", KINDS),
        *_exchanged("debit", BOOKS),
        *_exchanged("credit", BOOKS),
    ]
