from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class AddIndexQuietly(AddIndexConcurrently):
    """Concurrently where the database can; decisions and messages go on being written meanwhile."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        kind = AddIndexConcurrently if schema_editor.connection.vendor == 'postgresql' else migrations.AddIndex
        kind.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        kind = AddIndexConcurrently if schema_editor.connection.vendor == 'postgresql' else migrations.AddIndex
        kind.database_backwards(self, app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('campaigns', '0009_webhooks'),
    ]

    operations = [
        AddIndexQuietly(
            model_name='decision',
            index=models.Index(fields=['written_at', 'id'], name='decisions_as_written'),
        ),
        AddIndexQuietly(
            model_name='delivery',
            index=models.Index(condition=models.Q(('ended_at__isnull', False)), fields=['ended_at', 'id'], name='deliveries_as_they_ended'),
        ),
        AddIndexQuietly(
            model_name='redemption',
            index=models.Index(condition=models.Q(('reversed_at__isnull', False)), fields=['reversed_at', 'id'], name='redemptions_as_reversed'),
        ),
    ]
