from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class AddIndexQuietly(AddIndexConcurrently):
    """Concurrently where the database can; decisions go on being written meanwhile."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        kind = AddIndexConcurrently if schema_editor.connection.vendor == 'postgresql' else migrations.AddIndex
        kind.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        kind = AddIndexConcurrently if schema_editor.connection.vendor == 'postgresql' else migrations.AddIndex
        kind.database_backwards(self, app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('campaigns', '0019_the_papers_read_what_was_counted'),
    ]

    operations = [
        AddIndexQuietly(
            model_name='decision',
            index=models.Index(fields=['decided_at', 'id'], name='decisions_by_time'),
        ),
    ]
