"""Which cycles the bills of a chunk begin; filled for the last two months, which the next runs are
compared with."""

from django.db import migrations, models
from django.db.models import Value

FILL = """
UPDATE subscriptions_billrunchunk AS chunk SET cycles = found.cycles
  FROM (SELECT chunk_id, jsonb_agg(jsonb_build_array(period_start, bills, gross::text)) AS cycles
          FROM (SELECT invoice.chunk_id, invoice.period_start, count(*) AS bills,
                       sum(invoice.gross) AS gross
                  FROM subscriptions_invoice AS invoice
                  JOIN subscriptions_billingaccount AS account ON account.id = invoice.account_id
                  JOIN subscriptions_billrunchunk AS part ON part.id = invoice.chunk_id
                  JOIN subscriptions_billrun AS run ON run.id = part.run_id
                 WHERE run.on >= (SELECT max("on") - 62 FROM subscriptions_billrun)
                   AND invoice.state IN ('draft', 'issued')
                   AND extract(day FROM invoice.period_start) = account.cycle_day
                 GROUP BY 1, 2) AS cycle
         GROUP BY chunk_id) AS found
 WHERE found.chunk_id = chunk.id
"""


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0026_bill_run_controls")]
    operations = [
        migrations.AddField(
            model_name="billrunchunk",
            name="cycles",
            field=models.JSONField(db_default=Value([], models.JSONField())),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
