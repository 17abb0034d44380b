"""How many stood in a segment, day by day."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from campaigns.models.campaign import Segment


class SegmentSize(models.Model):
    """One segment on one day. Kept as it may be told: in tens, and of fewer than 20 only that they are fewer (N1)."""

    segment = models.ForeignKey(
        Segment, on_delete=models.CASCADE, related_name="sizes", verbose_name=_("segment")
    )
    day = models.DateField(_("day"), db_index=True)
    people = models.PositiveIntegerField(_("people, to the nearest ten"), null=True)
    reachable = models.PositiveIntegerField(_("of them reachable by e-mail, to the nearest ten"), null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("size of a segment"), _("sizes of segments")
        constraints = [
            models.UniqueConstraint(fields=["segment", "day"], name="a_segment_is_measured_once_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.segment} {self.day:%Y-%m-%d}"
