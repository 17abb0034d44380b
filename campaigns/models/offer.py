from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.questions import Given


class OfferQuerySet(models.QuerySet["Offer"]):
    def in_force(self, at: datetime | Given) -> "OfferQuerySet":
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
        UNIQUE = "unique", _("one code a person, made when it is needed")
        POOL = "pool", _("one code a person, from a pool")
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
    eligibility = models.JSONField(
        _("only for"),
        null=True,
        blank=True,
        help_text=_("A segment rule, asked anew at every decision. Empty: whoever the campaign is for."),
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
    low_stock_at = models.PositiveIntegerField(
        _("warn when so many codes are left"), null=True, blank=True, default=100
    )
    max_discount = models.DecimalField(
        _("at most off one order"), max_digits=12, decimal_places=2, null=True, blank=True
    )
    budget = models.DecimalField(_("discount budget"), max_digits=14, decimal_places=2, null=True, blank=True)
    used_percent = models.PositiveSmallIntegerField(
        _("share who will use it, percent"),
        default=100,
        help_text=_(
            "What is set aside of the budget for each person: this share of the most they can take off."
        ),
    )
    # Counters of the caps; changed only by conditional updates, so that no race passes them.
    given = models.PositiveIntegerField(_("given"), default=0)
    discount_given = models.DecimalField(_("discount given"), max_digits=14, decimal_places=2, default=0)
    discount_reserved = models.DecimalField(
        _("discount set aside"), max_digits=14, decimal_places=2, default=0
    )
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
            models.CheckConstraint(
                condition=Q(budget__isnull=True) | Q(discount_given__lte=models.F("budget")),
                name="an_offer_never_costs_more_than_its_budget",
            ),
            models.CheckConstraint(
                condition=Q(used_percent__lte=100), name="no_more_than_everyone_uses_a_code"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class OfferCap(models.Model):
    """How often an offer may be given, shown, clicked or used: in all or by one person, ever or in each period."""

    class Event(models.TextChoices):
        DECIDED = "decided", _("chosen for someone")
        CLICKED = "clicked", _("clicked")
        REDEEMED = "redeemed", _("used at the till")

    class Scope(models.TextChoices):
        TOTAL = "total", _("in all")
        CUSTOMER = "customer", _("by each customer")

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="caps", verbose_name=_("offer"))
    event = models.CharField(_("counts when"), max_length=10, choices=Event, default=Event.DECIDED)
    scope = models.CharField(_("counted"), max_length=10, choices=Scope, default=Scope.CUSTOMER)
    placement = models.ForeignKey(
        "campaigns.Placement",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="caps",
        verbose_name=_("placement"),
        help_text=_("Empty: everywhere together."),
    )
    most = models.PositiveIntegerField(_("at most"))
    every_days = models.PositiveSmallIntegerField(
        _("in so many days"),
        null=True,
        blank=True,
        help_text=_("Counted anew each such period. Empty: ever."),
    )

    class Meta:
        verbose_name, verbose_name_plural = _("cap"), _("caps")
        constraints = [
            models.CheckConstraint(
                condition=Q(every_days__isnull=True) | Q(every_days__gte=1),
                name="a_period_has_a_day_at_least",
            )
        ]

    def __str__(self) -> str:
        return f"{self.most:,} · {self.get_event_display()} · {self.get_scope_display()}"


class CapCount(models.Model):
    """How much of a cap that counts all together is used up in one period; changed only by conditional updates."""

    cap = models.ForeignKey(OfferCap, on_delete=models.CASCADE, related_name="counts", verbose_name=_("cap"))
    period = models.IntegerField(_("period"), default=0)
    used = models.PositiveIntegerField(_("used"), default=0)

    class Meta:
        verbose_name, verbose_name_plural = _("count of a cap"), _("counts of caps")
        constraints = [
            models.UniqueConstraint(fields=["cap", "period"], name="a_cap_is_counted_once_a_period")
        ]

    def __str__(self) -> str:
        return f"{self.cap_id}: {self.period}"
