from django.db import migrations, models
import django.db.models.deletion

_ONCE = "(promise_id, item, charge, period, benefit)"


class Migration(migrations.Migration):
    # Promised lines are many: they go on being written while the index is built.
    atomic = False

    dependencies = [
        ("subscriptions", "0027_bill_run_cycles"),
    ]

    operations = [
        migrations.AddField(
            model_name="billingaccount",
            name="cycle_before",
            field=models.JSONField(blank=True, db_default=[], default=list),
        ),
        migrations.AddField(
            model_name="promise",
            name="cycle_before",
            field=models.JSONField(blank=True, db_default=[], default=list),
        ),
        migrations.CreateModel(
            name="CycleMove",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_on", models.DateField()),
                ("former", models.PositiveSmallIntegerField()),
                ("day", models.PositiveSmallIntegerField()),
                ("reason", models.CharField(max_length=200)),
                ("by", models.CharField(max_length=120)),
                ("channel", models.CharField(max_length=12)),
                ("at", models.DateTimeField(help_text="business time")),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="moves", to="subscriptions.billingaccount")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("account", "from_on"), name="cycle_moved_once"),
                    models.CheckConstraint(
                        condition=models.Q(("day__range", (1, 28)), ("former__range", (1, 28)), models.Q(("day", models.F("former")), _negated=True)),
                        name="cycle_moved_to_another_day",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="promiseline",
            name="move",
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="subscriptions.cyclemove"),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    [
                        "DROP INDEX CONCURRENTLY IF EXISTS promised_once_now",
                        "CREATE UNIQUE INDEX CONCURRENTLY promised_once_now"
                        f" ON subscriptions_promiseline {_ONCE} WHERE superseded_by_id IS NULL",
                        "ALTER TABLE subscriptions_promiseline DROP CONSTRAINT promised_once",
                        "ALTER INDEX promised_once_now RENAME TO promised_once",
                    ],
                    [
                        "DROP INDEX promised_once",
                        "ALTER TABLE subscriptions_promiseline"
                        f" ADD CONSTRAINT promised_once UNIQUE {_ONCE}",
                    ],
                ),
            ],
            state_operations=[
                migrations.RemoveConstraint(model_name="promiseline", name="promised_once"),
                migrations.AddConstraint(
                    model_name="promiseline",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("superseded_by__isnull", True)),
                        fields=("promise", "item", "charge", "period", "benefit"),
                        name="promised_once",
                    ),
                ),
            ],
        ),
    ]
