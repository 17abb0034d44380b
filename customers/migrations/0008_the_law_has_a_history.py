"""What the law says has a history that nobody can change; so has whose law held for a person."""

from datetime import UTC, datetime

import django.db.models.deletion
from django.db import migrations, models

FROM_THE_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
TABLE = "customers_policyversion"
WORDS = "what the law said is never changed"
DO = {
    "sqlite": [
        f"""CREATE TRIGGER law_refuses_{what} BEFORE {what.upper()} ON {TABLE}
            BEGIN SELECT RAISE(ABORT, '{WORDS}'); END"""
        for what in ("update", "delete")
    ]
    + [
        # `REPLACE` removes a line without asking the trigger for deletes.
        f"""CREATE TRIGGER law_refuses_replace BEFORE INSERT ON {TABLE}
            WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id OR (code = NEW.code AND number = NEW.number))
            BEGIN SELECT RAISE(ABORT, '{WORDS}'); END"""
    ],
    "postgresql": [
        f"""CREATE FUNCTION law_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION '{WORDS}'; END $$""",
        f"""CREATE TRIGGER law_refuses_change BEFORE UPDATE OR DELETE ON {TABLE}
            FOR EACH ROW EXECUTE FUNCTION law_is_append_only()""",
        f"""CREATE TRIGGER law_refuses_truncate BEFORE TRUNCATE ON {TABLE}
            FOR EACH STATEMENT EXECUTE FUNCTION law_is_append_only()""",
    ],
}
UNDO = {
    "sqlite": [f"DROP TRIGGER law_refuses_{what}" for what in ("update", "delete", "replace")],
    "postgresql": [
        f"DROP TRIGGER law_refuses_change ON {TABLE}",
        f"DROP TRIGGER law_refuses_truncate ON {TABLE}",
        "DROP FUNCTION law_is_append_only()",
    ],
}


def write_down(apps, schema_editor):
    """What stands there held from the beginning, as far as anybody knows."""
    silent = {}
    for row in apps.get_model("customers", "SilentYes").objects.all():
        silent.setdefault(row.jurisdiction_id, []).append(row.purpose)
    versions = apps.get_model("customers", "PolicyVersion").objects
    for row in apps.get_model("customers", "Jurisdiction").objects.all():
        versions.create(
            code=row.code,
            number=1,
            since=FROM_THE_BEGINNING,
            name=row.name,
            countries=sorted(row.countries),
            silent=sorted(silent.get(row.pk, [])),
            soft_opt_in=row.soft_opt_in,
            answer_days=row.answer_days,
            source=row.source,
        )


def forbid(apps, schema_editor):
    for statement in DO[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def allow(apps, schema_editor):
    for statement in UNDO[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0007_index_keys_are_found'),
    ]

    operations = [
        migrations.CreateModel(
            name='FormerLaw',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('jurisdiction', models.CharField(max_length=10, verbose_name='jurisdiction')),
                ('until', models.DateTimeField(verbose_name='until')),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='former_laws', to='customers.customer', verbose_name='customer')),
            ],
            options={
                'verbose_name': 'former law of a person',
                'verbose_name_plural': 'former laws of people',
            },
        ),
        migrations.CreateModel(
            name='PolicyVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=10, verbose_name='code')),
                ('number', models.PositiveIntegerField(verbose_name='version')),
                ('since', models.DateTimeField(verbose_name='since')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('countries', models.JSONField(blank=True, default=list, verbose_name='countries')),
                ('silent', models.JSONField(blank=True, default=list, verbose_name='silence means yes for')),
                ('soft_opt_in', models.BooleanField(verbose_name='buyers may be written to about similar products')),
                ('answer_days', models.PositiveSmallIntegerField(verbose_name='days to answer a request')),
                ('source', models.CharField(blank=True, max_length=300, verbose_name='where it says so')),
                ('changed_by', models.CharField(blank=True, max_length=150, verbose_name='changed by')),
                ('is_removed', models.BooleanField(default=False, verbose_name='deleted')),
            ],
            options={
                'verbose_name': 'version of a jurisdiction',
                'verbose_name_plural': 'versions of jurisdictions',
                'constraints': [models.UniqueConstraint(fields=('code', 'number'), name='a_law_has_one_version_of_a_number')],
            },
        ),
        migrations.RunPython(write_down, migrations.RunPython.noop),
        migrations.RunPython(forbid, allow),
    ]
