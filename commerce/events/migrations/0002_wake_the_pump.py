"""Whoever writes a delivery or a timer wakes the pump, when and if the transaction commits.

Once per statement, and only for inserts (an upsert counts as one): leasing and ending stay silent.
"""

from django.db import migrations

WAKE = """
CREATE FUNCTION wake_the_pump() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_notify('work', ''); RETURN NULL; END $$;
CREATE TRIGGER delivery_wakes AFTER INSERT ON events_delivery
    FOR EACH STATEMENT EXECUTE FUNCTION wake_the_pump();
CREATE TRIGGER timer_wakes AFTER INSERT ON events_timer
    FOR EACH STATEMENT EXECUTE FUNCTION wake_the_pump();
"""
SLEEP = """
DROP TRIGGER timer_wakes ON events_timer;
DROP TRIGGER delivery_wakes ON events_delivery;
DROP FUNCTION wake_the_pump();
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]
    operations = [migrations.RunSQL(WAKE, SLEEP)]
