from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class AddIndexQuietly(AddIndexConcurrently):
    """Concurrently where the database can; people go on through their journeys meanwhile."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        kind = AddIndexConcurrently if schema_editor.connection.vendor == 'postgresql' else migrations.AddIndex
        kind.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        kind = AddIndexConcurrently if schema_editor.connection.vendor == 'postgresql' else migrations.AddIndex
        kind.database_backwards(self, app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('campaigns', '0016_a_report_has_a_headline'),
    ]

    operations = [
        migrations.AlterField(
            model_name='journeyentry',
            name='left_by',
            field=models.CharField(blank=True, choices=[('goal', 'did what the journey is for'), ('exit', 'a step said so'), ('skipped', 'a message was not to be sent'), ('no_consent', 'no consent any more'), ('gone', 'the person is gone'), ('cancelled', 'the campaign ended'), ('failed', 'a step failed'), ('taken_out', 'taken out by hand')], max_length=12, verbose_name='left because'),
        ),
        AddIndexQuietly(
            model_name='journeyentry',
            index=models.Index(fields=['version', 'id'], name='entries_as_they_came'),
        ),
    ]
