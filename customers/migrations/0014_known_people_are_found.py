"""Whom the shop knows, the newest first, without reading the anonymous visitors between them."""

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
        ("customers", "0013_a_file_waits_for_the_worker"),
    ]

    operations = [
        AddIndexBeside(
            model_name="customer",
            index=models.Index(
                condition=models.Q(
                    ("erased_at__isnull", True),
                    ("merged_into__isnull", True),
                    models.Q(
                        ("external_id__isnull", False),
                        ("email_index__gt", ""),
                        ("phone_index__gt", ""),
                        _connector="OR",
                    ),
                ),
                fields=["id"],
                name="customer_known",
            ),
        ),
    ]
