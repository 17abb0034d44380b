from django.db import migrations
from django.db.models import OuterRef, Subquery


def give_words(apps, schema_editor):
    Delivery = apps.get_model("campaigns", "Delivery")
    CampaignRun = apps.get_model("campaigns", "CampaignRun")
    said = CampaignRun.objects.filter(pk=OuterRef("run_id")).values("campaign__message_id")[:1]
    Delivery.objects.filter(content__isnull=True).update(content_id=Subquery(said))


class Migration(migrations.Migration):

    dependencies = [("campaigns", "0002_engine")]

    operations = [migrations.RunPython(give_words, migrations.RunPython.noop)]
