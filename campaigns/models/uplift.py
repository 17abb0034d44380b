from django.db import models
from django.utils.translation import gettext_lazy as _

from campaigns.models.campaign import Campaign
from catalog.moments import told_time


class UpliftStudy(models.Model):
    """What a campaign's own control group says about whom it changes, and whether aiming by it pays."""

    class State(models.TextChoices):
        ASKED = "asked", _("asked for")
        DONE = "done", _("done")
        REFUSED = "refused", _("cannot be told")

    class Advice(models.TextChoices):
        TARGET = "target", _("write to those whom it changes")
        ALL = "all", _("write to all")
        NONE = "none", _("write to none")

    class WhyNot(models.TextChoices):
        NO_CONTROL = "no_control", _("the campaign has no control group")
        NOBODY = "nobody", _("nobody of it may be measured and allows personalization")
        FEW_AN_ARM = "few_an_arm", _("each of its two groups needs 100 people, and one has fewer")

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="uplift_studies", verbose_name=_("campaign")
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.ASKED)
    asked_by = models.CharField(_("asked by"), max_length=150, blank=True)
    asked_at = models.DateTimeField(_("asked"))
    done_at = models.DateTimeField(_("done"), null=True, blank=True)
    people = models.PositiveIntegerField(_("people"), default=0)
    advice = models.CharField(_("advice"), max_length=10, choices=Advice, blank=True)
    is_sure = models.BooleanField(_("sure"), default=False)
    # Figures of recommender.algorithms.uplift: worths, Qini and its curve, per person of all.
    figures = models.JSONField(_("figures"), default=dict, blank=True)
    why = models.CharField(_("why not"), max_length=300, choices=WhyNot, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("uplift study"), _("uplift studies")

    def __str__(self) -> str:
        return f"{self.campaign} · {told_time(self.asked_at)}"


class UpliftScore(models.Model):
    """By how much a campaign is predicted to change one person's profit. Only where aiming by it was shown to pay."""

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="uplift_scores", verbose_name=_("campaign")
    )
    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.CASCADE,
        related_name="uplift_scores",
        verbose_name=_("customer"),
    )
    effect = models.FloatField(_("predicted effect"))

    is_inferred = True

    class Meta:
        verbose_name, verbose_name_plural = _("predicted effect"), _("predicted effects")
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "customer"], name="a_person_has_one_effect_a_campaign"
            )
        ]
        indexes = [models.Index(fields=["campaign", "effect"])]

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.effect:+.2f}"
