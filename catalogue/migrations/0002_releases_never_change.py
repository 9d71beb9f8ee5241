"""The database itself refuses to change or delete a release."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION offering_release_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'release % never changes; publish another', OLD.number;
END $$;
CREATE TRIGGER offering_release_is_final BEFORE UPDATE OR DELETE ON offering_release
    FOR EACH ROW EXECUTE FUNCTION offering_release_is_final();
"""
BACKWARD = """
DROP TRIGGER offering_release_is_final ON offering_release;
DROP FUNCTION offering_release_is_final();
"""


class Migration(migrations.Migration):
    dependencies = [("offering", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
