from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0034_payers")]

    operations = [
        migrations.AddField(
            "subscription",
            "leaves",
            models.BooleanField(
                default=False,
                db_default=False,
                help_text="its number is on its way to another operator",
            ),
        ),
    ]
