"""What a document says beside its lines is kept on the day of issue, and stays."""

import django.db.models.deletion
from django.db import migrations, models

KEEP = """
CREATE FUNCTION subscriptions_named_party_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'party % is named by invoices; it stands', OLD.digest
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER named_party_stands
    BEFORE UPDATE OR DELETE ON subscriptions_invoiceparty
    FOR EACH ROW EXECUTE FUNCTION subscriptions_named_party_stands();
"""
LET_GO = """
DROP TRIGGER named_party_stands ON subscriptions_invoiceparty;
DROP FUNCTION subscriptions_named_party_stands();
"""


def _party() -> "models.ForeignKey":
    return models.ForeignKey(
        db_index=False,
        null=True,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to="subscriptions.invoiceparty",
    )


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0008_consumption")]
    operations = [
        migrations.CreateModel(
            name="InvoiceParty",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("facts", models.JSONField()),
            ],
        ),
        migrations.AddField("invoice", "seller", _party()),
        migrations.AddField("invoice", "buyer", _party()),
        migrations.AddField(
            "invoice",
            "commitments",
            models.JSONField(db_default=models.Value([], models.JSONField())),
        ),
        migrations.AddField("invoice", "template", models.PositiveSmallIntegerField(null=True)),
        migrations.RunSQL(KEEP, LET_GO),
    ]
