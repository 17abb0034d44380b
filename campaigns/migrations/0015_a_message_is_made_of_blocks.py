from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0014_unknown_fates_are_found'),
    ]

    operations = [
        migrations.AddField(
            model_name='message',
            name='layout',
            field=models.JSONField(blank=True, default=dict, editable=False, verbose_name='blocks'),
        ),
    ]
