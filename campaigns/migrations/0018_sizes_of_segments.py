import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0017_journeys_are_counted_and_people_taken_out'),
    ]

    operations = [
        migrations.CreateModel(
            name='SegmentSize',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(db_index=True, verbose_name='day')),
                ('people', models.PositiveIntegerField(null=True, verbose_name='people, to the nearest ten')),
                ('reachable', models.PositiveIntegerField(null=True, verbose_name='of them reachable by e-mail, to the nearest ten')),
                ('segment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sizes', to='campaigns.segment', verbose_name='segment')),
            ],
            options={
                'verbose_name': 'size of a segment',
                'verbose_name_plural': 'sizes of segments',
            },
        ),
        migrations.AddConstraint(
            model_name='segmentsize',
            constraint=models.UniqueConstraint(fields=('segment', 'day'), name='a_segment_is_measured_once_a_day'),
        ),
    ]
