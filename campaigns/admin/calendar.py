"""The calendar: a month of what is sent and when, which campaigns run all the time, and which meet the same people."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import agenda
from campaigns.admin import words
from campaigns.admin.path.check import CheckPages
from campaigns.admin.path.page import by_the_shops_clock
from campaigns.agenda import Due
from campaigns.models import Campaign, CampaignSegment
from customers import few

MOST_A_DAY = 8
MOST_COMPARED = 6
_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Entry:
    """One campaign on one day, however often it is due on it."""

    campaign: Campaign
    at: datetime
    times: int
    state: str
    """For its colour."""
    words: str
    link: str


@dataclass
class Day:
    date: date
    is_other: bool
    is_today: bool
    entries: list[Entry] = field(default_factory=list)
    more: int = 0
    clashes: list[str] = field(default_factory=list)


class CalendarPages(CheckPages):
    """The calendar of all campaigns."""

    def calendar_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path(
                "calendar/", view(by_the_shops_clock(self.calendar_view)), name="campaigns_campaign_calendar"
            ),
            path(
                "calendar/meets/",
                view(by_the_shops_clock(self.meets_view)),
                name="campaigns_campaign_calendar_meets",
            ),
        ]

    def calendar_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        now = timezone.now()
        year, number = _asked(request, now)
        since, until = agenda.month(year, number)
        dues = agenda.dues(since=since, until=until, at=now)
        days = weeks_of(dues, since=since, until=until, month=number, at=now)
        return self.own_page(
            request,
            "admin/desk/calendar.html",
            title=_("Calendar: %s") % date_format(date(year, number, 1), "YEAR_MONTH_FORMAT"),
            state=_state(dues, since=since, until=until, month=number),
            weeks=[days[n : n + 7] for n in range(0, len(days), 7)],
            weekdays=list(WEEKDAYS.values()),
            month=f"{year}-{number:02}",
            before=_beside(year, number, -1),
            after=_beside(year, number, 1),
            is_now=(year, number) == (timezone.localtime(now).year, timezone.localtime(now).month),
            running=[_always(row) for row in agenda.all_the_time(since=since, until=until)],
            has_any=bool(dues),
            may_add=self.has_add_permission(request),
        )

    def meets_view(self, request: HttpRequest) -> HttpResponse:
        """Which campaigns of the month write to the same people within three days. Asked for by itself: it counts."""
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        now = timezone.now()
        since, until = agenda.month(*_asked(request, now))
        dues = agenda.dues(since=max(since, now - agenda.NEAR), until=until, at=now)
        return TemplateResponse(
            request,
            "admin/desk/calendar_meets.html",
            meetings(dues, at=now, sees_people=words.sees_people(request)),
        )


def _asked(request: HttpRequest, now: datetime) -> tuple[int, int]:
    today = timezone.localtime(now)
    match = _MONTH.fullmatch(request.GET.get("month", ""))
    return (int(match[1]), int(match[2])) if match else (today.year, today.month)


def _beside(year: int, number: int, step: int) -> str:
    """The month before or after; empty beyond the years that are shown."""
    months = year * 12 + number - 1 + step
    found = f"{months // 12}-{months % 12 + 1:02}"
    return found if _MONTH.fullmatch(found) else ""


def weeks_of(dues: Sequence[Due], *, since: datetime, until: datetime, month: int, at: datetime) -> list[Day]:
    """Every day of the weeks shown, with one entry a campaign."""
    today, first = timezone.localtime(at).date(), timezone.localtime(since).date()
    n_days = (timezone.localtime(until).date() - first).days
    days = [first + timedelta(days=n) for n in range(n_days)]
    found = {day: Day(day, day.month != month, day == today) for day in days}
    for (day, _pk), group in groupby(
        sorted(dues, key=lambda due: (timezone.localtime(due.at).date(), due.campaign.pk)),
        key=lambda due: (timezone.localtime(due.at).date(), due.campaign.pk),
    ):
        if day in found:
            found[day].entries.append(_entry(list(group)))
    for shown in found.values():
        shown.entries.sort(key=lambda entry: entry.at)
        shown.more = max(0, len(shown.entries) - MOST_A_DAY)
        shown.entries = shown.entries[:MOST_A_DAY]
    _mark_clashes(list(found.values()))
    return list(found.values())


def _mark_clashes(days: Sequence[Day]) -> None:
    """Name the segments that several campaigns of one day are for. One query."""
    several = [day for day in days if len(day.entries) > 1]
    wanted = {entry.campaign.pk for day in several for entry in day.entries}
    names: dict[int, list[str]] = {}
    rows = CampaignSegment.objects.filter(campaign_id__in=wanted).values_list("campaign_id", "segment__name")
    for pk, name in rows:
        names.setdefault(pk, []).append(name)
    for day in several:
        counted = Counter(name for entry in day.entries for name in names.get(entry.campaign.pk, ()))
        day.clashes = [name for name, n in counted.items() if n > 1]


def _entry(dues: Sequence[Due]) -> Entry:
    first = min(dues, key=lambda due: due.at)
    campaign, run = first.campaign, first.run
    state = campaign.status if run is None or run.state == "due" else run.state
    told = campaign.get_status_display() if run is None or run.state == "due" else run.get_state_display()
    return Entry(
        campaign,
        first.at,
        len(dues),
        state,
        str(told),
        reverse("admin:campaigns_campaign_path", args=[campaign.pk]),
    )


def _always(campaign: Campaign) -> dict[str, Any]:
    kind = _("in the shop") if campaign.channel == Campaign.Channel.ONSITE else _("journey")
    return {
        "name": campaign.name,
        "kind": kind,
        "status": campaign.get_status_display(),
        "link": reverse("admin:campaigns_campaign_path", args=[campaign.pk]),
    }


def _state(dues: Sequence[Due], *, since: datetime, until: datetime, month: int) -> str:
    of_month = [due for due in dues if timezone.localtime(due.at).month == month]
    if not of_month:
        return _("Nothing is sent in this month.")
    n, campaigns = len(of_month), len({due.campaign.pk for due in of_month})
    sent = ngettext("%s sending", "%s sendings", n) % n
    of = ngettext("of %s campaign", "of %s campaigns", campaigns) % campaigns
    return _("%(sendings)s %(campaigns)s in this month.") % {"sendings": sent, "campaigns": of}


def meetings(dues: Sequence[Due], *, at: datetime, sees_people: bool) -> dict[str, Any]:
    """Pairs that are due within three days of each other and share people, in tens.

    To whoever may not see people a pair that shares a few is none: a campaign for one person would ask about them (N1).

    The next six campaigns that are due close to another are compared; of more only that there are.
    """
    coming = [due for due in dues if due.campaign.status != Campaign.Status.CANCELLED]
    close: dict[tuple[int, int], datetime] = {}
    for n, one in enumerate(coming):
        for other in coming[n + 1 :]:
            if other.at - one.at > agenda.NEAR:
                break
            if other.campaign.pk != one.campaign.pk:
                pair = (min(one.campaign.pk, other.campaign.pk), max(one.campaign.pk, other.campaign.pk))
                close.setdefault(pair, one.at)
    rows = {due.campaign.pk: due.campaign for due in coming}
    asked = list(dict.fromkeys(pk for pair in close for pk in pair))
    found = []
    for mine, theirs, people in agenda.pairs([rows[pk] for pk in asked[:MOST_COMPARED]], at=at):
        when = close.get((min(mine.pk, theirs.pk), max(mine.pk, theirs.pk)))
        if when is not None and (sees_people or people >= few.FEWEST_PEOPLE):
            found.append(
                {
                    "one": mine.name,
                    "other": theirs.name,
                    "at": when,
                    "people": few.told_in_tens(people),
                    "link": reverse("admin:campaigns_campaign_check", args=[mine.pk]),
                }
            )
    return {
        "found": found,
        "fewest": 0 if sees_people else few.FEWEST_PEOPLE,
        "not_compared": max(0, len(asked) - MOST_COMPARED),
    }
