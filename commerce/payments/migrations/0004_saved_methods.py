"""Cards that were paid with before are saved cards: their holders agreed to it on the hosted page."""

import django.db.models.deletion
from django.db import migrations, models

FILL = """
INSERT INTO payments_savedmethod
       (party_id, customer_id, method_id, card_brand, card_last4, saved_at, chosen_at)
SELECT party_id, customer_id, method_id, card_brand, card_last4, created_at, created_at
  FROM (SELECT DISTINCT ON (party_id, card_brand, card_last4)
               party_id, customer_id, method_id, card_brand, card_last4, created_at
          FROM payments_paymentattempt
         WHERE party_id IS NOT NULL AND method_id <> '' AND customer_id <> ''
           AND state IN ('authorised', 'settled', 'refunded')
         ORDER BY party_id, card_brand, card_last4, id DESC) AS last
ON CONFLICT (method_id) DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0003_decided_by_operators"), ("accounts", "0004_reporters")]
    operations = [
        migrations.AddField(
            model_name="paymentattempt",
            name="off_session",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.CreateModel(
            name="SavedMethod",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("customer_id", models.CharField(max_length=80)),
                ("method_id", models.CharField(max_length=80, unique=True)),
                ("card_brand", models.CharField(blank=True, default="", max_length=20)),
                ("card_last4", models.CharField(blank=True, default="", max_length=4)),
                ("saved_at", models.DateTimeField(help_text="business time")),
                ("chosen_at", models.DateTimeField(help_text="machine time")),
                ("removed_at", models.DateTimeField(help_text="business time", null=True)),
                (
                    "party",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payment_methods",
                        to="accounts.party",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
