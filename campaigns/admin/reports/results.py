"""Results of all campaigns at a glance: their verdicts in a list, what is being tested, and two of them side by side."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from campaigns import renewals
from campaigns.admin import words
from campaigns.admin.charts import Dots, Interval, Scale
from campaigns.admin.reports import comparing, results_words, tests_running
from campaigns.admin.reports.charts import date, told_interval
from campaigns.models import Headline
from campaigns.reports import sheets
from catalog.desk_lists import PreparedList
from catalog.pages import ReadOnly, shown, told_time

VERDICTS = {"earned": "success", "cost": "danger", "cannot_tell": "info", "none": "default"}


class PeriodFilter(SimpleListFilter):
    title = _("period")
    parameter_name = "since"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(days), gettext("measured in the last %s days") % days) for days in (30, 90, 365)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Headline]) -> QuerySet[Headline]:
        """Whatever was still measured then; without a known end it still is."""
        if self.value() not in ("30", "90", "365"):
            return queryset
        since = timezone.now() - timedelta(days=int(self.value() or 0))
        return queryset.filter(began_at__isnull=False).exclude(ends_at__lt=since)


class ResultsList(PreparedList):
    """A row leads to the campaign's report, not to the row itself."""

    def url_for_result(self, result: Headline) -> str:
        return reverse("admin:campaigns_campaign_report", args=[result.campaign_id])


def _with_note(told: str, note: str) -> SafeString:
    """A cell with a smaller line under it, where there is something to say."""
    under = format_html('<small class="desk-under">{}</small>', note) if note else ""
    return format_html('<span class="desk-cell">{}{}</span>', told, under)


