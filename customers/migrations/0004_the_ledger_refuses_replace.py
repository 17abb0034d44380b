"""On SQLite `REPLACE` removes a line without asking the trigger for deletes: refuse to write where a line stands."""

from django.db import migrations

REFUSE = """CREATE TRIGGER ledger_refuses_replace BEFORE INSERT ON customers_consentrecord
   WHEN EXISTS (
       SELECT 1 FROM customers_consentrecord
       WHERE id = NEW.id OR (customer_id = NEW.customer_id AND sequence = NEW.sequence)
   )
   BEGIN SELECT RAISE(ABORT, 'the consent ledger is append-only'); END"""


def forbid(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute(REFUSE)


def allow(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TRIGGER ledger_refuses_replace")


class Migration(migrations.Migration):
    dependencies = [("customers", "0003_events_have_no_index_twice")]
    operations = [migrations.RunPython(forbid, allow)]
