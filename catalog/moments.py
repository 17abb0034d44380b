"""Moments in words, and the moments at which days begin and end."""

from datetime import date, datetime, time, timedelta

from django.utils import timezone
from django.utils.formats import date_format


def told_time(moment: datetime | None) -> str:
    """A moment in the reader's manner and zone."""
    return date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT") if moment else "–"


def beginning(day: date) -> datetime:
    """Its midnight by the reader's clock; of the first and the last day of the calendar that of a day beside them."""
    kept = min(max(day, date.min + timedelta(days=1)), date.max - timedelta(days=1))
    return timezone.make_aware(datetime.combine(kept, time()))


def end(day: date) -> datetime:
    """The midnight after it."""
    return beginning(min(day, date.max - timedelta(days=1)) + timedelta(days=1))
