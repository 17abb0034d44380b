from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0018_sizes_of_segments'),
    ]

    operations = [
        migrations.AlterField(
            model_name='dailyfigure',
            name='name',
            field=models.CharField(choices=[('reached', 'people reached, in 30 days'), ('messages', 'messages sent, in 30 days'), ('orders', 'orders of people treated, in 30 days'), ('worth', 'worth of these orders'), ('profit', 'incremental profit of the campaigns, in 30 days'), ('overlap', 'share of places in several campaigns'), ('holdout', 'incremental revenue against the global holdout'), ('treated', 'money per person treated, in 30 days'), ('held_out', 'money per person, had they been held out'), ('effect', 'effect per person of a campaign, in 30 days'), ('known', 'known customers'), ('allows', 'share of customers who allow it'), ('sent', 'messages sent, in 7 days'), ('came_back', 'share of messages that came back, in 7 days'), ('here', 'people under a law, visitors too'), ('may', 'people who allow it, visitors too')], max_length=10, verbose_name='figure'),
        ),
    ]
