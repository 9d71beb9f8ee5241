import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('subscriptions', '0035_numbers_that_leave'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='dunningentry',
            name='dunning_entry_kind_known',
        ),
        migrations.AddField(
            model_name='bankentry',
            name='valued_on',
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name='lateinterest',
            name='given_back',
            field=models.DecimalField(db_default=0, decimal_places=2, default=0, max_digits=12),
        ),
        migrations.AddIndex(
            model_name='invoice',
            index=django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['issued_on'], name='invoice_of_day'),
        ),
        migrations.AddIndex(
            model_name='transfer',
            index=django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['at'], name='transfer_of_day'),
        ),
        migrations.AddConstraint(
            model_name='dunningentry',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['opened', 'step', 'promised', 'kept', 'broken', 'undone', 'fee', 'interest', 'waived', 'returned', 'lost', 'paused', 'resumed', 'closed'])), name='dunning_entry_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='lateinterest',
            constraint=models.CheckConstraint(condition=models.Q(('given_back__gte', 0), ('given_back__lte', models.F('amount'))), name='interest_given_back_within'),
        ),
    ]
