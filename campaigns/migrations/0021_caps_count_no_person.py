"""A person's own caps are counted from what they were given: no count names a person."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0020_decisions_are_listed_by_time")]

    operations = [
        migrations.RunSQL(
            "DELETE FROM campaigns_capcount WHERE customer_id IS NOT NULL", migrations.RunSQL.noop
        ),
        migrations.RemoveConstraint(model_name="capcount", name="a_cap_is_counted_once_a_period"),
        migrations.RemoveConstraint(
            model_name="capcount", name="a_person_is_counted_once_a_cap_and_period"
        ),
        migrations.RemoveField(model_name="capcount", name="customer"),
        migrations.AddConstraint(
            model_name="capcount",
            constraint=models.UniqueConstraint(
                fields=("cap", "period"), name="a_cap_is_counted_once_a_period"
            ),
        ),
    ]
