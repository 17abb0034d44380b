from django.db import migrations, models

STATES = [
    ("waiting", "waiting"),
    ("running", "being taken in"),
    ("done", "taken in"),
    ("failed", "failed"),
    ("cancelled", "cancelled"),
]


class Migration(migrations.Migration):
    dependencies = [("customers", "0012_a_worker_is_seen")]
    operations = [
        migrations.AddField(
            "importrun", "state", models.CharField("state", max_length=10, choices=STATES, default="done")
        ),
        migrations.AddField("importrun", "options", models.JSONField("options", blank=True, default=dict)),
        migrations.AddField(
            "importrun",
            "requested_by",
            models.CharField("requested by", blank=True, default="", max_length=150),
            preserve_default=False,
        ),
        migrations.AddField(
            "importrun", "begun_at", models.DateTimeField("taken up", blank=True, null=True)
        ),
        migrations.AddField("importrun", "attempt", models.PositiveSmallIntegerField("attempt", default=0)),
        migrations.AddField(
            "importrun", "cancel_asked_at", models.DateTimeField("cancelled at", blank=True, null=True)
        ),
        migrations.AddField(
            "importrun",
            "cancelled_by",
            models.CharField("cancelled by", blank=True, default="", max_length=150),
            preserve_default=False,
        ),
        migrations.RunSQL(
            "UPDATE customers_importrun SET state = 'failed' WHERE error <> ''", migrations.RunSQL.noop
        ),
    ]
