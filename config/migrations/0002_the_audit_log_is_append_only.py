"""The database itself refuses to alter an entry of the audit log, and to remove one that is not old enough to go.

So many days as `Change.kept_for` says, less one, so that two clocks need not agree.
"""

from django.db import migrations

DAYS = 1095
SQLITE = [
    """CREATE TRIGGER audit_log_refuses_update BEFORE UPDATE ON config_change
       BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
    f"""CREATE TRIGGER audit_log_refuses_delete BEFORE DELETE ON config_change
       WHEN OLD.at > datetime('now', '-{DAYS} days')
       BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
    # REPLACE removes a row without asking the trigger for deletes.
    """CREATE TRIGGER audit_log_refuses_replace BEFORE INSERT ON config_change
       WHEN EXISTS (SELECT 1 FROM config_change WHERE id = NEW.id)
       BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
]
POSTGRESQL = [
    f"""CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF TG_OP = 'DELETE' AND OLD.at <= now() - interval '{DAYS} days' THEN RETURN OLD; END IF;
        RAISE EXCEPTION 'the audit log is append-only'; END $$""",
    """CREATE TRIGGER audit_log_refuses_change BEFORE UPDATE OR DELETE ON config_change
       FOR EACH ROW EXECUTE FUNCTION audit_log_is_append_only()""",
    """CREATE FUNCTION audit_log_is_not_emptied() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'the audit log is append-only'; END $$""",
    """CREATE TRIGGER audit_log_refuses_truncate BEFORE TRUNCATE ON config_change
       FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_not_emptied()""",
]
UNDO = {
    "sqlite": [
        "DROP TRIGGER audit_log_refuses_update",
        "DROP TRIGGER audit_log_refuses_delete",
        "DROP TRIGGER audit_log_refuses_replace",
    ],
    "postgresql": [
        "DROP TRIGGER audit_log_refuses_change ON config_change",
        "DROP TRIGGER audit_log_refuses_truncate ON config_change",
        "DROP FUNCTION audit_log_is_append_only()",
        "DROP FUNCTION audit_log_is_not_emptied()",
    ],
}


def forbid(apps, schema_editor):
    for statement in {"sqlite": SQLITE, "postgresql": POSTGRESQL}[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def allow(apps, schema_editor):
    for statement in UNDO[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("config", "0001_what_the_desk_keeps_of_itself")]
    operations = [migrations.RunPython(forbid, allow)]
