"""The few restricted, the few erased, and who said yes to a version: found without reading everyone."""

from django.db import migrations, models


class AddIndexBeside(migrations.AddIndex):
    """On PostgreSQL the table is written to meanwhile."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != "postgresql":
            return super().database_forwards(app_label, schema_editor, from_state, to_state)
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.add_index(model, self.index, concurrently=True)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('customers', '0009_restriction'),
    ]

    operations = [
        AddIndexBeside(
            model_name='consentrecord',
            index=models.Index(condition=models.Q(('granted', True)), fields=['notice'], name='grant_of_notice'),
        ),
        AddIndexBeside(
            model_name='customer',
            index=models.Index(condition=models.Q(('restricted_at__isnull', False)), fields=['restricted_at'], name='customer_restricted'),
        ),
        AddIndexBeside(
            model_name='customer',
            index=models.Index(condition=models.Q(('erased_at__isnull', False)), fields=['erased_at'], name='customer_erased'),
        ),
    ]
