"""The desk's page of a campaign: its state in words, what may be changed and when, its lists and its own pages."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns import checks, lifecycle, planning, recipes, targeting
from campaigns.admin import uplift, words
from campaigns.admin.calendar import CalendarPages
from campaigns.admin.fates import fates, newest_runs
from campaigns.admin.path import sizing
from campaigns.admin.path.begin import BeginPages
from campaigns.admin.path.page import by_the_shops_clock, path_of, told_problem
from campaigns.admin.progress import told_progress
from campaigns.admin.reports.page import ReportPages
from campaigns.models import Campaign, CampaignSegment, Variant
from catalog.desk_lists import PreparedList
from catalog.pages import Rows, shown
from customers import few


class DraftRows(Rows):
    """Rows that stand fast once the campaign is approved."""

    def _open(self, obj: Campaign | None) -> bool:
        return obj is None or obj.status == Campaign.Status.DRAFT

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._open(obj) and bool(super().has_add_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._open(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._open(obj) and bool(super().has_delete_permission(request, obj))


class AudienceRows(DraftRows):
    model = CampaignSegment
    autocomplete_fields = ("segment", "offers")
    verbose_name = _("audience")
    verbose_name_plural = _("Audience: who, and which offers they may get")


class VariantRows(DraftRows):
    model = Variant
    autocomplete_fields = ("message",)
    verbose_name = _("variant")
    verbose_name_plural = _("Variants: messages to compare; leave empty to send one message to everybody")


class CampaignList(PreparedList):
    """Each row leads to the campaign's path, where one goes on with it."""

    def url_for_result(self, result: Any) -> str:
        return path_of(result)


