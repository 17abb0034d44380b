from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class AddIndexQuietly(AddIndexConcurrently):
    """Concurrently where the database can; messages go on being sent meanwhile."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        kind = AddIndexConcurrently if schema_editor.connection.vendor == 'postgresql' else migrations.AddIndex
        kind.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        kind = AddIndexConcurrently if schema_editor.connection.vendor == 'postgresql' else migrations.AddIndex
        kind.database_backwards(self, app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('campaigns', '0013_daily_figures'),
    ]

    operations = [
        AddIndexQuietly(
            model_name='delivery',
            index=models.Index(condition=models.Q(('status', 'unknown')), fields=['id'], name='deliveries_of_unknown_fate'),
        ),
    ]
