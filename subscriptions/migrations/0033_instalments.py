"""Bills that are paid in parts: what was agreed, the parts with their days, their book in the ledger.
Its large table is read for the new words without being locked."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models
from django.db.models import Q

BOOKS = [
    *("receivable", "unapplied", "provider", "bank", "revenue", "vat", "loss", "deposit"),
    "collected",
    "deferred",
]
KINDS = [
    *("invoice", "credit_note", "payment", "refund", "allocation", "reversal", "write_off"),
    *("dispute", "deposit", "instalment"),
]
KEEP = """
CREATE FUNCTION subscriptions_instalments_stand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was agreed to be paid in parts stands'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER instalmentplan_stands
    BEFORE UPDATE OR DELETE ON subscriptions_instalmentplan
    FOR EACH ROW EXECUTE FUNCTION subscriptions_instalments_stand();
CREATE TRIGGER instalmentpart_stands
    BEFORE UPDATE OR DELETE ON subscriptions_instalmentpart
    FOR EACH ROW EXECUTE FUNCTION subscriptions_instalments_stand();
"""
LET_GO = """
DROP TRIGGER instalmentplan_stands ON subscriptions_instalmentplan;
DROP TRIGGER instalmentpart_stands ON subscriptions_instalmentpart;
DROP FUNCTION subscriptions_instalments_stand();
"""


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

    dependencies = [
        ('accounts', '0006_motives_and_proofs'),
        ('subscriptions', '0032_who_sells'),
    ]

    operations = [
        migrations.CreateModel(
            name='InstalmentPart',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField()),
                ('amount', models.DecimalField(decimal_places=2, max_digits=14)),
                ('due_on', models.DateField()),
            ],
        ),
        migrations.CreateModel(
            name='InstalmentPlan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('order_number', models.CharField(max_length=20, unique=True)),
                ('parts', models.PositiveSmallIntegerField(help_text='the first one included')),
                ('first', models.DecimalField(decimal_places=2, max_digits=14)),
                ('deferred', models.DecimalField(decimal_places=2, max_digits=14)),
                ('currency', models.CharField(max_length=3)),
                ('amounts', models.JSONField(help_text='of the parts after the first')),
                ('lines', models.JSONField(help_text='line id -> how much of its price is deferred')),
                ('longest_days', models.PositiveSmallIntegerField(null=True)),
                ('agreed_at', models.DateTimeField(help_text='business time')),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='debitnotice',
            name='debit_announced_once',
        ),
        migrations.AddField(
            model_name='debitnotice',
            name='part',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddConstraint(
            model_name='debitnotice',
            constraint=models.UniqueConstraint(fields=('invoice', 'mandate_reference', 'part'), name='debit_announced_once'),
        ),
        migrations.AddField(
            model_name='instalmentpart',
            name='invoice',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='instalments', to='subscriptions.invoice'),
        ),
        migrations.AddField(
            model_name='instalmentplan',
            name='party',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.party'),
        ),
        migrations.AddField(
            model_name='instalmentpart',
            name='plan',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='dated', to='subscriptions.instalmentplan'),
        ),
        migrations.AddConstraint(
            model_name='instalmentplan',
            constraint=models.CheckConstraint(condition=models.Q(('deferred__gt', 0), ('first__gt', 0), ('parts__gte', 2)), name='plan_defers_something'),
        ),
        migrations.AddConstraint(
            model_name='instalmentpart',
            constraint=models.UniqueConstraint(fields=('plan', 'number'), name='part_once'),
        ),
        migrations.AddConstraint(
            model_name='instalmentpart',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0), ('number__gte', 2)), name='part_after_the_first'),
        ),
        migrations.RunSQL(KEEP, LET_GO),
        *_exchanged("kind", KINDS),
        *_exchanged("debit", BOOKS),
        *_exchanged("credit", BOOKS),
    ]
