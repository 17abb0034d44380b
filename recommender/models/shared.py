from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from catalog.moments import told_time


class SharedStatistics(models.Model):
    """Noised item-to-item counts that went out to another installation or came in from one; nobody's rows."""

    class Direction(models.TextChoices):
        OUT = "out", _("given")
        IN = "in", pgettext_lazy("a file", "received")

    direction = models.CharField(_("direction"), max_length=3, choices=Direction)
    name = models.CharField(_("whose"), max_length=200)
    made_at = models.DateTimeField(_("made"))
    by = models.CharField(_("by"), max_length=150)
    # How many people it rests on, rounded down to a hundred, and what protects them.
    people = models.PositiveIntegerField(_("people, in round numbers"))
    pairs = models.PositiveIntegerField(_("pairs of products"))
    epsilon = models.FloatField(_("epsilon"))
    delta = models.FloatField(_("delta"))
    most_pairs = models.PositiveSmallIntegerField(_("most pairs of one person"))
    sha256 = models.CharField(_("SHA-256 of the file"), max_length=64, unique=True)
    # {"ndcg10_alone": …, "ndcg10_merged": …, …}: what it costs and brings, measured here.
    figures = models.JSONField(_("figures"), default=dict, blank=True)
    is_used = models.BooleanField(_("in use"), default=False)

    class Meta:
        verbose_name, verbose_name_plural = _("shared statistics"), _("shared statistics")
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return f"{self.name} · {told_time(self.made_at)}"
