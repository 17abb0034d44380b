import uuid
from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from catalog.models import Product
from catalog.moments import told_time
from customers.models.customer import PersonKey


class ShopConnection(models.Model):
    """A Shopify or WooCommerce shop whose webhooks are taken in."""

    class Kind(models.TextChoices):
        SHOPIFY = "shopify", "Shopify"
        WOOCOMMERCE = "woocommerce", "WooCommerce"

    # Part of the address that the shop delivers to.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    label = models.CharField(_("label"), max_length=100)
    domain = models.CharField(
        _("domain"),
        max_length=200,
        help_text=_("As the shop names itself: garden.myshopify.com, or www.garden.example. No path."),
    )
    currency = models.CharField(
        _("currency"),
        max_length=3,
        help_text=_("Of the shop's prices, such as EUR: the shop's messages about products do not say it."),
    )
    prefix = models.CharField(
        _("prefix"),
        max_length=20,
        blank=True,
        help_text=_(
            "Put before this shop's numbers of customers and orders, so that two shops do not share them. Leave it empty "
            "for the shop whose numbers your other programs use. It cannot be changed later."
        ),
    )
    # A data key of its own, as a person has one: `rotate_keys` wraps it anew with all others.
    key = models.OneToOneField(
        PersonKey, on_delete=models.PROTECT, related_name="shop", verbose_name=_("key"), editable=False
    )
    sealed = models.BinaryField(_("sealed secrets"), default=bytes)
    is_active = models.BooleanField(
        _("takes deliveries"), default=True, help_text=_("Off: its address answers 404.")
    )
    forget_asked_at = models.DateTimeField(_("asked to forget everything"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("connected shop"), _("connected shops")
        constraints = [models.UniqueConstraint(fields=["prefix"], name="two_shops_share_no_numbers")]

    def __str__(self) -> str:
        return self.label

    @property
    def source(self) -> str:
        """What the events of this shop say they came by."""
        return f"{self.kind}:{self.pk.hex[:12]}"


class ShopProduct(models.Model):
    """What a shop's own numbers mean in our catalogue."""

    connection = models.ForeignKey(
        ShopConnection,
        on_delete=models.CASCADE,
        db_index=False,  # `a_variant_is_one_product` begins with it
        related_name="products",
        verbose_name=_("connected shop"),
    )
    product = models.ForeignKey(
        Product, on_delete=models.CASCADE, related_name="in_shops", verbose_name=_("product")
    )
    item = models.CharField(_("shop's number of the product"), max_length=60)
    variant = models.CharField(_("shop's number of the variant"), max_length=60)
    # Of a message from before this nothing is taken: messages may arrive in any order.
    told_at = models.DateTimeField(_("told"))

    class Meta:
        verbose_name, verbose_name_plural = _("product of a shop"), _("products of shops")
        constraints = [
            models.UniqueConstraint(fields=["connection", "variant"], name="a_variant_is_one_product")
        ]
        indexes = [models.Index(fields=["connection", "item"], name="variants_of_item")]

    def __str__(self) -> str:
        return f"{self.item}/{self.variant}"


class ShopDelivery(models.Model):
    """One delivery that was taken in, once; and what of it waits for its order or could not be used."""

    connection = models.ForeignKey(
        ShopConnection,
        on_delete=models.CASCADE,
        db_index=False,  # `a_shop_s_delivery_acts_once` begins with it
        related_name="deliveries",
        verbose_name=_("connected shop"),
    )
    number = models.CharField(_("number of the delivery"), max_length=100)
    topic = models.CharField(_("topic"), max_length=60)
    at = models.DateTimeField(_("received"))
    # Words of ours, no text of the shop's.
    problems = models.JSONField(_("could not be used"), default=list, blank=True)
    # A return that came before its order waits here: numbers and sums, nobody's name.
    order_id = models.CharField(_("waits for the order"), max_length=100, blank=True)
    waiting = models.JSONField(_("returns that wait"), default=list, blank=True)

    kept_for: ClassVar[tuple[str, timedelta, Promise]] = (
        "at",
        timedelta(days=30),
        _("a repeated delivery is known again, and a return waits for its order, for a month"),
    )

    class Meta:
        verbose_name, verbose_name_plural = _("delivery of a shop"), _("deliveries of shops")
        constraints = [
            models.UniqueConstraint(fields=["connection", "number"], name="a_shop_s_delivery_acts_once")
        ]
        indexes = [
            models.Index(fields=["connection", "order_id"], name="waits_for_order"),
            models.Index(fields=["at"], name="shop_delivery_at"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} · {told_time(self.at)}"
