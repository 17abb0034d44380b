"""Many codes are put into a pool by the worker: a batch is the wish, its progress and what came of it."""

from django.db import migrations, models

STATES = [
    ("waiting", "waiting"),
    ("running", "going into the pool"),
    ("done", "in the pool"),
    ("failed", "failed"),
    ("cancelled", "cancelled"),
]


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0021_caps_count_no_person")]

    operations = [
        migrations.AddField("codebatch", "state", models.CharField("state", max_length=10, choices=STATES, default="done")),
        migrations.AddField("codebatch", "why", models.TextField("why", blank=True, default=""), preserve_default=False),
        migrations.AddField("codebatch", "language", models.CharField("language", max_length=20, blank=True, default=""), preserve_default=False),
        migrations.AddField("codebatch", "attempt", models.PositiveSmallIntegerField("attempt", default=0)),
        migrations.AddField("codebatch", "begun_at", models.DateTimeField("taken up", null=True, blank=True)),
        migrations.AddField("codebatch", "ended_at", models.DateTimeField("ended", null=True, blank=True)),
        migrations.AddField("codebatch", "cancel_asked_at", models.DateTimeField("cancelled at", null=True, blank=True)),
        migrations.AddField("codebatch", "cancelled_by", models.CharField("cancelled by", max_length=150, blank=True, default=""), preserve_default=False),
    ]