@admin.register(Campaign)
class CampaignAdmin(CalendarPages, BeginPages, ReportPages):
    about = _(
        "A campaign brings a segment, offers and a message together, and measures what it causes. Add one as a draft."
    )
    list_display = (
        "name",
        "told_status",
        "channel",
        "told_progress",
        "starts_at",
        "told_control",
        "updated_at",
    )
    list_filter = ("status", "kind", "channel", "topic", "tags")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    autocomplete_fields = ("message", "tags")
    readonly_fields = (
        "status",
        "created_by",
        "approved_by",
        "told_approved",
        "stopped_because",
        "created_at",
        "updated_at",
    )
    inlines = (AudienceRows, VariantRows)
    fieldsets = (
        (None, {"fields": (("name", "slug"),)}),
        (_("What and where"), {"fields": (("channel", "message"), ("topic", "placement"), "webhook_url")}),
        (_("When"), {"fields": (("kind", "recurrence"), "starts_at", "ends_at", "send_time")}),
        (
            _("How its effect is measured"),
            {
                "fields": (
                    ("control_percent", "window_days"),
                    ("margin_percent", "sending_cost"),
                    ("allocation", "ignores_holdout"),
                )
            },
        ),
        (
            _("Beside other campaigns, and when it stops by itself"),
            {"fields": (("priority", "tags"), ("stop_at_complaints", "stop_at_errors"))},
        ),
        (
            _("Record"),
            {
                "fields": (
                    ("status", "stopped_because"),
                    ("created_by", "approved_by", "told_approved"),
                    ("created_at", "updated_at"),
                )
            },
        ),
    )
    change_form_outer_before_template = "admin/desk/campaign_state.html"

    class Media:
        css = {"all": ("desk/campaign.css",)}
        js = ("desk/campaign.js",)

    # --- what may be changed, and when -----------------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = bool(super().has_change_permission(request, obj))
        return allowed and (obj is None or obj.status in (Campaign.Status.DRAFT, Campaign.Status.PAUSED))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deleting would take decisions and deliveries along: a campaign is archived."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None or obj.status == Campaign.Status.DRAFT:
            return self.readonly_fields
        names = {
            field.name for field in self.opts.fields if field.editable or field.name in self.readonly_fields
        }
        names -= {"approved_people", *lifecycle.WHILE_PAUSED}
        return (*sorted(names), "told_approved")

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Mapping[str, Sequence[str]]:
        return self.prepopulated_fields if obj is None else {}

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user.get_username()
        super().save_model(request, obj, form, change)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One begins with a goal; the whole form is for whoever asks for it."""
        wants_form = "form" in request.GET or "_popup" in request.GET
        wants_form |= request.method == "POST" and "goal" not in request.POST
        if wants_form:
            page: HttpResponse = super().add_view(request, form_url, extra_context)
            return page
        return self.begin_view(request)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[Any]:
        return CampaignList

    # --- the list --------------------------------------------------------------------------------------------

    def prepare(self, rows: Sequence[Any]) -> None:
        found = fates([campaign.pk for campaign in rows])
        for campaign in rows:
            campaign.fates = found.get(campaign.pk, Counter())

    @shown(_("status"), order="status", label=words.COLOURS)
    def told_status(self, campaign: Campaign) -> tuple[str, str]:
        return campaign.status, campaign.get_status_display()

    @shown(_("sent"))
    def told_progress(self, campaign: Any) -> str:
        if not campaign.fates.total():
            return "–"
        return gettext("%(sent)s of %(planned)s") % words.progress(campaign.fates)

    @shown(_("control group"), order="control_percent")
    def told_control(self, campaign: Campaign) -> str:
        return f"{campaign.control_percent.normalize():f} %"

    @shown(_("approved for so many people"))
    def told_approved(self, campaign: Campaign) -> str:
        return "–" if campaign.approved_people is None else few.told_in_tens(campaign.approved_people)

    # --- the page --------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        def own(route: str, view: Any, name: str) -> URLPattern:
            page: URLPattern = path(
                f"<int:pk>/{route}", self.admin_site.admin_view(view), name=f"campaigns_campaign_{name}"
            )
            return page

        pages = [
            own("size/", self.size_view, "size"),
            own("uplift/", self.uplift_view, "uplift"),
            own("copy/", self.copy_view, "copy"),
            own("progress/", by_the_shops_clock(self.progress_view), "progress"),
            *self.calendar_urls(),
            *self.path_urls(),
            *self.check_urls(),
            *self.step_urls(),
            *self.report_urls(),
        ]
        return pages + super().get_urls()  # type: ignore[no-any-return]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        if (campaign := context.get("original")) is not None:
            found = fates([campaign.pk]).get(campaign.pk, Counter())
            problems = []
            if campaign.status in (Campaign.Status.DRAFT, Campaign.Status.APPROVED):
                problems = checks.found(campaign, at=timezone.now())
            context |= {
                "state": words.state(campaign, found, len(problems)),
                "problems": [told_problem(problem, campaign) for problem in problems],
                "progress": told_progress(campaign, found, at=timezone.now()),
                "may_act": self.has_act_permission(request),
                "steps": self.steps_of(request, campaign, is_complete=not problems),
                "runs": newest_runs(campaign, in_tens=not words.sees_people(request)),
                "late": planning.late(at=timezone.now()).filter(campaign=campaign).first(),
                "report_link": reverse("admin:campaigns_campaign_report", args=[campaign.pk]),
                "journey_link": reverse("admin:campaigns_journeyversion_of", args=[campaign.pk])
                if campaign.kind == Campaign.Kind.JOURNEY
                else "",
                "fairness_link": reverse("admin:campaigns_fairnesscheck_of", args=[campaign.pk]),
                "uplift_link": reverse("admin:campaigns_campaign_uplift", args=[campaign.pk]),
                "size_link": reverse("admin:campaigns_campaign_size", args=[campaign.pk]),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def copy_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A draft of the same. POST only."""
        campaign = self.seen(request, pk)
        if request.method != "POST" or not self.has_add_permission(request):
            raise PermissionDenied
        slug = recipes.free_slug(campaign.name, otherwise="campaign")
        twin = lifecycle.copy(campaign, slug=slug, by=request.user.get_username())
        self.log_addition(request, twin, [{"added": {}}])
        messages.success(
            request, gettext("A copy of “%s” as a draft. Nothing of the first has changed.") % campaign
        )
        return HttpResponseRedirect(path_of(twin))

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """How far its sending is, for the page that asks again and again."""
        campaign, now = self.seen(request, pk), timezone.now()
        counted = fates([pk]).get(pk, Counter())
        context = {
            "row": campaign,
            "progress": told_progress(campaign, counted, at=now),
            "may_act": self.has_act_permission(request),
        }
        return TemplateResponse(request, "admin/desk/campaign_progress.html", context)

    def size_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """How small an effect this campaign would find, before it is launched; worked out where `count` is asked for."""
        campaign, asked = self.seen(request, pk), request.GET.get("effect", "")
        told: dict[str, Any] = {"count": urlencode({"count": 1, "effect": asked})}
        if "count" in request.GET:
            in_tens = not words.sees_people(request)
            told = sizing.page(campaign, asked, at=timezone.now(), in_tens=in_tens)
        title = gettext("How sure could it be? %s") % campaign
        return self.own_page(request, "admin/desk/size.html", title=title, row=campaign, **told)

    def uplift_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Whom this campaign changes; POST asks for a study."""
        campaign = self.seen(request, pk)
        if request.method == "POST":
            if not self.has_act_permission(request):
                raise PermissionDenied
            targeting.ask(campaign, by=request.user.get_username(), at=timezone.now())
            return HttpResponseRedirect(request.path)
        told = uplift.page(campaign, settings.DEFAULT_CURRENCY)
        title = gettext("Whom does it change? %s") % campaign
        may_ask = self.has_act_permission(request)
        return self.own_page(
            request, "admin/desk/uplift.html", title=title, row=campaign, may_ask=may_ask, **told
        )
