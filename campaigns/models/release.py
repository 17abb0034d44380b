from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.models.campaign import Campaign
from catalog.moments import told_time


class SavedReport(models.Model):
    """A report that left the desk (shown, exported), cell by cell, so that the next one cannot be subtracted from it."""

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="saved_reports", verbose_name=_("campaign")
    )
    at = models.DateTimeField(_("at"))
    by = models.CharField(_("by"), max_length=150)
    # {"cell": people}: the sizes of what was shown.
    cells = models.JSONField(_("cells"), default=dict)

    class Meta:
        verbose_name, verbose_name_plural = _("saved report"), _("saved reports")
        indexes = [models.Index(fields=["campaign", "-at"])]

    def __str__(self) -> str:
        return gettext("Report of %s") % told_time(self.at)


class PrivacyBudget(models.Model):
    """How much may be told about the same people in all; whole millionths of epsilon, spent and never given back."""

    name = models.SlugField(_("name"), max_length=60, unique=True)
    total = models.BigIntegerField(_("epsilon in all, in millionths"))
    spent = models.BigIntegerField(_("spent, in millionths"), default=0)
    delta = models.FloatField(_("delta"), default=0)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("privacy budget"), _("privacy budgets")
        constraints = [
            models.CheckConstraint(
                condition=Q(spent__gte=0) & Q(spent__lte=F("total")),
                name="a_privacy_budget_is_never_overspent",
            )
        ]

    def __str__(self) -> str:
        return self.name


class PrivateRelease(models.Model):
    """Numbers told with noise, kept: the same question gets the same answer and spends nothing again."""

    budget = models.ForeignKey(
        PrivacyBudget, on_delete=models.PROTECT, related_name="releases", verbose_name=_("privacy budget")
    )
    campaign = models.ForeignKey(
        Campaign,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="private_releases",
        verbose_name=_("campaign"),
    )
    question_sha256 = models.CharField(_("SHA-256 of the question"), max_length=64, unique=True)
    question = models.JSONField(_("question"))
    answer = models.JSONField(_("answer"))
    spent = models.BigIntegerField(_("spent, in millionths"))
    at = models.DateTimeField(_("at"))
    by = models.CharField(_("by"), max_length=150)

    class Meta:
        verbose_name, verbose_name_plural = _("private release"), _("private releases")
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.budget} · {told_time(self.at)}"


class FairnessCheck(models.Model):
    """Who would be, or was, selected and with what benefit, by group; kept beside the approval it was shown for."""

    class Moment(models.TextChoices):
        BEFORE = "before", _("before approval")
        AFTER = "after", _("after sending")

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="fairness_checks", verbose_name=_("campaign")
    )
    moment = models.CharField(_("when"), max_length=6, choices=Moment)
    at = models.DateTimeField(_("at"))
    by = models.CharField(_("by"), max_length=150)
    # {"attribute": {"groups": [...], "ratio": …, "low": …, "high": …}, …}
    figures = models.JSONField(_("figures"), default=dict)
    tripped = models.JSONField(_("trip-wires crossed"), default=list, blank=True)
    answered = models.CharField(_("what was answered"), max_length=500, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("fairness check"), _("fairness checks")
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.get_moment_display()} · {told_time(self.at)}"
