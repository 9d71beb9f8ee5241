import django.db.models.deletion
from django.db import migrations, models


# What changes of number have told so far; of a contract's numbers each was had until the next.
FORMER = """
INSERT INTO subscriptions_formernumber (subscription_id, msisdn, from_on, until_on)
SELECT contract.id, change.facts ->> 'msisdn_before',
       coalesce(lag(change.on) OVER numbers, contract.activated_on),
       greatest(change.on, contract.activated_on, lag(change.on) OVER numbers)
  FROM subscriptions_subscriptionchange AS change
  JOIN subscriptions_subscription AS contract ON contract.id = change.subscription_id
 WHERE change.facts ->> 'msisdn_before' <> ''
WINDOW numbers AS (PARTITION BY contract.id ORDER BY change.id)
"""


class Migration(migrations.Migration):

    dependencies = [
        ('subscriptions', '0014_carrier_billing'),
    ]

    operations = [
        migrations.CreateModel(
            name='FormerNumber',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('msisdn', models.CharField(max_length=20)),
                ('from_on', models.DateField()),
                ('until_on', models.DateField()),
            ],
        ),
        migrations.CreateModel(
            name='UsageBilled',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('charge', models.CharField(max_length=60)),
                ('month', models.DateField()),
                ('revision', models.PositiveSmallIntegerField()),
                ('units', models.IntegerField()),
                ('amount', models.DecimalField(decimal_places=2, max_digits=14)),
            ],
        ),
        migrations.CreateModel(
            name='UsageRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(max_length=40)),
                ('reference', models.CharField(max_length=80)),
                ('line', models.CharField(max_length=20)),
                ('started_at', models.DateTimeField()),
                ('dimension', models.CharField(max_length=10)),
                ('quantity', models.DecimalField(decimal_places=3, max_digits=12)),
                ('destination', models.CharField(blank=True, default='', max_length=20)),
                ('state', models.CharField(max_length=9)),
                ('reason', models.CharField(blank=True, default='', max_length=20)),
                ('day', models.DateField(null=True)),
                ('taken_at', models.DateTimeField(help_text='business time')),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='invoiceline',
            name='invoice_line_kind_known',
        ),
        migrations.AddField(
            model_name='consumption',
            name='from_records',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='consumption',
            name='unsettled',
            field=models.BooleanField(default=False),
        ),
        migrations.AddIndex(
            model_name='consumption',
            index=models.Index(condition=models.Q(('unsettled', True)), fields=['subscription'], name='consumption_unsettled'),
        ),
        migrations.AddConstraint(
            model_name='invoiceline',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['one_off', 'recurring', 'prorated', 'benefit', 'repair', 'third', 'usage'])), name='invoice_line_kind_known'),
        ),
        migrations.AddField(
            model_name='formernumber',
            name='subscription',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='former_numbers', to='subscriptions.subscription'),
        ),
        migrations.AddField(
            model_name='usagebilled',
            name='invoice',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='usage_billed', to='subscriptions.invoice'),
        ),
        migrations.AddField(
            model_name='usagebilled',
            name='item',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='usage_billed', to='subscriptions.subscriptionitem'),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='subscription',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='usage', to='subscriptions.subscription'),
        ),
        migrations.AddIndex(
            model_name='formernumber',
            index=models.Index(fields=['msisdn'], name='former_by_number'),
        ),
        migrations.AddConstraint(
            model_name='formernumber',
            constraint=models.CheckConstraint(condition=models.Q(('until_on__gte', models.F('from_on'))), name='former_number_sane'),
        ),
        migrations.AddConstraint(
            model_name='usagebilled',
            constraint=models.UniqueConstraint(fields=('item', 'charge', 'month', 'revision'), name='usage_billed_once'),
        ),
        migrations.AddIndex(
            model_name='usagerecord',
            index=models.Index(condition=models.Q(('state', 'counted')), fields=['subscription', 'day'], name='usage_of_contract'),
        ),
        migrations.AddIndex(
            model_name='usagerecord',
            index=models.Index(condition=models.Q(('state', 'suspended')), fields=['line'], name='usage_suspended'),
        ),
        migrations.AddConstraint(
            model_name='usagerecord',
            constraint=models.UniqueConstraint(fields=('source', 'reference'), name='usage_once'),
        ),
        migrations.AddConstraint(
            model_name='usagerecord',
            constraint=models.CheckConstraint(condition=models.Q(('dimension__in', ['data_gb', 'minutes', 'messages', 'europe_gb'])), name='usage_dimension_known'),
        ),
        migrations.AddConstraint(
            model_name='usagerecord',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['counted', 'suspended', 'barred'])), name='usage_state_known'),
        ),
        migrations.AddConstraint(
            model_name='usagerecord',
            constraint=models.CheckConstraint(condition=models.Q(('quantity__gte', 0)), name='usage_sane'),
        ),
        migrations.AddConstraint(
            model_name='usagerecord',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('day__isnull', True), ('reason__in', ['unknown_line', 'not_begun']), ('state', 'suspended'), ('subscription__isnull', True)), models.Q(('day__isnull', False), ('reason', ''), ('state__in', ['counted', 'barred']), ('subscription__isnull', False)), _connector='OR'), name='usage_counted_of_a_contract'),
        ),
        migrations.RunSQL(FORMER, migrations.RunSQL.noop),
    ]
