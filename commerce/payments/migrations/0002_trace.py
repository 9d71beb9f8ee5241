"""A payment remembers the trace under which it was asked for."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial")]
    operations = [
        migrations.AddField(
            model_name="paymentattempt",
            name="trace_id",
            field=models.CharField(blank=True, default="", max_length=32),
        ),
    ]
