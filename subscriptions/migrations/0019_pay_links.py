"""Links to pay bills with; and bills that nobody looks at: they were issued before any were collected
or dunned, so that no timer speaks of them."""

import django.db.models.deletion
from django.db import migrations, models

LOOK_AT_WHAT_IS_OVERDUE = """
INSERT INTO events_timer
       (key, handler, due_at, clock, payload, generation, queue, turn, state, attempts, next_at,
        last_error, trace_id)
SELECT 'dunning-look:' || overdue.account_id, 'dunning-look', now(), 'business',
       jsonb_build_object('account', overdue.account_id), gen_random_uuid(), 'billing', 0,
       'pending', 0, now(), '', ''
  FROM (SELECT DISTINCT account_id
          FROM (SELECT invoice.account_id
                  FROM subscriptions_invoice AS invoice
                  JOIN subscriptions_transfer AS transfer ON transfer.invoice_id = invoice.id
                 WHERE invoice.state = 'issued' AND invoice.kind <> 'credit_note'
                   AND invoice.due_on < CURRENT_DATE
                 GROUP BY invoice.id
                HAVING sum(CASE 'receivable' WHEN transfer.debit THEN transfer.amount
                                             WHEN transfer.credit THEN -transfer.amount
                                             ELSE 0 END) > 0) AS bill) AS overdue
 WHERE NOT EXISTS (SELECT 1 FROM subscriptions_dunningcase AS dunning
                    WHERE dunning.account_id = overdue.account_id AND dunning.closed_on IS NULL)
ON CONFLICT (key) DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [
        ("subscriptions", "0018_debits_and_disputes"),
        ("events", "0006_sealed_secrets"),
    ]
    operations = [
        migrations.CreateModel(
            name="PayLink",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("channel", models.CharField(max_length=5)),
                ("sent_by", models.CharField(max_length=120)),
                ("sent_at", models.DateTimeField(help_text="business time")),
                ("expires_at", models.DateTimeField(help_text="business time")),
                ("opened_at", models.DateTimeField(help_text="business time", null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pay_links",
                        to="subscriptions.billingaccount",
                    ),
                ),
                (
                    "bills",
                    models.ManyToManyField(related_name="pay_links", to="subscriptions.invoice"),
                ),
            ],
        ),
        migrations.RunSQL(LOOK_AT_WHAT_IS_OVERDUE, migrations.RunSQL.noop),
    ]
