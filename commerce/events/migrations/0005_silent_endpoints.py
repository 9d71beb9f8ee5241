from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0004_webhooks")]

    operations = [
        migrations.AddField(
            model_name="webhookendpoint",
            name="failures",
            field=models.PositiveSmallIntegerField(default=0, help_text="one after the other"),
        ),
        migrations.AddField(
            model_name="webhookendpoint",
            name="silent_until",
            field=models.DateTimeField(null=True, help_text="nothing is sent before"),
        ),
    ]
