"""The database itself refuses to change or remove a line of the ledger."""

from django.db import migrations

SQLITE = [
    """CREATE TRIGGER ledger_refuses_update BEFORE UPDATE ON customers_consentrecord
       BEGIN SELECT RAISE(ABORT, 'the consent ledger is append-only'); END""",
    """CREATE TRIGGER ledger_refuses_delete BEFORE DELETE ON customers_consentrecord
       BEGIN SELECT RAISE(ABORT, 'the consent ledger is append-only'); END""",
]
POSTGRESQL = [
    """CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'the consent ledger is append-only'; END $$""",
    """CREATE TRIGGER ledger_refuses_change BEFORE UPDATE OR DELETE ON customers_consentrecord
       FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only()""",
    """CREATE TRIGGER ledger_refuses_truncate BEFORE TRUNCATE ON customers_consentrecord
       FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()""",
]
UNDO = {
    "sqlite": ["DROP TRIGGER ledger_refuses_update", "DROP TRIGGER ledger_refuses_delete"],
    "postgresql": [
        "DROP TRIGGER ledger_refuses_change ON customers_consentrecord",
        "DROP TRIGGER ledger_refuses_truncate ON customers_consentrecord",
        "DROP FUNCTION ledger_is_append_only()",
    ],
}


def forbid(apps, schema_editor):
    for statement in {"sqlite": SQLITE, "postgresql": POSTGRESQL}[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def allow(apps, schema_editor):
    for statement in UNDO[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("customers", "0001_first")]
    operations = [migrations.RunPython(forbid, allow)]
