"""Where lists stand in the shop, and what was shown there."""

from datetime import timedelta
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from catalog.moments import told_time
from recommender.models.learnt import ModelVersion


class Placement(models.Model):
    """A place in the shop or in a mail where a list stands, and what may and should stand there."""

    class Mode(models.TextChoices):
        ALL = "all", _("everything that suits them")
        AGAIN = "again", _("buy again: what they bought before")
        NEW = "new", _("new to them: what they have neither bought nor looked at")

    class Bought(models.TextChoices):
        ALLOW = "allow", _("may be shown")
        ONLY = "only", _("nothing else is shown")
        EXCLUDE = "exclude", _("is left out")

    class Diversity(models.TextChoices):
        NONE = "none", _("none: best first")
        MMR = "mmr", _("each as unlike those above it as may be (maximal marginal relevance)")
        CALIBRATED = "calibrated", _("categories in the shares they have in the customer's past (calibrated)")

    class Relevance(models.TextChoices):
        LOW = "low", _("fill the list with bestsellers")
        HIGH = "high", _("only what suits this very customer, even if the list is short")

    name = models.CharField(_("name"), max_length=100)
    slug = models.SlugField(
        _("slug"),
        max_length=60,
        unique=True,
        help_text=_("The shop asks for this: GET /recommendations?placement=…"),
    )
    mode = models.CharField(_("what it is for"), max_length=5, choices=Mode, default=Mode.ALL)
    bought = models.CharField(
        _("what they bought already"), max_length=7, choices=Bought, default=Bought.ALLOW
    )
    bought_within_days = models.PositiveSmallIntegerField(
        _("bought in the last days"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Leave out only what was bought this recently; empty: ever, among the newest 200 acts."),
    )
    in_stock = models.BooleanField(_("only what is in stock"), default=True)
    categories = models.ManyToManyField(
        "catalog.Category",
        blank=True,
        related_name="placements",
        verbose_name=_("only these categories"),
        help_text=_("Empty: all."),
    )
    diversity = models.CharField(_("variety"), max_length=10, choices=Diversity, default=Diversity.NONE)
    strength = models.FloatField(
        _("how much variety counts"),
        default=0.3,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text=_("0: relevance alone; 1: variety alone. 0.3 is a good start."),
    )
    exploration = models.FloatField(
        _("share left to chance"),
        default=0.0,
        validators=[MinValueValidator(0.0), MaxValueValidator(0.3)],
        help_text=_(
            "0 to 0.3. Of the places, this share shows something by chance among what suits them, so that what is "
            "seldom shown can prove itself. How likely each was is kept with the list."
        ),
    )
    relevance = models.CharField(
        _("when too little suits them"), max_length=4, choices=Relevance, default=Relevance.LOW
    )
    is_measured = models.BooleanField(
        _("keep what was shown"),
        default=False,
        help_text=_(
            "Keeps every list shown to those who allow it, for 90 days: one row a request. Always on where a share is "
            "left to chance."
        ),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("placement"), _("placements")
        constraints = [
            models.CheckConstraint(
                condition=Q(exploration__gte=0, exploration__lte=0.3), name="chance_has_a_bounded_share"
            ),
            models.CheckConstraint(condition=Q(strength__gte=0, strength__lte=1), name="variety_is_a_share"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Rules that would leave every list empty are refused."""
        if self.mode == self.Mode.NEW and self.bought == self.Bought.ONLY:
            raise ValidationError(
                {"bought": _("A list of what is new to them cannot hold only what they bought.")}
            )
        leaves_out = self.bought == self.Bought.EXCLUDE
        if self.mode == self.Mode.AGAIN and leaves_out and not self.bought_within_days:
            raise ValidationError(
                {
                    "bought_within_days": _(
                        "A list to buy again cannot leave out all they bought; say since how many days."
                    )
                }
            )
        if self.bought_within_days and not leaves_out:
            raise ValidationError(
                {"bought_within_days": _("Days are counted only where what they bought is left out.")}
            )


class Promotion(models.Model):
    """Products that are to have a share of a placement's list, whoever looks at it."""

    placement = models.ForeignKey(
        Placement, on_delete=models.CASCADE, related_name="promotions", verbose_name=_("placement")
    )
    name = models.CharField(
        _("name"), max_length=60, help_text=_("Stands in the answer beside each product.")
    )
    percent = models.PositiveSmallIntegerField(
        _("at most, percent of the list"),
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("Rounded down: 25 % of ten places are two."),
    )
    priority = models.SmallIntegerField(
        _("priority"), default=0, help_text=_("The higher goes first where places are few.")
    )
    products = models.ManyToManyField("catalog.Product", blank=True, verbose_name=_("products"))
    categories = models.ManyToManyField(
        "catalog.Category", blank=True, verbose_name=_("or all of a category")
    )
    starts_at = models.DateTimeField(_("from"), null=True, blank=True)
    ends_at = models.DateTimeField(_("until"), null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("promotion"), _("promotions")
        constraints = [
            models.CheckConstraint(
                condition=Q(percent__gte=1, percent__lte=100), name="a_promotion_has_a_bounded_share"
            ),
            models.UniqueConstraint(fields=["placement", "name"], name="one_promotion_of_a_name_a_placement"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            raise ValidationError({"ends_at": _("It must end after it starts.")})


class Shown(models.Model):
    """A list as it was shown, with how likely each of its places was: what measuring and learning from it rest on.

    Kept only where the placement asks, and of a person only who allows both personalization and analytics.
    """

    kept_for: ClassVar[tuple[str, timedelta, Promise]] = (
        "at",
        timedelta(days=90),
        _("what came of a list is known by then"),
    )

    recommendation_id = models.UUIDField(_("recommendation"), unique=True)
    customer = models.ForeignKey(
        "customers.Customer",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="lists_shown",
        verbose_name=_("customer"),
    )
    placement = models.CharField(_("placement"), max_length=60)
    model = models.ForeignKey(
        ModelVersion, null=True, blank=True, on_delete=models.SET_NULL, verbose_name=_("model")
    )
    basis = models.CharField(_("basis of personalisation"), max_length=10, blank=True)
    # A number, not a foreign key: the proof outlives the row it points at.
    consent_record_id = models.BigIntegerField(_("ledger record"), null=True, blank=True)
    items = models.JSONField(
        _("items"), help_text=_("In the order shown: SKU, propensity and the name of its promotion.")
    )
    at = models.DateTimeField(_("shown"), db_index=True)

    class Meta:
        verbose_name, verbose_name_plural = _("list shown"), _("lists shown")
        constraints = [
            models.CheckConstraint(
                condition=Q(customer__isnull=True) | ~Q(basis=""), name="nobody_is_kept_without_a_basis"
            ),
            models.CheckConstraint(
                condition=~Q(basis="consent") | Q(consent_record_id__isnull=False),
                name="a_list_by_consent_names_its_record",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.placement} · {told_time(self.at)}"
