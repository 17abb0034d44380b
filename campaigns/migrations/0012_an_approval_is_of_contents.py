from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0011_exports'),
    ]

    operations = [
        migrations.AddField(
            model_name='campaign',
            name='approved_contents',
            field=models.CharField(blank=True, default='', editable=False, max_length=64, verbose_name='approved contents'),
            preserve_default=False,
        ),
    ]
