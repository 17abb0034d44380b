"""The page of a campaign's report: the verdict in words, what stands behind it, and its tables to take along."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from campaigns import disclosure, reports
from campaigns.admin import report_words, words
from campaigns.admin.charts import Chart, Line
from campaigns.admin.private import PrivatePages
from campaigns.models import Campaign, Delivery
from campaigns.reports import FEWEST_ORDERS, FEWEST_PEOPLE, Cell, Day, Expected, Report, SegmentRow, sheets
from catalog.pages import told_time
from recommender.serving.affinity import NothingLearnt

TABLE_WORDS = {
    "headline": _("The headline"),
    "waterfall": _("Who, and who not"),
    "days": _("Day by day"),
    "segments": _("Segments and offers"),
    "variants": _("Variants"),
}
PART_WORDS = {
    "people": _("People, money and effect"),
    "waterfall": _("Who, and who not"),
    "codes": _("Codes"),
    "attributed": _("Attributed orders"),
    "touched": _("Opened and clicked"),
}
# What the report says where no variant can be named.
gettext_noop("The variants have sizes that chance does not make: someone was lost on the way to one.")
gettext_noop("Cannot tell yet: not every variant has enough people and buyers.")
gettext_noop("Cannot tell yet which is better.")


class ReportPages(PrivatePages):
    """The report of a row of Campaign, as a page and as files."""

    def report_urls(self) -> list[URLPattern]:
        def own(route: str, view: Any, name: str) -> URLPattern:
            page: URLPattern = path(route, self.admin_site.admin_view(view), name=name)
            return page

        return [
            own("<int:pk>/report/", self.report_view, "campaigns_campaign_report"),
            own("<int:pk>/report/<str:file>", self.file_view, "campaigns_campaign_report_file"),
            *self.private_urls(),
        ]

    def _campaign(self, request: HttpRequest, pk: int) -> Campaign:
        campaign: Campaign | None = self.get_object(request, str(pk))
        if campaign is None:
            raise Http404
        if not self.has_view_permission(request, campaign):
            raise PermissionDenied
        return campaign

    def _report(self, request: HttpRequest, campaign: Campaign) -> Report:
        now = timezone.now()
        until = now if request.GET.get("until") == "now" else None
        return disclosure.released(campaign, at=now, until=until, by=request.user.get_username())

    def file_view(self, request: HttpRequest, pk: int, file: str) -> HttpResponse:
        """report.json, or one of the tables as NAME.csv; the same numbers as the page's."""
        campaign = self._campaign(request, pk)
        name, _dot, kind = file.rpartition(".")
        if file == "report.json":
            text = json.dumps(self._report(request, campaign).as_dict(), indent=1, ensure_ascii=False)
            answer = HttpResponse(text, content_type="application/json")
        elif kind == "csv" and name in sheets.SHEETS:
            rows = sheets.sheet(self._report(request, campaign), name)
            # Spreadsheets take UTF-8 for what it is only with its mark.
            answer = HttpResponse("\ufeff" + sheets.as_csv(rows), content_type="text/csv; charset=utf-8")
        else:
            raise Http404
        answer["Content-Disposition"] = f'attachment; filename="{campaign.slug}-{file}"'
        return answer

    def report_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        campaign = self._campaign(request, pk)
        report = self._report(request, campaign)
        effect, lists = report.effect, lists_of(campaign)
        query = "?until=now" if request.GET.get("until") == "now" else ""
        return self.own_page(
            request,
            "admin/desk/report.html",
            title=gettext("Report: %s") % campaign,
            row=campaign,
            report=report,
            verdict=report_words.verdict(report),
            warnings=warnings(report),
            effect=effect,
            interval=report_words.interval(effect.low, effect.high, effect.per_person) if effect else None,
            money=report_words.report_money(report),
            looks=looks(report),
            over_time=over_time(report.days, report.currency),
            winner=winner(report),
            **self._matrix(request, campaign, report),
            bars=words.bars(report.waterfall, fates=report.fates, links=lists, at_least=report.at_least),
            disclosed=disclosed(report),
            touched={
                f"{kind}{by}": words.few(report.touched.get(f"{kind}{by}", 0))
                for kind in ("opened", "clicked")
                for by in ("", "_by_machine")
            },
            suppressed=[
                (Delivery.Reason(reason).label, words.few(n))
                for reason, n in sorted(report.suppressed_at_sending.items())
            ],
            lists=lists,
            files=files(campaign, report, query),
        )

    def _matrix(self, request: HttpRequest, campaign: Campaign, report: Report) -> dict[str, Any]:
        """Segments and their offers; beside them, when asked for, what the live model expects."""
        if "expected" not in request.GET:
            return {"matrix": matrix(report, {})}
        try:
            found = reports.expected(campaign, at=timezone.now())
        except NothingLearnt as reason:
            return {"matrix": matrix(report, {}), "nothing_expected": str(reason)}
        return {"matrix": matrix(report, found), "is_expected": True}


def matrix(
    report: Report, expected: Mapping[tuple[str, str], Expected]
) -> list[tuple[SegmentRow, list[tuple[Cell, str]]]]:
    """Each segment with its offers, and in words who is expected to buy; of a blank cell nothing is told."""

    def told(row: SegmentRow, cell: Cell) -> str:
        one = expected.get((row.segment, cell.offer))
        if one is None or cell.people is None:
            return ""
        return f"{one.buyers:,.0f} ({one.low:,.0f} … {one.high:,.0f})"

    return [(row, [(cell, told(row, cell)) for cell in row.cells]) for row in report.segments]


