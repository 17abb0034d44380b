"""Shopify and WooCommerce shops, what their numbers mean, and what they delivered."""

import django.db.models.deletion
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0003_learnt'),
        ('customers', '0010_few_of_many_are_found_by_an_index'),
    ]

    operations = [
        migrations.CreateModel(
            name='ShopConnection',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('shopify', 'Shopify'), ('woocommerce', 'WooCommerce')], max_length=12, verbose_name='kind')),
                ('label', models.CharField(max_length=100, verbose_name='label')),
                ('domain', models.CharField(help_text='As the shop names itself: garden.myshopify.com, or www.garden.example. No path.', max_length=200, verbose_name='domain')),
                ('currency', models.CharField(help_text="Of the shop's prices, such as EUR: the shop's messages about products do not say it.", max_length=3, verbose_name='currency')),
                ('prefix', models.CharField(blank=True, help_text="Put before this shop's numbers of customers and orders, so that two shops do not share them. Leave it empty for the shop whose numbers your other programs use. It cannot be changed later.", max_length=20, verbose_name='prefix')),
                ('sealed', models.BinaryField(default=bytes, verbose_name='sealed secrets')),
                ('is_active', models.BooleanField(default=True, help_text='Off: its address answers 404.', verbose_name='takes deliveries')),
                ('forget_asked_at', models.DateTimeField(blank=True, null=True, verbose_name='asked to forget everything')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('key', models.OneToOneField(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='shop', to='customers.personkey', verbose_name='key')),
            ],
            options={
                'verbose_name': 'connected shop',
                'verbose_name_plural': 'connected shops',
            },
        ),
        migrations.CreateModel(
            name='ShopDelivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(max_length=100, verbose_name='number of the delivery')),
                ('topic', models.CharField(max_length=60, verbose_name='topic')),
                ('at', models.DateTimeField(verbose_name='received')),
                ('problems', models.JSONField(blank=True, default=list, verbose_name='could not be used')),
                ('order_id', models.CharField(blank=True, max_length=100, verbose_name='waits for the order')),
                ('waiting', models.JSONField(blank=True, default=list, verbose_name='returns that wait')),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='customers.shopconnection', verbose_name='connected shop')),
            ],
            options={
                'verbose_name': 'delivery of a shop',
                'verbose_name_plural': 'deliveries of shops',
            },
        ),
        migrations.CreateModel(
            name='ShopProduct',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('item', models.CharField(max_length=60, verbose_name="shop's number of the product")),
                ('variant', models.CharField(max_length=60, verbose_name="shop's number of the variant")),
                ('told_at', models.DateTimeField(verbose_name='told')),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='products', to='customers.shopconnection', verbose_name='connected shop')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='in_shops', to='catalog.product', verbose_name='product')),
            ],
            options={
                'verbose_name': 'product of a shop',
                'verbose_name_plural': 'products of shops',
            },
        ),
        migrations.AddConstraint(
            model_name='shopconnection',
            constraint=models.UniqueConstraint(fields=('prefix',), name='two_shops_share_no_numbers'),
        ),
        migrations.AddIndex(
            model_name='shopdelivery',
            index=models.Index(fields=['connection', 'order_id'], name='waits_for_order'),
        ),
        migrations.AddIndex(
            model_name='shopdelivery',
            index=models.Index(fields=['at'], name='shop_delivery_at'),
        ),
        migrations.AddConstraint(
            model_name='shopdelivery',
            constraint=models.UniqueConstraint(fields=('connection', 'number'), name='a_shop_s_delivery_acts_once'),
        ),
        migrations.AddIndex(
            model_name='shopproduct',
            index=models.Index(fields=['connection', 'item'], name='variants_of_item'),
        ),
        migrations.AddConstraint(
            model_name='shopproduct',
            constraint=models.UniqueConstraint(fields=('connection', 'variant'), name='a_variant_is_one_product'),
        ),
    ]
