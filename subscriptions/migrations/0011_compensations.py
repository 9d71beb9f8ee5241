import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('subscriptions', '0010_withdrawals'),
    ]

    operations = [
        migrations.CreateModel(
            name='Compensation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(max_length=60, unique=True)),
                ('amount', models.DecimalField(decimal_places=2, max_digits=14)),
                ('tax_class', models.CharField(max_length=30)),
                ('tax_rate', models.DecimalField(decimal_places=2, max_digits=5)),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField()),
                ('names', models.JSONField(default=dict)),
                ('due_on', models.DateField()),
                ('granted_at', models.DateTimeField(help_text='business time')),
                ('subscription', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='compensations', to='subscriptions.subscription')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('amount__gt', 0), ('starts_on__lt', models.F('ends_on'))), name='compensation_sane')],
            },
        ),
    ]
