from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orchestration', '0014_open_tasks_aside'),
    ]

    operations = [
        migrations.AddField(
            model_name='reconciliation',
            name='changes_from',
            field=models.DateTimeField(help_text='business time', null=True),
        ),
        migrations.AddField(
            model_name='reconciliation',
            name='whole_on',
            field=models.DateField(null=True),
        ),
    ]