def lists_of(campaign: Campaign) -> dict[str, str]:
    """Where the people behind each number are listed."""
    deliveries = f"{reverse('admin:campaigns_delivery_changelist')}?run__campaign__id__exact={campaign.pk}"
    decisions = f"{reverse('admin:campaigns_decision_changelist')}?campaign__id__exact={campaign.pk}"
    outcomes = f"{reverse('admin:campaigns_outcome_changelist')}?decision__campaign__id__exact={campaign.pk}"
    codes = f"{reverse('admin:campaigns_code_changelist')}?decisions__campaign__id__exact={campaign.pk}"
    return {
        "sendable": deliveries,
        "held_out": f"{decisions}&arm__exact=control",
        "treated": f"{decisions}&arm__exact=treated",
        "opened": f"{outcomes}&kind__exact=opened",
        "clicked": f"{outcomes}&kind__exact=clicked",
        "ordered": f"{outcomes}&kind__exact=ordered",
        "codes": codes,
        **{status: f"{deliveries}&status__exact={status}" for status in words.FATES},
    }


def files(campaign: Campaign, report: Report, query: str) -> list[tuple[str, str]]:
    """(words, address) of what can be taken along; tables without rows are left out."""

    def address(file: str) -> str:
        return reverse("admin:campaigns_campaign_report_file", args=[campaign.pk, file]) + query

    empty = {"days": not report.days, "segments": not report.segments, "variants": report.variants is None}
    found = [
        (f"{told} (CSV)", address(f"{name}.csv")) for name, told in TABLE_WORDS.items() if not empty.get(name)
    ]
    return [*found, (gettext("All of it (JSON)"), address("report.json"))]


def warnings(report: Report) -> list[str]:
    """What blurs the numbers, in words."""
    found = []
    if report.mixes_arms:
        found.append(
            gettext(
                "%s people stand in both arms, as happens when two records become one person: the effect is blurred."
            )
            % f"{report.in_two_arms:,}"
        )
    if report.still_measured and not report.is_over:
        found.append(
            gettext("The window of %s people is still open: their part of the effect is still to come.")
            % f"{report.still_measured:,}"
        )
    return found


def disclosed(report: Report) -> list[str]:
    """What is held back or repeated so that nobody is told by a number, in words."""
    found = [
        gettext(
            "Where “–” or “too few to show” stands, a number would tell of fewer than %(people)s people, or of fewer "
            "than %(buyers)s who bought or clicked."
        )
        % {"people": FEWEST_PEOPLE, "buyers": FEWEST_ORDERS}
    ]
    found += [
        gettext("%(part)s: as shown on %(at)s. Since then too few people changed for new numbers.")
        % {"part": PART_WORDS[part], "at": told_time(at)}
        for part, at in report.kept_from.items()
    ]
    return found


def looks(report: Report) -> list[dict[str, str]]:
    """The rows beside the headline: the same question, seen in other ways."""
    beside = report.beside
    if beside is None:
        return []
    orders = beside.orders
    found = [
        {
            "words": gettext("Share who ordered (exploratory)"),
            "value": f"{orders.difference:+.1%}",
            "range": f"{orders.low:.1%} … {orders.high:.1%}",
        }
    ]
    if beside.bootstrap is not None:
        low, high = beside.bootstrap
        difference = (report.treated.per_person or 0.0) - (report.control.per_person or 0.0)
        found.append({
            "words": gettext("Revenue per person, by resampling people"),
            "value": words.money(difference, report.currency, sign=True),
            "range": f"{low:,.2f} … {high:,.2f}",
        })  # fmt: skip
    if beside.winsorised is not None:
        value, low, high = beside.winsorised
        told = gettext("Revenue per person, cut at %s") % words.money(beside.cap, report.currency)
        found.append({
            "words": told,
            "value": words.money(value, report.currency, sign=True),
            "range": f"{low:,.2f} … {high:,.2f}",
        })  # fmt: skip
    return found


def winner(report: Report) -> str:
    """Which variant won, in words; by money, never by opens."""
    found = report.variants
    if found is None:
        return ""
    if found.winner:
        name = next(row.name for row in found.rows if row.key == found.winner)
        return gettext("%s brought more money per person than every other variant.") % name
    told = gettext(found.why_no_winner) if found.why_no_winner else ""
    if found.people_needed:
        told += " " + gettext("About %s more people are needed.") % f"{found.people_needed:,}"
    return told


def over_time(days: Sequence[Day], currency: str) -> dict[str, Any] | None:
    """Two charts and their table; None while there are not two moments to join by a line."""
    if sum(day.effect is not None for day in days) < 2:
        return None
    moments = [day.until for day in days]
    effect = Chart.of(
        moments,
        Line(
            _("effect so far"),
            "treated",
            [day.effect for day in days],
            [(day.low, day.high) if day.low is not None and day.high is not None else None for day in days],
        ),
    )
    means = None
    if sum(day.treated is not None for day in days) >= 2:
        means = Chart.of(
            moments,
            Line(_("treated"), "treated", [day.treated for day in days]),
            Line(_("held out"), "control", [day.control for day in days]),
        )
    return {"effect": effect, "means": means, "days": days, "currency": currency}
