"""The instant of activation says which morning's run bills a business line first."""

from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0003_run_waits_for_a_day")]
    operations = [
        migrations.AddField(
            model_name="subscription",
            name="activated_at",
            field=models.DateTimeField(db_default=Now()),
        ),
        migrations.AlterField(
            model_name="subscription",
            name="activated_at",
            field=models.DateTimeField(),
        ),
    ]
