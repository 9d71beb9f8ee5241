"""Cases of accounts that have not paid, with a history that is only added to; blocks with a grade."""

import django.db.models.deletion
from django.db import migrations, models

KEEP = """
CREATE FUNCTION subscriptions_dunning_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what happened in case % stands', OLD.case_id
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER dunning_stands
    BEFORE UPDATE OR DELETE ON subscriptions_dunningentry
    FOR EACH ROW EXECUTE FUNCTION subscriptions_dunning_stands();
"""
LET_GO = """
DROP TRIGGER dunning_stands ON subscriptions_dunningentry;
DROP FUNCTION subscriptions_dunning_stands();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('subscriptions', '0015_usage'),
    ]

    operations = [
        migrations.AddField(
            model_name='subscriptionblock',
            name='outgoing_only',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.CreateModel(
            name='DunningCase',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('opened_on', models.DateField()),
                ('closed_on', models.DateField(null=True)),
                ('since', models.DateField(help_text='the due day of the oldest bill that is overdue')),
                ('owed', models.DecimalField(decimal_places=2, max_digits=14)),
                ('grade', models.CharField(blank=True, default='', max_length=9)),
                ('promises', models.PositiveSmallIntegerField(default=0)),
                ('promised_for', models.DateField(null=True)),
                ('paused', models.BooleanField(default=False)),
                ('next_on', models.DateField(null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cases', to='subscriptions.billingaccount')),
            ],
        ),
        migrations.CreateModel(
            name='DunningEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=8)),
                ('step', models.CharField(blank=True, default='', max_length=40)),
                ('action', models.CharField(blank=True, default='', max_length=9)),
                ('on', models.DateField()),
                ('at', models.DateTimeField(help_text='business time')),
                ('by', models.CharField(blank=True, default='', max_length=120)),
                ('note', models.CharField(blank=True, default='', max_length=300)),
                ('facts', models.JSONField(default=dict)),
                ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='subscriptions.dunningcase')),
            ],
        ),
        migrations.AddConstraint(
            model_name='dunningcase',
            constraint=models.UniqueConstraint(condition=models.Q(('closed_on__isnull', True)), fields=('account',), name='one_open_case'),
        ),
        migrations.AddConstraint(
            model_name='dunningcase',
            constraint=models.CheckConstraint(condition=models.Q(('grade__in', ['', 'restrict', 'suspend', 'terminate'])), name='case_grade_known'),
        ),
        migrations.AddConstraint(
            model_name='dunningentry',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'step')), fields=('case', 'step'), name='dunning_step_once'),
        ),
        migrations.AddConstraint(
            model_name='dunningentry',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['opened', 'step', 'promised', 'kept', 'broken', 'fee', 'lost', 'paused', 'resumed', 'closed'])), name='dunning_entry_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='dunningentry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('action__in', ['retry', 'message', 'restrict', 'suspend', 'terminate']), ('kind', 'step'), models.Q(('step', ''), _negated=True)), models.Q(models.Q(('kind', 'step'), _negated=True), ('action', ''), ('step', '')), _connector='OR'), name='dunning_entry_step_known'),
        ),
        migrations.RunSQL(KEEP, LET_GO),
        migrations.AddField(
            model_name="compensation",
            name="charge",
            field=models.CharField(
                db_default="compensation", default="compensation", max_length=60
            ),
        ),
        migrations.RemoveConstraint(model_name="compensation", name="compensation_sane"),
        migrations.AddConstraint(
            model_name="compensation",
            constraint=models.CheckConstraint(
                condition=~models.Q(amount=0) & models.Q(starts_on__lt=models.F("ends_on")),
                name="compensation_sane",
            ),
        ),
    ]
