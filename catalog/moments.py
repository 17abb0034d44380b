"""Moments in words."""

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format


def told_time(moment: datetime | None) -> str:
    """A moment in the reader's manner and zone."""
    return date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT") if moment else "–"
