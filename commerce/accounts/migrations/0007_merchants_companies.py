"""A merchant's company is known as his customers' are, beside them: he may be one too."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_motives_and_proofs"),
    ]

    operations = [
        migrations.AddField(
            model_name="organisation",
            name="customer",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AddConstraint(
            model_name="organisation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("customer", True)), fields=("siren",), name="organisation_once"
            ),
        ),
        migrations.AlterField(
            model_name="organisation",
            name="siren",
            field=models.CharField(max_length=9),
        ),
    ]
