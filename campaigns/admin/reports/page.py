"""The page of a campaign's report: the verdict in words, what stands behind it, and its tables to take along."""

import json
from datetime import timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext

from campaigns import disclosure, reports
from campaigns.admin import words
from campaigns.admin.private import PrivatePages
from campaigns.admin.reports import charts as report_charts
from campaigns.admin.reports import parts as report_parts
from campaigns.admin.reports import words as report_words
from campaigns.models import Campaign, Delivery
from campaigns.reports import Report, sheets
from catalog.pages import told_time
from recommender.serving.affinity import NothingLearnt

JUST_NOW = timedelta(minutes=1)


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
        """The campaign's report: a large one as it was worked out last, unless a new one is asked for."""
        now = timezone.now()
        until = now if request.GET.get("until") == "now" else None
        if until is None and "fresh" not in request.GET:
            last = disclosure.kept(campaign, at=now)
            if last is not None:
                return last
        return disclosure.released(campaign, at=now, until=until, by=request.user.get_username())

    def file_view(self, request: HttpRequest, pk: int, file: str) -> HttpResponse:
        """report.json, or one of the tables as NAME.csv; the same numbers as the page's."""
        campaign = self._campaign(request, pk)
        name, _dot, kind = file.rpartition(".")
        if file != "report.json" and not (kind == "csv" and name in sheets.SHEETS):
            raise Http404
        report = self._report(request, campaign)
        if kind == "json":
            text = json.dumps(report.as_dict(), indent=1, ensure_ascii=False)
            answer = HttpResponse(text, content_type="application/json")
        else:
            rows = sheets.sheet(report, name)
            # Spreadsheets take UTF-8 for what it is only with its mark.
            answer = HttpResponse("\ufeff" + sheets.as_csv(rows), content_type="text/csv; charset=utf-8")
        of = timezone.localtime(report.at).date()
        answer["Content-Disposition"] = f'attachment; filename="{campaign.slug}-{name}-{of}.{kind}"'
        return answer

    def report_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        campaign = self._campaign(request, pk)
        report = self._report(request, campaign)
        lists = report_parts.lists_of(request, campaign)
        query = next((f"?{one}" for one in ("until=now", "fresh=1") if one in request.GET.urlencode()), "")
        return self.own_page(
            request,
            "admin/desk/report.html",
            title=gettext("Report: %s") % campaign,
            row=campaign,
            report=report,
            verdict=report_words.verdict(report),
            state=report_parts.state(campaign, report),
            **report_parts.whom(report),
            refused_tries=words.few(report.codes["refused"]),
            is_early=query == "?until=now",
            is_kept=report.at < timezone.now() - JUST_NOW,
            made={"at": told_time(report.at), "by": request.user.get_username()},
            warnings=report_parts.warnings(report),
            effect=report.effect,
            money=report_words.report_money(report),
            looks=report_parts.looks(report),
            winner=report_parts.winner(report),
            pairs=report_parts.pairs(report),
            profit=report_parts.profit(report),
            disclosed=report_parts.disclosed(report),
            **_charts(report, lists),
            **self._matrix(request, campaign, report),
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
            csv=report_parts.addresses(campaign, query),
            files=report_parts.files(campaign, report, query),
            compare=reverse("admin:campaigns_headline_compare") + f"?a={campaign.slug}",
        )

    def _matrix(self, request: HttpRequest, campaign: Campaign, report: Report) -> dict[str, Any]:
        """Segments and their offers; in each square, when asked for, what the live model expects."""
        offers, rows = report_charts.matrix(report, {})
        if "expected" not in request.GET:
            return {"offers": offers, "matrix": rows}
        try:
            found = reports.expected(campaign, at=timezone.now())
        except NothingLearnt as reason:
            return {"offers": offers, "matrix": rows, "nothing_expected": str(reason)}
        offers, rows = report_charts.matrix(report, found)
        return {"offers": offers, "matrix": rows, "is_expected": True}


def _charts(report: Report, lists: dict[str, str]) -> dict[str, Any]:
    return {
        "dots": report_charts.effect_dots(report),
        "over_time": report_charts.over_time(report.days, report.currency),
        "bars": report_charts.waterfall(report, lists),
        "segment_dots": report_charts.segment_dots(report),
        "variant_dots": report_charts.variant_dots(report),
        "funnel": report_charts.funnel(report, lists),
    }
