import base64
import hmac

from django.conf import settings
from django.db import migrations, models


def mark_of_the_only_key():
    """Until now there was one index key: the last of those in the settings, whatever was put in front of it."""
    first = [settings.INDEX_KEY] if settings.INDEX_KEY else settings.FIELD_KEYS
    pair = [*first, *settings.INDEX_KEY_FALLBACKS, *settings.INDEX_KEY_RETIRED][-1]
    value = base64.b64decode(pair.strip().partition(':')[2])
    return hmac.digest(value, b'tact key mark', 'sha256').hex()[:12]


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0005_trust'),
    ]

    operations = [
        migrations.AddField(
            model_name='customer',
            name='index_key',
            field=models.CharField(blank=True, default=mark_of_the_only_key, max_length=12, verbose_name='index key'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='suppression',
            name='index_key',
            field=models.CharField(blank=True, default=mark_of_the_only_key, max_length=12, verbose_name='index key'),
            preserve_default=False,
        ),
    ]
