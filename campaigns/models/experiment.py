from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.models.campaign import Campaign, Message, new_salt
from catalog.moments import told_time


class Variant(models.Model):
    """One of several messages of a campaign, and the share of the treated who get it."""

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="variants", verbose_name=_("campaign")
    )
    key = models.SlugField(pgettext_lazy("of a version", "key"), max_length=20)
    name = models.CharField(_("name"), max_length=100, blank=True)
    message = models.ForeignKey(
        Message, on_delete=models.PROTECT, related_name="variants", verbose_name=_("message")
    )
    weight = models.PositiveSmallIntegerField(_("weight"), default=1)

    class Meta:
        verbose_name, verbose_name_plural = _("variant"), _("variants")
        ordering = ["key"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "key"], name="a_variant_s_key_stands_once_in_a_campaign"
            ),
            models.CheckConstraint(condition=Q(weight__gte=1), name="a_variant_has_a_weight"),
        ]

    def __str__(self) -> str:
        return self.name or self.key


class ShareChange(models.Model):
    """The shares of a campaign's variants from a moment on, and what they rest on. A row a change, kept."""

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="share_changes", verbose_name=_("campaign")
    )
    at = models.DateTimeField(_("in force since"))
    # {variant key: share}, adding up to 1
    shares = models.JSONField(_("shares"))
    # {variant key: {"people": …, "successes": …}}
    rests_on = models.JSONField(_("rests on"), default=dict)

    class Meta:
        verbose_name, verbose_name_plural = _("change of shares"), _("changes of shares")
        constraints = [
            models.UniqueConstraint(fields=["campaign", "at"], name="shares_change_once_at_a_time")
        ]

    def __str__(self) -> str:
        return f"{self.campaign} · {told_time(self.at)}"


class Holdout(models.Model):
    """People whom no campaign writes to for a while, to measure what all campaigns together do."""

    slug = models.SlugField(_("slug"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=200)
    percent = models.DecimalField(_("share, percent"), max_digits=5, decimal_places=2)
    salt = models.CharField(_("salt"), max_length=32, default=new_salt, editable=False)
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("holdout"), _("holdouts")
        constraints = [
            models.CheckConstraint(condition=Q(percent__gt=0, percent__lt=100), name="a_holdout_is_a_share"),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=models.F("starts_at")),
                name="a_holdout_ends_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return self.name
