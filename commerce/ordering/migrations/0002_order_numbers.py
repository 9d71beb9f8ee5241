"""Order numbers come from a sequence: placing orders never waits for one another."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ordering", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "CREATE SEQUENCE ordering_order_number START 1",
            "DROP SEQUENCE ordering_order_number",
        )
    ]
