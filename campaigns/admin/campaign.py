"""The desk's page of a campaign: its state in words, its next step with the consequence in numbers, its report."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns import checks, lifecycle, planning, segments, targeting
from campaigns.admin import sizing, uplift, words
from campaigns.admin.fates import fates, newest_runs
from campaigns.admin.report import ReportPages
from campaigns.models import Campaign, CampaignSegment, Variant
from catalog.pages import Rows, shown
from customers import few

STEP_WORDS = {
    "approve": _("Approve"),
    "launch": _("Launch"),
    "recall": _("Call back"),
    "revise": _("Back to draft"),
    "pause": _("Pause"),
    "resume": _("Resume"),
    "cancel": _("Cancel the campaign"),
    "archive": _("Archive"),
}
# What cannot be undone asks once, naming the consequence; the rest is done at once.
ASKED_FIRST = ("launch", "cancel", "archive")
# After approval the comparison is fixed; a pause lets only what changes no one's arm be mended.
PAUSED_EDITABLE = ("name", "message", "ends_at", "priority", "tags", "stop_at_complaints", "stop_at_errors")


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


@admin.register(Campaign)
class CampaignAdmin(ReportPages):
    about = _(
        "A campaign brings a segment, offers and a message together, and measures what it causes. Add one as a draft."
    )
    list_display = (
        "name",
        "told_status",
        "channel",
        "told_progress",
        "starts_at",
        "control_percent",
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
        names -= {"approved_people", *PAUSED_EDITABLE}
        return (*sorted(names), "told_approved")

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Mapping[str, Sequence[str]]:
        return self.prepopulated_fields if obj is None else {}

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user.get_username()
        super().save_model(request, obj, form, change)

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
            own("step/<str:step>/", self.step_view, "step"),
            own("size/", self.size_view, "size"),
            own("uplift/", self.uplift_view, "uplift"),
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
                problems = checks.problems(campaign, at=timezone.now())
            context |= {
                "state": words.state(campaign, found, len(problems)),
                "problems": problems,
                "steps": self._steps(request, campaign, is_complete=not problems),
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

    def _steps(self, request: HttpRequest, campaign: Campaign, *, is_complete: bool) -> list[dict[str, Any]]:
        """The steps that are possible now; the first is the page's primary action."""
        if not self.has_act_permission(request):
            return []
        return [
            {
                "name": step.name,
                "words": STEP_WORDS[step.name],
                "link": reverse("admin:campaigns_campaign_step", args=[campaign.pk, step.name]),
                "is_asked": step.name in ASKED_FIRST,
                "is_grave": step.name == "cancel",
            }
            for step in lifecycle.STEPS.values()
            if campaign.status in step.allowed_from
            and (is_complete or step.name not in ("approve", "launch"))
        ]

    def step_view(self, request: HttpRequest, pk: int, step: str) -> HttpResponse:
        """GET tells the consequence in numbers and changes nothing; POST takes the step, as the API does."""
        campaign = self.get_object(request, str(pk))
        if campaign is None or step not in lifecycle.STEPS:
            raise Http404
        if not self.has_act_permission(request):
            raise PermissionDenied
        back = HttpResponseRedirect(reverse("admin:campaigns_campaign_change", args=[pk]))
        now = timezone.now()
        if request.method == "POST":
            try:
                lifecycle.take(campaign, step, by=request.user.get_username(), at=now, undo=lifecycle.UNDO)
            except lifecycle.NotPossible as reason:
                messages.error(request, str(reason))
            else:
                self.log_change(request, campaign, f"Took the step “{step}”.")
                messages.success(request, words.state(campaign, fates([pk]).get(pk, Counter())))
            return back
        return self.own_page(
            request,
            "admin/desk/step.html",
            title=gettext("%(step)s: %(campaign)s") % {"step": STEP_WORDS[step], "campaign": campaign},
            row=campaign,
            step=step,
            confirm=STEP_WORDS[step],
            is_grave=step == "cancel",
            problems=checks.problems(campaign, at=now) if step in ("approve", "launch") else [],
            **self._consequence(request, campaign, step),
        )

    def _consequence(self, request: HttpRequest, campaign: Campaign, step: str) -> dict[str, Any]:
        """Per audience, how many match and can be reached now; and what has left already.

        Exactly for whoever may see people; else in tens, but for the one number that a launch must name: how many an
        approved campaign reaches.
        """
        found = fates([campaign.pk]).get(campaign.pk, Counter())
        in_tens = not words.sees_people(request)
        is_at_launch = step == "launch" and campaign.status in lifecycle.STEPS[step].allowed_from
        if step == "archive":
            return {"sentences": [gettext("It leaves the lists of what needs you; its report stays.")]}
        now, audiences, asked = timezone.now(), [], []
        for audience in campaign.audiences.select_related("segment"):
            try:
                counted = segments.waterfall(audience.segment, channel=campaign.channel, at=now)
            except segments.Withheld:  # it reaches nobody; the problems say why
                continue
            audiences.append(
                {
                    "name": audience.segment.name,
                    "bars": words.bars(counted, in_tens=in_tens, hides_nobody=in_tens),
                }
            )
            asked.append(audience.segment)
        # Each person once, however many audiences they stand in.
        total = segments.waterfall(*asked, channel=campaign.channel, at=now)["sendable"] if asked else 0
        reached = words.people(total, in_tens=in_tens and not is_at_launch)
        sentences = []
        if step == "launch":
            sentences.append(_reached(reached, len(audiences)))
            share = f"{campaign.control_percent.normalize():f}"
            sentences.append(
                gettext("%s %% of them are held out as the control group and get nothing.") % share
                if campaign.control_percent
                else gettext("Nobody is held out, so its effect cannot be measured.")
            )
            sentences += sizing.sentences(campaign, at=now, in_tens=in_tens)
        if step == "cancel":
            sentences.append(
                gettext(
                    "%(waiting)s planned messages will never be sent; %(sent)s have been sent and stay sent."
                )
                % words.progress(found)
            )
            sentences.append(gettext("A cancelled campaign cannot be taken up again."))
            sentences.append(gettext("People its audiences would reach now: %s.") % reached)
        return {"sentences": sentences, "audiences": audiences, "total": reached}

    def _seen(self, request: HttpRequest, pk: int) -> Campaign:
        """The campaign, for whoever may see it."""
        campaign: Campaign | None = self.get_object(request, str(pk))
        if campaign is None:
            raise Http404
        if not self.has_view_permission(request, campaign):
            raise PermissionDenied
        return campaign

    def size_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """How small an effect this campaign would find, before it is launched."""
        campaign = self._seen(request, pk)
        in_tens = not words.sees_people(request)
        told = sizing.page(campaign, request.GET.get("effect", ""), at=timezone.now(), in_tens=in_tens)
        title = gettext("How sure could it be? %s") % campaign
        return self.own_page(request, "admin/desk/size.html", title=title, row=campaign, **told)

    def uplift_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Whom this campaign changes; POST asks for a study."""
        campaign = self._seen(request, pk)
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


def _reached(people: str, audiences: int) -> str:
    if audiences > 1:
        return (
            gettext("%s people can be reached now; whoever stands in several audiences counts in the first.")
            % people
        )
    return gettext("%s people can be reached now.") % people
