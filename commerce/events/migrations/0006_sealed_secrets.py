from typing import Any

from django.db import migrations, models

from commerce.events.webhooks.sealing import seal, unseal

PLAIN = "whsec_"
NAMES = ("secret", "old_secret")


def seal_all(apps: Any, _: Any) -> None:
    for row in apps.get_model("events", "WebhookEndpoint").objects.all():
        for name in NAMES:
            if getattr(row, name).startswith(PLAIN):
                setattr(row, name, seal(getattr(row, name)))
        row.save(update_fields=NAMES)
    # Answers that were kept for repeated requests tell secrets too.
    routes = r"^POST /api/v1/webhook-endpoints(/[^/]+/secret)?$"
    apps.get_model("events", "IdempotencyRecord").objects.filter(route__regex=routes).delete()


def unseal_all(apps: Any, _: Any) -> None:
    for row in apps.get_model("events", "WebhookEndpoint").objects.all():
        for name in NAMES:
            if getattr(row, name):
                setattr(row, name, unseal(getattr(row, name)))
        row.save(update_fields=NAMES)


class Migration(migrations.Migration):
    dependencies = [("events", "0005_silent_endpoints")]

    operations = [
        migrations.AlterField(
            model_name="webhookendpoint",
            name="secret",
            field=models.CharField(max_length=300),
        ),
        migrations.AlterField(
            model_name="webhookendpoint",
            name="old_secret",
            field=models.CharField(blank=True, default="", max_length=300),
        ),
        migrations.RunPython(seal_all, unseal_all),
    ]
