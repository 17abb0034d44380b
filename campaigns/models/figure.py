from django.db import models
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class DailyFigure(models.Model):
    """One number as it stood on one day, for the desk's home and the papers, which count nothing. It tells of nobody: what is
    kept is already in tens, or blank where it would tell of a few."""

    class Name(models.TextChoices):
        REACHED = "reached", _("people reached, in 30 days")
        MESSAGES = "messages", _("messages sent, in 30 days")
        ORDERS = "orders", _("orders of people in campaigns, in 30 days")
        WORTH = "worth", _("worth of these orders")
        PROFIT = "profit", _("incremental profit of the campaigns, in 30 days")
        OVERLAP = "overlap", _("share of places in several campaigns")
        HOLDOUT = "holdout", _("incremental revenue against the global holdout")
        TREATED = "treated", _("money per person in campaigns, in 30 days")
        HELD_OUT = "held_out", _("money per person, had they been held out")
        EFFECT = "effect", _("effect per person of a campaign, in 30 days")
        KNOWN = "known", _("known customers")
        ALLOWS = "allows", _("share of customers who allow it")
        SENT = "sent", _("messages sent, in 7 days")
        CAME_BACK = "came_back", _("share of messages that came back, in 7 days")
        HERE = "here", _("people under a law, visitors too")
        MAY = "may", _("people who allow it, visitors too")

    day = models.DateField(_("day"))
    name = models.CharField(_("figure"), max_length=10, choices=Name)
    # The purpose that is allowed, the code of the law, the slug of the campaign or holdout, the kind of notice; empty where there is one only.
    about = models.CharField(_("of what"), max_length=80, blank=True)
    value = models.FloatField(_("value"), null=True, help_text=_("Empty: too few, or it cannot be told yet."))
    low = models.FloatField(_("from"), null=True)
    high = models.FloatField(_("to"), null=True)
    people = models.PositiveBigIntegerField(_("of so many people, in tens"), null=True)
    # Why there is no value, or what to know about it; a word of `campaigns.figures`.
    why = models.CharField(_("remark"), max_length=20, blank=True)
    counted_at = models.DateTimeField(pgettext_lazy("when", "counted"))

    class Meta:
        verbose_name, verbose_name_plural = _("daily figure"), _("daily figures")
        constraints = [
            models.UniqueConstraint(fields=["day", "name", "about"], name="a_figure_stands_once_a_day")
        ]

    def __str__(self) -> str:
        day = date_format(self.day, "SHORT_DATE_FORMAT")
        return " · ".join(filter(None, (day, self.get_name_display(), self.about)))
