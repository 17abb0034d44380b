from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.models.offer import Offer
from catalog.moments import told_time


class Placement(models.Model):
    """A place where offers show: how many, in what order, and what shows when none is left."""

    class Channel(models.TextChoices):
        EMAIL = "email", _("e-mail")
        ONSITE = "onsite", _("in the shop")

    class Ranking(models.TextChoices):
        PRIORITY = "priority", _("by priority, then by what suits the person")
        FORMULA = "formula", _("by a formula")
        BANDIT = "bandit", _("by what works best for everybody (Thompson sampling)")
        PERSONAL = "personal", _("by what works best for the person")
        UPLIFT = "uplift", _("by what changes most for the person")

    class Success(models.TextChoices):
        CLICKED = "clicked", _("a click")
        ORDERED = "ordered", _("an order")

    slug = models.SlugField(_("slug"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=200)
    channel = models.CharField(_("channel"), max_length=10, choices=Channel, default=Channel.ONSITE)
    slots = models.PositiveSmallIntegerField(_("offers at once"), default=1)
    ranking = models.CharField(_("ranking"), max_length=10, choices=Ranking, default=Ranking.PRIORITY)
    # [{"when": segment rule or null, "value": expression}], the first that matches counts.
    formula = models.JSONField(_("formula"), default=list, blank=True)
    success = models.CharField(
        _("what counts as success"), max_length=10, choices=Success, default=Success.ORDERED
    )
    explore_percent = models.PositiveSmallIntegerField(
        _("chosen by chance, percent"),
        default=0,
        help_text=_("Of so many decisions the offer is drawn evenly from those that may be shown."),
    )
    allow_duplicates = models.BooleanField(
        _("may show what another placement shows the same person"), default=False
    )
    fallback = models.ForeignKey(
        Offer,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="fallback_of",
        verbose_name=_("shown when nothing else is left"),
        help_text=_("Whatever its dates and rules say. Only an offer without codes and caps."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("placement"), _("placements")
        constraints = [
            models.CheckConstraint(
                condition=Q(slots__gte=1, slots__lte=30), name="a_placement_has_1_to_30_slots"
            ),
            models.CheckConstraint(condition=Q(explore_percent__lte=100), name="exploration_is_a_share"),
        ]

    def __str__(self) -> str:
        return self.name


class RankingState(models.Model):
    """What a bandit knows of a placement's offers, and the shares in force since `at`. A row an update, kept."""

    placement = models.ForeignKey(
        Placement, on_delete=models.CASCADE, related_name="states", verbose_name=_("placement")
    )
    at = models.DateTimeField(_("in force since"))
    # {offer slug: {"people": …, "successes": …, "share": …}}
    arms = models.JSONField(_("offers"), default=dict)
    method = models.CharField(_("method"), max_length=20)

    class Meta:
        verbose_name, verbose_name_plural = _("state of a ranking"), _("states of rankings")
        constraints = [
            models.UniqueConstraint(fields=["placement", "at"], name="a_ranking_has_one_state_at_a_time")
        ]

    def __str__(self) -> str:
        return f"{self.placement} · {told_time(self.at)}"
