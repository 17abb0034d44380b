from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class AddIndexQuietly(AddIndexConcurrently):
    """Concurrently where the database can; people go on being written meanwhile."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        kind = AddIndexConcurrently if schema_editor.connection.vendor == 'postgresql' else migrations.AddIndex
        kind.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        kind = AddIndexConcurrently if schema_editor.connection.vendor == 'postgresql' else migrations.AddIndex
        kind.database_backwards(self, app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('customers', '0006_index_keys'),
    ]

    operations = [
        AddIndexQuietly(
            model_name='customer',
            index=models.Index(fields=['index_key'], name='customers_by_index_key'),
        ),
        AddIndexQuietly(
            model_name='suppression',
            index=models.Index(fields=['index_key'], name='suppressions_by_index_key'),
        ),
    ]
