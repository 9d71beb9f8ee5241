from django.db import migrations, models


class Migration(migrations.Migration):
    """What documents say of prices that are paid in parts, earlier bills name none; and what the
    end of a contract does to them, what was agreed before goes on."""

    dependencies = [("subscriptions", "0037_first_ended_by")]

    operations = [
        migrations.AddField(
            model_name="invoice",
            name="parts",
            field=models.JSONField(db_default=models.Value([], models.JSONField())),
        ),
        migrations.AddField(
            model_name="instalmentplan",
            name="at_end",
            field=models.CharField(db_default="goes_on", max_length=9),
        ),
        migrations.AddConstraint(
            model_name="instalmentplan",
            constraint=models.CheckConstraint(
                condition=models.Q(("at_end__in", ["goes_on", "falls_due"])),
                name="plan_end_known",
            ),
        ),
    ]
