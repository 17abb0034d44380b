"""What we sell. Knows nobody."""

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Category(models.Model):
    name = models.CharField(_("name"), max_length=200, unique=True)
    slug = models.SlugField(_("slug"), max_length=200, unique=True, allow_unicode=True)
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="children",
        verbose_name=_("parent"),
    )

    class Meta:
        verbose_name, verbose_name_plural = _("category"), _("categories")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ProductQuerySet(models.QuerySet["Product"]):
    def listed(self) -> "ProductQuerySet":
        """What may be shown: described by the shop, not only seen in an event."""
        return self.filter(is_listed=True)

    def sellable(self) -> "ProductQuerySet":
        return self.listed().filter(in_stock=True)


class Product(models.Model):
    sku = models.CharField(_("SKU"), max_length=100, unique=True)
    title = models.CharField(_("title"), max_length=500)
    description = models.TextField(_("description"), blank=True)
    category = models.ForeignKey(
        Category,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="products",
        verbose_name=_("category"),
    )
    brand = models.CharField(_("brand"), max_length=200, blank=True)
    price = models.DecimalField(_("price"), max_digits=12, decimal_places=2, null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    in_stock = models.BooleanField(_("in stock"), default=True)
    is_listed = models.BooleanField(
        _("listed"),
        default=True,
        help_text=_("Off for products only known from an event, until the shop describes them."),
    )
    is_learnt = models.BooleanField(
        _("learnt from events"),
        default=False,
        help_text=_("Known only from what people did with it; the shop's own feed has not described it."),
    )
    image_url = models.URLField(_("picture"), max_length=1000, blank=True)
    url = models.URLField(_("address"), max_length=1000, blank=True)
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True, db_index=True)

    objects: ClassVar = ProductQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("product"), _("products")
        constraints = [
            models.CheckConstraint(
                condition=Q(price__isnull=True) | Q(price__gte=Decimal(0)), name="a_price_is_never_negative"
            )
        ]
        indexes = [models.Index(fields=["brand", "id"], name="products_by_brand")]

    def __str__(self) -> str:
        return f"{self.title} ({self.sku})"


class CatalogueStamp(models.Model):
    """By what a process tells that a product changed since it read the catalogue. Triggers of the database write it.

    A row for each writer at once, so that none waits for another; a new number drawn by chance with each change.
    """

    value = models.BigIntegerField(_("number"))

    class Meta:
        verbose_name, verbose_name_plural = _("catalogue stamp"), _("catalogue stamps")

    def __str__(self) -> str:
        return str(self.pk)


class ProductChange(models.Model):
    """Price and stock as they were from `at` on."""

    product = models.ForeignKey(
        Product, on_delete=models.CASCADE, related_name="changes", verbose_name=_("product")
    )
    price = models.DecimalField(_("price"), max_digits=12, decimal_places=2, null=True)
    in_stock = models.BooleanField(_("in stock"))
    at = models.DateTimeField(_("since"))

    class Meta:
        verbose_name, verbose_name_plural = _("price and stock change"), _("price and stock history")
        indexes = [models.Index(fields=["product", "at"])]

    def __str__(self) -> str:
        return f"{self.product_id} {self.price} {self.at:%Y-%m-%d}"


class Review(models.Model):
    product = models.ForeignKey(
        Product, on_delete=models.CASCADE, related_name="reviews", verbose_name=_("product")
    )
    # A number, not a foreign key: the catalogue knows nobody. Erasure removes the rows by this number.
    author_id = models.BigIntegerField(_("author"), null=True, blank=True, db_index=True)
    source = models.CharField(_("source"), max_length=50)
    message_id = models.CharField(_("message id"), max_length=100)
    rating = models.PositiveSmallIntegerField(_("rating"), null=True, blank=True)
    title = models.CharField(_("title"), max_length=300, blank=True)
    text = models.TextField(_("text"), blank=True)
    locale = models.CharField(_("language"), max_length=20, blank=True)
    sentiment = models.FloatField(
        _("sentiment"), null=True, blank=True, help_text=_("Probability that it is favourable.")
    )
    # A number, not a foreign key: the catalogue knows no models. A review without a text has it, and no sentiment.
    sentiment_model = models.BigIntegerField(
        _("sentiment told by model"), null=True, blank=True, editable=False
    )
    # Who of the staff read it and said what it says; no model judges it any more.
    corrected_by = models.CharField(
        _("sentiment corrected by"), max_length=150, blank=True, default="", db_default="", editable=False
    )
    written_at = models.DateTimeField(_("written"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("review"), _("reviews")
        constraints = [
            models.UniqueConstraint(fields=["source", "message_id"], name="a_review_is_kept_once"),
            models.CheckConstraint(
                condition=Q(rating__isnull=True) | Q(rating__range=(1, 5)), name="a_rating_is_one_to_five"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product_id}: {self.rating}"
