from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class OfferQuerySet(models.QuerySet["Offer"]):
    def in_force(self, at: datetime) -> "OfferQuerySet":
        """Approved and within their dates; a start or end left open does not bound."""
        return self.filter(
            Q(starts_at__isnull=True) | Q(starts_at__lte=at),
            Q(ends_at__isnull=True) | Q(ends_at__gt=at),
            status=Offer.Status.APPROVED,
        )


class Offer(models.Model):
    """A benefit, for some products, between two dates, so and so often."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        APPROVED = "approved", _("approved")
        ARCHIVED = "archived", _("archived")

    class Benefit(models.TextChoices):
        PERCENT = "percent", _("percent off")
        AMOUNT = "amount", _("amount off")
        FREE_SHIPPING = "free_shipping", _("free shipping")

    class CodeKind(models.TextChoices):
        UNIQUE = "unique", _("one code a person")
        NONE = "none", _("no code")

    slug = models.SlugField(_("slug"), max_length=80, unique=True)
    title = models.CharField(_("title"), max_length=200)
    description = models.TextField(_("description"), blank=True)
    translations = models.JSONField(
        _("translations"),
        default=dict,
        blank=True,
        help_text=_('{"zh-hans": {"title": "…", "description": "…"}}'),
    )
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT)
    benefit = models.CharField(_("benefit"), max_length=15, choices=Benefit)
    value = models.DecimalField(_("value"), max_digits=12, decimal_places=2, default=0)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    minimum_amount = models.DecimalField(_("minimum order"), max_digits=12, decimal_places=2, default=0)
    categories = models.ManyToManyField(
        "catalog.Category",
        blank=True,
        related_name="offers",
        verbose_name=_("categories"),
        help_text=_("Empty: everything."),
    )
    priority = models.IntegerField(_("priority"), default=0, help_text=_("Higher wins."))
    starts_at = models.DateTimeField(_("from"), null=True, blank=True)
    ends_at = models.DateTimeField(_("until"), null=True, blank=True)
    code_kind = models.CharField(_("codes"), max_length=10, choices=CodeKind, default=CodeKind.UNIQUE)
    code_prefix = models.CharField(_("code begins with"), max_length=10, blank=True)
    code_valid_days = models.PositiveIntegerField(_("code valid for days"), default=30)
    max_total = models.PositiveIntegerField(_("at most, in all"), null=True, blank=True)
    max_per_customer = models.PositiveIntegerField(
        _("at most, per customer"), null=True, blank=True, default=1
    )
    budget = models.DecimalField(_("discount budget"), max_digits=14, decimal_places=2, null=True, blank=True)
    # Counters of the caps; changed only by conditional updates, so that no race passes them.
    given = models.PositiveIntegerField(_("given"), default=0)
    discount_given = models.DecimalField(_("discount given"), max_digits=14, decimal_places=2, default=0)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects: ClassVar = OfferQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("offer"), _("offers")
        constraints = [
            models.CheckConstraint(condition=Q(value__gte=0), name="a_benefit_is_never_negative"),
            models.CheckConstraint(
                condition=~Q(benefit="percent") | Q(value__lte=100), name="no_more_than_all_of_the_price"
            ),
            models.CheckConstraint(
                condition=Q(max_total__isnull=True) | Q(given__lte=models.F("max_total")),
                name="an_offer_is_never_given_more_often_than_its_cap",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Code(models.Model):
    """A promotion code for one person."""

    class State(models.TextChoices):
        FREE = "free", _("free")
        ASSIGNED = "assigned", _("assigned")
        RESERVED = "reserved", _("reserved")
        REDEEMED = "redeemed", _("redeemed")
        REVERSED = "reversed", _("reversed")
        EXPIRED = "expired", _("expired")

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="codes", verbose_name=_("offer"))
    value = models.CharField(_("code"), max_length=40, unique=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.FREE)
    customer = models.ForeignKey(
        "customers.Customer",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="codes",
        verbose_name=_("customer"),
    )
    assigned_at = models.DateTimeField(_("assigned"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("code"), _("codes")
        constraints = [
            models.UniqueConstraint(
                fields=["offer", "customer"],
                condition=Q(customer__isnull=False),
                name="a_person_has_one_code_of_an_offer",
            )
        ]
        indexes = [models.Index(fields=["offer", "state"])]

    def __str__(self) -> str:
        return self.value


class Redemption(models.Model):
    code = models.ForeignKey(
        Code, on_delete=models.PROTECT, related_name="redemptions", verbose_name=_("code")
    )
    customer = models.ForeignKey(
        "customers.Customer", null=True, blank=True, on_delete=models.SET_NULL, verbose_name=_("redeemed by")
    )
    order_id = models.CharField(_("order"), max_length=100)
    amount = models.DecimalField(_("order amount"), max_digits=14, decimal_places=2)
    discount = models.DecimalField(_("discount"), max_digits=14, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    at = models.DateTimeField(_("at"))
    reversed_at = models.DateTimeField(_("reversed"), null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("redemption"), _("redemptions")
        constraints = [
            models.UniqueConstraint(
                fields=["code"], condition=Q(reversed_at__isnull=True), name="a_code_is_redeemed_once"
            )
        ]
        indexes = [models.Index(fields=["order_id"])]

    def __str__(self) -> str:
        return f"{self.code_id} {self.order_id}"
