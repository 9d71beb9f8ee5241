"""An issued invoice and its lines never change and are never deleted: the database sees to it."""

from django.db import migrations

CREATE = """
CREATE FUNCTION subscriptions_issued_invoice_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'invoice % is issued; correct it by a credit note', OLD.number
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER issued_invoice_stands
    BEFORE UPDATE OR DELETE ON subscriptions_invoice
    FOR EACH ROW WHEN (OLD.state = 'issued')
    EXECUTE FUNCTION subscriptions_issued_invoice_stands();

CREATE FUNCTION subscriptions_issued_lines_stand() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    issued text;
BEGIN
    SELECT invoice.number INTO issued
      FROM touched JOIN subscriptions_invoice AS invoice ON invoice.id = touched.invoice_id
     WHERE invoice.state = 'issued' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'invoice % is issued; its lines stand', issued
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER issued_lines_no_insert AFTER INSERT ON subscriptions_invoiceline
    REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION subscriptions_issued_lines_stand();
CREATE TRIGGER issued_lines_no_delete AFTER DELETE ON subscriptions_invoiceline
    REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION subscriptions_issued_lines_stand();
CREATE TRIGGER issued_lines_no_update_from AFTER UPDATE ON subscriptions_invoiceline
    REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION subscriptions_issued_lines_stand();
CREATE TRIGGER issued_lines_no_update_to AFTER UPDATE ON subscriptions_invoiceline
    REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION subscriptions_issued_lines_stand();
"""

DROP = """
DROP TRIGGER issued_lines_no_update_to ON subscriptions_invoiceline;
DROP TRIGGER issued_lines_no_update_from ON subscriptions_invoiceline;
DROP TRIGGER issued_lines_no_delete ON subscriptions_invoiceline;
DROP TRIGGER issued_lines_no_insert ON subscriptions_invoiceline;
DROP FUNCTION subscriptions_issued_lines_stand();
DROP TRIGGER issued_invoice_stands ON subscriptions_invoice;
DROP FUNCTION subscriptions_issued_invoice_stands();
"""


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, DROP)]
