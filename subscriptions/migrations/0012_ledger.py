"""The ledger: only ever added to, and filled with what was issued and paid before there was one."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q

BOOKS = ["receivable", "unapplied", "provider", "revenue", "vat"]
KINDS = ["invoice", "credit_note", "payment", "refund", "allocation"]

# The owner may still lock rows (the checks of foreign keys do): that needs the right to update a
# column, which the trigger then refuses.
KEEP = """
CREATE FUNCTION subscriptions_transfer_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'transfer % is entered; enter another one against it', OLD.key
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER transfer_stands
    BEFORE UPDATE OR DELETE ON subscriptions_transfer
    FOR EACH ROW EXECUTE FUNCTION subscriptions_transfer_stands();

REVOKE UPDATE, DELETE ON subscriptions_transfer FROM PUBLIC, CURRENT_USER;
GRANT UPDATE (id) ON subscriptions_transfer TO CURRENT_USER;
"""
LET_GO = """
DROP TRIGGER transfer_stands ON subscriptions_transfer;
DROP FUNCTION subscriptions_transfer_stands();
"""

ACCOUNTS = """
INSERT INTO subscriptions_billingaccount
       (party_id, name, segment, basis, currency, zone, legal_entity, payment_days, purchase_order,
        bills, opened_at)
SELECT party.id, 'main', party.segment, CASE party.segment WHEN 'business' THEN 'HT' ELSE 'TTC' END,
       'EUR', 'Europe/Paris', 'FR', CASE party.segment WHEN 'business' THEN 30 ELSE 0 END, '', 0,
       min(payment.created_at)
  FROM payments_paymentattempt AS payment JOIN accounts_party AS party ON party.id = payment.party_id
 WHERE payment.state IN ('settled', 'refunded')
 GROUP BY party.id
ON CONFLICT (party_id, name) DO NOTHING
"""
BILLS = """
INSERT INTO subscriptions_transfer
       (at, kind, debit, credit, amount, currency, account_id, invoice_id, reference, key)
SELECT invoice.issued_on::timestamp AT TIME ZONE account.zone,
       CASE invoice.kind WHEN 'credit_note' THEN 'credit_note' ELSE 'invoice' END,
       CASE WHEN part.amount > 0 THEN owing.book ELSE part.book END,
       CASE WHEN part.amount > 0 THEN part.book ELSE owing.book END,
       abs(part.amount), invoice.currency, invoice.account_id, invoice.id,
       coalesce(nullif(invoice.order_number, ''), invoice.number),
       invoice.number || '/' || part.book
  FROM subscriptions_invoice AS invoice
  JOIN subscriptions_billingaccount AS account ON account.id = invoice.account_id,
       LATERAL (SELECT CASE invoice.kind WHEN 'credit_note' THEN 'unapplied'
                                         ELSE 'receivable' END) AS owing (book),
       LATERAL (VALUES ('revenue', invoice.net), ('vat', invoice.tax_total)) AS part (book, amount)
 WHERE invoice.state = 'issued' AND part.amount <> 0
 ORDER BY invoice.id
"""
PAYMENTS = """
INSERT INTO subscriptions_transfer
       (at, kind, debit, credit, amount, currency, account_id, reference, key)
SELECT payment.created_at, 'payment', 'provider', 'unapplied', payment.amount, payment.currency,
       account.id, payment.reference, 'payment/' || payment.key
  FROM payments_paymentattempt AS payment
  JOIN subscriptions_billingaccount AS account
    ON account.party_id = payment.party_id AND account.name = 'main'
 WHERE payment.state IN ('settled', 'refunded')
 ORDER BY payment.id
"""
REFUNDS = """
INSERT INTO subscriptions_transfer
       (at, kind, debit, credit, amount, currency, account_id, reference, key)
SELECT effect.created_at, 'refund', 'unapplied', 'provider', effect.amount, payment.currency,
       account.id, payment.reference, 'refund/' || payment.key || '/' || effect.sequence
  FROM payments_paymenteffect AS effect
  JOIN payments_paymentattempt AS payment ON payment.id = effect.payment_id
  JOIN subscriptions_billingaccount AS account
    ON account.party_id = payment.party_id AND account.name = 'main'
 WHERE effect.kind = 'refund' AND effect.state = 'done'
 ORDER BY effect.id
"""
ALLOCATIONS = """
INSERT INTO subscriptions_transfer
       (at, kind, debit, credit, amount, currency, account_id, invoice_id, reference, key)
SELECT invoice.issued_on::timestamp AT TIME ZONE account.zone, 'allocation', 'unapplied',
       'receivable', least(invoice.gross, pool.amount), invoice.currency, invoice.account_id,
       invoice.id, invoice.order_number, invoice.number || '/unapplied'
  FROM subscriptions_invoice AS invoice
  JOIN subscriptions_billingaccount AS account ON account.id = invoice.account_id
  JOIN (SELECT account_id, reference,
               sum(CASE credit WHEN 'unapplied' THEN amount ELSE -amount END) AS amount
          FROM subscriptions_transfer WHERE 'unapplied' IN (debit, credit)
         GROUP BY account_id, reference) AS pool
    ON pool.account_id = invoice.account_id AND pool.reference = invoice.order_number
 WHERE invoice.state = 'issued' AND invoice.kind = 'order' AND least(invoice.gross, pool.amount) > 0
 ORDER BY invoice.id
"""
FILL = (ACCOUNTS, BILLS, PAYMENTS, REFUNDS, ALLOCATIONS)


class Migration(migrations.Migration):
    dependencies = [
        ("subscriptions", "0011_compensations"),
        ("payments", "0003_decided_by_operators"),
        ("accounts", "0004_reporters"),
    ]
    operations = [
        migrations.AddField(
            model_name="invoice",
            name="prepaid",
            field=models.DecimalField(db_default=0, decimal_places=2, max_digits=14),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=Q(prepaid=0) | Q(prepaid__gt=0, prepaid__lte=F("gross")),
                name="invoice_prepaid_within",
            ),
        ),
        migrations.CreateModel(
            name="Transfer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(help_text="business time")),
                ("kind", models.CharField(max_length=11)),
                ("debit", models.CharField(max_length=10)),
                ("credit", models.CharField(max_length=10)),
                ("amount", models.DecimalField(decimal_places=2, max_digits=14)),
                ("currency", models.CharField(max_length=3)),
                ("reference", models.CharField(max_length=80)),
                ("key", models.CharField(max_length=160)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transfers",
                        to="subscriptions.billingaccount",
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transfers",
                        to="subscriptions.invoice",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["reference"], name="transfer_by_reference")],
                "constraints": [
                    models.UniqueConstraint(fields=["key"], name="transfer_once"),
                    models.CheckConstraint(
                        condition=Q(kind__in=KINDS), name="transfer_kind_known"
                    ),
                    models.CheckConstraint(
                        condition=Q(debit__in=BOOKS), name="transfer_debit_known"
                    ),
                    models.CheckConstraint(
                        condition=Q(credit__in=BOOKS), name="transfer_credit_known"
                    ),
                    models.CheckConstraint(
                        condition=Q(amount__gt=0) & ~Q(debit=F("credit")),
                        name="transfer_moves_something",
                    ),
                ],
            },
        ),
        migrations.RunSQL(KEEP, LET_GO),
        *(migrations.RunSQL(each, migrations.RunSQL.noop) for each in FILL),
    ]
