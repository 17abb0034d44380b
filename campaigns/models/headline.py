from django.db import models
from django.utils.translation import gettext_lazy as _

from campaigns.models.campaign import Campaign


class Headline(models.Model):
    """The newest report of a campaign in one row, as it was shown, so that a list of many asks no person's history.

    A row waits to be worked out anew from `asked_at` until its numbers are younger; the row is the queue.
    """

    class Verdict(models.TextChoices):
        EARNED = "earned", _("earned")
        COST = "cost", _("cost")
        CANNOT_TELL = "cannot_tell", _("cannot tell yet")
        NONE = "none", _("not readable")

    campaign = models.OneToOneField(
        Campaign, on_delete=models.CASCADE, related_name="headline", verbose_name=_("campaign")
    )
    at = models.DateTimeField(_("worked out"), null=True, blank=True)
    began_at = models.DateTimeField(_("measured since"), null=True, blank=True)
    # The end of the last person's window; empty while nobody can know it.
    ends_at = models.DateTimeField(_("measured until"), null=True, blank=True)
    verdict = models.CharField(_("verdict"), max_length=12, choices=Verdict, default=Verdict.NONE)
    per_person = models.FloatField(_("effect per person"), null=True, blank=True)
    low = models.FloatField(_("from"), null=True, blank=True)
    high = models.FloatField(_("to"), null=True, blank=True)
    # As they were shown: empty where they would tell of a few.
    treated = models.PositiveIntegerField(_("in the campaign"), null=True, blank=True)
    control = models.PositiveIntegerField(_("held out"), null=True, blank=True)
    # The report without its days and segments.
    report = models.JSONField(_("report"), default=dict, blank=True)
    asked_at = models.DateTimeField(_("asked for"), null=True, blank=True)
    asked_by = models.CharField(_("asked by"), max_length=150, blank=True)
    begun_at = models.DateTimeField(_("begun"), null=True, blank=True)
    trouble = models.CharField(_("trouble"), max_length=300, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("report"), _("reports")
        indexes = [models.Index(fields=["asked_at"])]

    def __str__(self) -> str:
        return str(self.campaign)
