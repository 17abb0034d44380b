"""Whether the catalogue changed is told by a number, without a look at the products."""

from django.db import migrations, models

POSTGRESQL = (
    """CREATE FUNCTION catalog_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE catalog_cataloguestamp SET value = (random() * 9007199254740992)::bigint
    WHERE id = (SELECT id FROM catalog_cataloguestamp ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED);
    IF NOT FOUND THEN
        INSERT INTO catalog_cataloguestamp (value) VALUES ((random() * 9007199254740992)::bigint);
    END IF;
    RETURN NULL;
    END $$""",
    """CREATE TRIGGER product_changes_the_stamp AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON catalog_product
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_changed()""",
)
# Not `INSERT OR REPLACE`: within a trigger the outer statement's own rule of conflicts would stand in its place.
SQLITE = tuple(
    f"""CREATE TRIGGER product_{what}_changes_the_stamp AFTER {what.upper()} ON catalog_product BEGIN
    DELETE FROM catalog_cataloguestamp; INSERT INTO catalog_cataloguestamp (id, value) VALUES (1, random()); END"""
    for what in ("insert", "update", "delete")
)
UNDO = {
    "postgresql": (
        "DROP TRIGGER IF EXISTS product_changes_the_stamp ON catalog_product",
        "DROP FUNCTION IF EXISTS catalog_changed()",
    ),
    "sqlite": tuple(
        f"DROP TRIGGER IF EXISTS product_{what}_changes_the_stamp" for what in ("insert", "update", "delete")
    ),
}


def forwards(apps, schema_editor):
    for line in {"postgresql": POSTGRESQL, "sqlite": SQLITE}[schema_editor.connection.vendor]:
        schema_editor.execute(line, params=None)


def backwards(apps, schema_editor):
    for line in UNDO[schema_editor.connection.vendor]:
        schema_editor.execute(line, params=None)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0004_products_are_found_by_brand")]

    operations = [
        migrations.CreateModel(
            name="CatalogueStamp",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("value", models.BigIntegerField(verbose_name="number")),
            ],
            options={
                "verbose_name": "catalogue stamp",
                "verbose_name_plural": "catalogue stamps",
            },
        ),
        migrations.RunPython(forwards, backwards, elidable=False),
    ]
