"""How segments grow: a row a day for each, written at night, and read as a line over time."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from campaigns.models import Campaign, Segment, SegmentSize
from campaigns.segments.everyone import waterfall
from campaigns.segments.reading import InvalidRule
from customers.few import in_tens, is_small

SHOWN_DAYS = 90
KEPT_DAYS = 400
"""A year, and the same season of the last one."""


def measure_due(*, at: datetime) -> int:
    """Measure every segment that has no row of this day, by the shop's clock; answers how many were measured.

    Each is kept by itself, so that what was broken off goes on where it was; two at once write one row. A rule that
    may not be asked now has no row that day. Rows that were kept long enough go.
    """
    day = timezone.localdate(at)
    SegmentSize.objects.filter(day__lt=day - timedelta(days=KEPT_DAYS)).delete()
    measured = 0
    for segment in Segment.objects.exclude(sizes__day=day).order_by("pk").iterator(chunk_size=200):
        try:
            found = waterfall(segment, channel=Campaign.Channel.EMAIL, at=at)
        except InvalidRule:
            continue
        row = SegmentSize(
            segment=segment, day=day, people=_kept(found["matched"]), reachable=_kept(found["sendable"])
        )
        SegmentSize.objects.bulk_create([row], ignore_conflicts=True)
        measured += 1
    return measured


def _kept(n: int) -> int | None:
    """Nobody is fewer than 20 too: a segment may be of one person."""
    return None if is_small(n) or n == 0 else in_tens(n)


def history(segment: Segment, *, at: datetime, days: int = SHOWN_DAYS) -> Sequence[SegmentSize]:
    """The rows of the last days, oldest first. One query."""
    since = timezone.localdate(at) - timedelta(days=days)
    return list(segment.sizes.filter(day__gt=since).order_by("day"))
