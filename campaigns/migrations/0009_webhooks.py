import django.db.models.deletion
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0008_soft_opt_in'),
        ('customers', '0010_few_of_many_are_found_by_an_index'),
        ('recommender', '0008_trust'),
    ]

    operations = [
        migrations.CreateModel(
            name='WebhookEndpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('url', models.URLField(help_text='It begins with https://.', max_length=500, verbose_name='address')),
                ('types', models.JSONField(default=list, verbose_name='is told')),
                ('receiver', models.CharField(choices=[('own', "the shop's own system"), ('partner', 'a partner')], max_length=10, verbose_name='who receives')),
                ('sealed', models.BinaryField(default=bytes, verbose_name='sealed secrets')),
                ('rotated_at', models.DateTimeField(blank=True, null=True, verbose_name='secret renewed')),
                ('cursors', models.JSONField(default=dict, editable=False, verbose_name='looked at up to')),
                ('paused_at', models.DateTimeField(blank=True, null=True, verbose_name='paused')),
                ('paused_because', models.CharField(blank=True, choices=[('person', 'by a person'), ('failing', 'nothing arrived for five days'), ('gone', 'the receiver said 410: it is gone')], max_length=10, verbose_name='paused because')),
                ('failing_since', models.DateTimeField(blank=True, null=True, verbose_name='nothing arrives since')),
                ('failures', models.PositiveIntegerField(default=0, verbose_name='failures in a row')),
                ('rests_until', models.DateTimeField(blank=True, null=True, verbose_name='is left alone until')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
            ],
            options={
                'verbose_name': 'webhook',
                'verbose_name_plural': 'webhooks',
            },
        ),
        migrations.CreateModel(
            name='WebhookMessage',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('type', models.CharField(max_length=30, verbose_name='type')),
                ('fact', models.CharField(max_length=40, verbose_name='row')),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('sending', 'being sent'), ('sent', 'arrived'), ('failed', 'given up'), ('withheld', 'withheld')], default='waiting', max_length=10, verbose_name='state')),
                ('reason', models.CharField(blank=True, choices=[('no_permission', 'the person does not allow it'), ('gone', 'there is no such row any more'), ('restricted', "the person's data are restricted")], max_length=20, verbose_name='reason')),
                ('attempt', models.PositiveIntegerField(default=0, verbose_name='attempt')),
                ('tries', models.PositiveSmallIntegerField(default=0, verbose_name='tries')),
                ('not_before', models.DateTimeField(verbose_name='not before')),
                ('lease_until', models.DateTimeField(blank=True, null=True, verbose_name='claimed until')),
                ('history', models.JSONField(blank=True, default=list, verbose_name='attempts')),
                ('occurred_at', models.DateTimeField(verbose_name='happened')),
                ('gathered_at', models.DateTimeField(verbose_name='gathered')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended')),
            ],
            options={
                'verbose_name': 'webhook message',
                'verbose_name_plural': 'webhook messages',
            },
        ),
        migrations.AddField(
            model_name='decision',
            name='written_at',
            field=models.DateTimeField(auto_now_add=True, null=True, verbose_name='written'),
        ),
        migrations.AddField(
            model_name='webhookendpoint',
            name='key',
            field=models.OneToOneField(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='webhook', to='customers.personkey', verbose_name='key'),
        ),
        migrations.AddField(
            model_name='webhookmessage',
            name='customer',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='webhook_messages', to='customers.customer', verbose_name='customer'),
        ),
        migrations.AddField(
            model_name='webhookmessage',
            name='endpoint',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='campaigns.webhookendpoint', verbose_name='webhook'),
        ),
        migrations.AddConstraint(
            model_name='webhookendpoint',
            constraint=models.CheckConstraint(condition=models.Q(('receiver__in', ['own', 'partner'])), name='a_webhook_says_who_receives'),
        ),
        migrations.AddIndex(
            model_name='webhookmessage',
            index=models.Index(condition=models.Q(('state', 'waiting')), fields=['endpoint', 'not_before', 'id'], name='webhook_messages_that_wait'),
        ),
        migrations.AddIndex(
            model_name='webhookmessage',
            index=models.Index(condition=models.Q(('lease_until__isnull', False)), fields=['lease_until'], name='webhook_messages_leased'),
        ),
        migrations.AddIndex(
            model_name='webhookmessage',
            index=models.Index(fields=['endpoint', 'state', 'ended_at'], name='webhook_messages_by_fate'),
        ),
        migrations.AddIndex(
            model_name='webhookmessage',
            index=models.Index(fields=['gathered_at'], name='webhook_messages_by_age'),
        ),
        migrations.AddConstraint(
            model_name='webhookmessage',
            constraint=models.UniqueConstraint(fields=('endpoint', 'type', 'fact'), name='a_fact_is_handed_over_once_a_webhook'),
        ),
    ]