@admin.register(Headline)
class HeadlineAdmin(ReadOnly):
    about = _(
        "Here every launched campaign stands with what it caused, as soon as it is measured. The first step is a campaign "
        "with a control group: launch one, and its verdict appears here by itself."
    )
    list_display = (
        "campaign",
        "told_state",
        "told_verdict",
        "told_drawing",
        "told_effect",
        "told_treated",
        "told_held_out",
        "told_measured",
        "told_at",
    )
    list_select_related = ("campaign",)
    list_filter = ("campaign__status", "campaign__channel", "verdict", PeriodFilter)
    search_fields = ("campaign__name", "campaign__slug")
    ordering = ("-began_at", "-id")
    list_before_template = "admin/desk/results.html"
    fields = ("campaign", "verdict", ("at", "began_at", "ends_at"), ("treated", "control"))

    class Media:
        css = {"all": ("desk/report.css",)}

    # --- the list --------------------------------------------------------------------------------------------

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[Any]:
        return ResultsList

    def prepare(self, rows: Sequence[Any]) -> None:
        """Intervals in one currency stand on one scale, so that rows can be compared by eye."""
        pairs: dict[str, list[tuple[float, float]]] = {}
        for row in rows:
            row.shown = results_words.shown(row)
            row.currency = row.shown.currency if row.shown else ""
            if row.low is not None and row.high is not None:
                pairs.setdefault(row.currency, []).append((row.low, row.high))
        scales = {currency: Scale.for_most(found) for currency, found in pairs.items()}
        for row in rows:
            row.dots = None
            if row.low is not None and row.high is not None and row.per_person is not None:
                one = Interval("", "", row.per_person, row.low, row.high, row.verdict)
                row.dots = Dots.of([one], scales[row.currency])

    @shown(_("status"), order="campaign__status")
    def told_state(self, row: Headline) -> str:
        return f"{row.campaign.get_status_display()} · {row.campaign.get_channel_display()}"

    @shown(_("verdict"), order="verdict")
    def told_verdict(self, row: Any) -> SafeString:
        why = results_words.why(row, row.shown)
        chip = format_html('<b class="desk-verdict is-{}">{}</b>', row.verdict, row.get_verdict_display())
        return _with_note(chip, why)

    @shown(_("on one scale"))
    def told_drawing(self, row: Any) -> str:
        if row.dots is None:
            return "–"
        told = told_interval(row.per_person, row.low, row.high)
        context = {"dot": row.dots.rows[0], "zero": row.dots.zero, "told": told}
        return render_to_string("admin/desk/results_drawing.html", context)

    @shown(_("effect per person"), order="per_person")
    def told_effect(self, row: Any) -> str:
        if row.per_person is None or row.low is None or row.high is None:
            return "–"
        return f"{told_interval(row.per_person, row.low, row.high)} {row.currency}"

    @shown(_("in the campaign"), order="treated")
    def told_treated(self, row: Headline) -> str:
        return "–" if row.at is None else words.few(row.treated)

    @shown(_("held out"), order="control")
    def told_held_out(self, row: Headline) -> str:
        return "–" if row.at is None else words.few(row.control)

    @shown(_("window"), order="began_at")
    def told_measured(self, row: Headline) -> str:
        if row.began_at is None:
            return "–"
        end = date(row.ends_at) if row.ends_at else gettext("no end set")
        return f"{date(row.began_at)} – {end}"

    @shown(_("worked out"), order="at")
    def told_at(self, row: Headline) -> SafeString:
        return _with_note(told_time(row.at), results_words.age(row, at=timezone.now()))

    # --- its pages -------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        def own(route: str, view: Any, name: str) -> URLPattern:
            page: URLPattern = path(
                route, self.admin_site.admin_view(view), name=f"campaigns_headline_{name}"
            )
            return page

        pages = [
            own("renew/", require_POST(self.renew_view), "renew"),
            own("cancel/", require_POST(self.cancel_view), "cancel"),
            own("reports.csv", self.export_view, "export"),
            own("experiments/", self.experiments_view, "experiments"),
            own("compare/", self.compare_view, "compare"),
        ]
        return pages + super().get_urls()  # type: ignore[no-any-return]

    def has_renew_permission(self, request: HttpRequest) -> bool:
        """Working everything out is a deed of whoever runs campaigns; each report may be looked at by whoever sees it."""
        return bool(request.user.has_perm("campaigns.change_campaign"))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        now = timezone.now()
        context = {
            "title": gettext("Reports"),
            "progress": renewals.progress(at=now),
            "unknown": renewals.unknown().count(),
            "old": renewals.stale(at=now).count(),
            "verdicts": results_words.verdicts(),
            "may_renew": self.has_renew_permission(request),
            "query": request.GET.urlencode(),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def _may_look(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def renew_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_renew_permission(request):
            raise PermissionDenied
        n = renewals.ask(by=request.user.get_username(), at=timezone.now())
        told = ngettext(
            "%s report is being worked out anew. You may leave; the list follows by itself.",
            "%s reports are being worked out anew. You may leave; the list follows by itself.",
            n,
        )
        if n:
            messages.success(request, told % n)
        else:
            messages.info(
                request, gettext("Nothing can have changed: every window is over, or it is being worked out.")
            )
        return HttpResponseRedirect(reverse("admin:campaigns_headline_changelist"))

    def cancel_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_renew_permission(request):
            raise PermissionDenied
        renewals.cancel()
        messages.success(
            request, gettext("Stopped. What was done stays; the others keep the numbers they had.")
        )
        return HttpResponseRedirect(reverse("admin:campaigns_headline_changelist"))

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """The list as it is filtered, sorted and searched, for a spreadsheet."""
        self._may_look(request)
        try:
            found = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters as reason:
            raise Http404 from reason
        text = sheets.as_csv(results_words.rows(found))
        answer = HttpResponse("\ufeff" + text, content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="reports.csv"'
        return answer

    def experiments_view(self, request: HttpRequest) -> HttpResponse:
        self._may_look(request)
        found = tests_running.found(at=timezone.now())
        return self.own_page(
            request,
            "admin/desk/experiments.html",
            title=gettext("Experiments"),
            tests=found,
            state=tests_running.state(found),
        )

    def compare_view(self, request: HttpRequest) -> HttpResponse:
        self._may_look(request)
        is_asked = "b" in request.GET
        form = comparing.CompareForm(
            request.GET if is_asked else None, initial={"a": request.GET.get("a", "")}
        )
        context: dict[str, Any] = {"form": form}
        if form.is_bound and form.is_valid():
            context |= comparing.page(*form.headlines())
        return self.own_page(
            request,
            "admin/desk/compare.html",
            title=gettext("Two campaigns side by side"),
            **context,
        )
