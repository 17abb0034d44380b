"""Headlines of reports worked out anew in the background, so that the list of results is never older than a day."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db.models import F, Max, Min, Q, QuerySet

from campaigns import disclosure
from campaigns.models import Campaign, Headline
from campaigns.reports.headline import STALE_AFTER

log = structlog.get_logger()
LEASE = timedelta(minutes=15)
"""Whoever began a report and has not finished it by then has died: another begins it."""
AT_ONCE = timedelta(seconds=50)
"""A ring of the clock works no longer than this; what is left waits for the next."""
BY = "the desk"
NOT_PLANNED = (Campaign.Status.DRAFT, Campaign.Status.APPROVED)
WAITS = Q(asked_at__isnull=False) & (Q(at__isnull=True) | Q(at__lt=F("asked_at")))


@dataclass(frozen=True)
class Progress:
    """Of the newest wish: how many reports, how many are done, and in how many seconds the rest may be."""

    total: int
    done: int
    left_s: int | None
    by: str

    @property
    def is_at_work(self) -> bool:
        return self.done < self.total

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total else 100


def stale(*, at: datetime) -> QuerySet[Headline]:
    """Rows of which `headline.is_stale` holds. What failed is tried again after a day, or when somebody asks."""
    is_settled = Q(ends_at__isnull=False, ends_at__lte=F("at"))
    old = Headline.objects.filter(Q(at__isnull=True) | (Q(at__lt=at - STALE_AFTER) & ~is_settled))
    return old.exclude(~Q(trouble="") & Q(begun_at__gte=at - STALE_AFTER))


def unknown() -> QuerySet[Campaign]:
    """Campaigns that were launched and have no headline yet."""
    return Campaign.objects.exclude(status__in=NOT_PLANNED).filter(headline__isnull=True)


def ask(*, by: str, at: datetime) -> int:
    """Have every report worked out anew whose people are still measured, and every one that failed; answers how many."""
    _begin_rows()
    is_settled = Q(ends_at__isnull=False, ends_at__lte=F("at"), trouble="")
    open_ones = Headline.objects.exclude(is_settled & Q(at__isnull=False)).exclude(WAITS)
    return open_ones.update(asked_at=at, asked_by=by[:150], begun_at=None)


def cancel() -> int:
    """Let go of what has not been begun; what is being worked out is finished. Answers how many."""
    return Headline.objects.filter(WAITS, begun_at__isnull=True).update(asked_at=None, asked_by="")


def progress(*, at: datetime) -> Progress:
    """One or two queries."""
    waiting = Headline.objects.filter(WAITS)
    newest = waiting.aggregate(newest=Max("asked_at"))["newest"]
    if newest is None:
        return Progress(0, 0, None, "")
    wish = Headline.objects.filter(asked_at=newest)
    total, left = wish.count(), wish.filter(WAITS).count()
    done = total - left
    first = wish.aggregate(at=Min("at"), by=Max("asked_by"))
    taken = (at - newest).total_seconds()
    return Progress(total, done, round(taken / done * left) if done else None, first["by"] or "")


def work_due(*, clock: Callable[[], datetime]) -> int:
    """Work out what waits and what is stale, the oldest first, for at most `AT_ONCE`; answers how many."""
    began, done = clock(), 0
    _begin_rows()
    stale(at=began).exclude(WAITS).update(asked_at=began, asked_by=BY, begun_at=None)
    waiting = Headline.objects.filter(WAITS).order_by("asked_at", "pk").values_list("pk", flat=True)
    for pk in list(waiting[:1000]):
        if clock() - began > AT_ONCE:
            break
        done += _work(pk, at=clock())
    return done


def _begin_rows() -> None:
    rows = [Headline(campaign_id=pk) for pk in unknown().values_list("pk", flat=True)[:1000]]
    Headline.objects.bulk_create(rows, ignore_conflicts=True)


def _work(pk: int, *, at: datetime) -> bool:
    """Take the row, work out its report, and keep it; False where somebody else has it."""
    mine = Headline.objects.filter(WAITS, pk=pk).filter(Q(begun_at__isnull=True) | Q(begun_at__lt=at - LEASE))
    if not mine.update(begun_at=at):
        return False
    row = Headline.objects.select_related("campaign").get(pk=pk)
    try:
        disclosure.released(row.campaign, at=at, by=BY)
    except Exception:  # whatever is wrong with one campaign, the others' numbers are worked out
        log.exception("a report could not be worked out", campaign=row.campaign_id)
        Headline.objects.filter(pk=pk).update(asked_at=None, trouble="failed")
        return False
    return True
