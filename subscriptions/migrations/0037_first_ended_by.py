import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("subscriptions", "0036_collecting"),
    ]

    operations = [
        migrations.AddField(
            model_name="subscriptionitem",
            name="first_ended_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="first_ended",
                to="subscriptions.subscriptionchange",
            ),
        ),
    ]
