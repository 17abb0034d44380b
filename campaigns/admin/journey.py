"""The desk's pages of journeys: the way drawn from top to bottom with who is where, its steps, and its people."""

import json
from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns import journeys, recipes
from campaigns.admin import journey_words
from campaigns.journeys import picture
from campaigns.journeys.definition import Definition
from campaigns.models import Campaign, Delivery, JourneyEntry, JourneyVersion, JourneyVisit, Trigger
from catalog.pages import ReadOnly, Section, button, shown, told_time
from customers import few

STATE_COLOURS = {"waiting": "info", "done": "success", "left": "default"}


@admin.register(JourneyVersion)
class JourneyVersionAdmin(ReadOnly):
    about = _(
        "A journey writes to people one by one, when something calls them in: a forgotten basket, an expected order. "
        "Begin with “Start from a recipe”."
    )
    list_display = ("campaign", "number", "told_inside", "told_came", "created_at", "created_by")
    list_select_related = ("campaign",)
    linked = ("campaign__id__exact",)
    search_fields = ("campaign__name", "campaign__slug")
    fields = (("campaign", "number"), ("created_at", "created_by"))
    actions_list = ("recipes",)
    actions_detail = ("journey",)

    def get_urls(self) -> list[URLPattern]:
        def own(route: str, view: Any, name: str) -> URLPattern:
            page: URLPattern = path(
                f"{route}<int:campaign_id>/",
                self.admin_site.admin_view(view),
                name=f"campaigns_journeyversion_{name}",
            )
            return page

        pages = [own("of/", self.journey_view, "of"), own("steps/", self.steps_view, "steps")]
        return pages + super().get_urls()  # type: ignore[no-any-return]

    # --- the list --------------------------------------------------------------------------------------------

    def prepare(self, rows: Sequence[Any]) -> None:
        entries = JourneyEntry.objects.filter(version__in=rows).values_list("version_id")
        waiting = Count("pk", filter=Q(state=JourneyEntry.State.WAITING))
        found = {
            pk: (n, inside) for pk, n, inside in entries.annotate(n=Count("pk"), inside=waiting).order_by()
        }
        for version in rows:
            version.came, version.inside = found.get(version.pk, (0, 0))

    @shown(_("on the way"))
    def told_inside(self, version: Any) -> str:
        return few.short(version.inside)

    @shown(_("came in"))
    def told_came(self, version: Any) -> str:
        return few.short(version.came)

    # --- the pages -------------------------------------------------------------------------------------------

    @button(_("Show the journey"), path="journey", icon="route", needs="view")
    def journey(self, request: HttpRequest, object_id: str) -> HttpResponse:
        version = self.get_object(request, object_id)
        if version is None:
            return HttpResponseRedirect(reverse("admin:campaigns_journeyversion_changelist"))
        return HttpResponseRedirect(f"{_page_of(version.campaign_id)}?version={version.number}")

    def journey_view(self, request: HttpRequest, campaign_id: int) -> HttpResponse:
        """The newest version, or the one that `?version=` names."""
        campaign = self._campaign(request, campaign_id)
        versions = list(JourneyVersion.objects.filter(campaign=campaign).order_by("-number"))
        asked = request.GET.get("version", "")
        version = next(
            (row for row in versions if str(row.number) == asked), versions[0] if versions else None
        )
        context: dict[str, Any] = {}
        if version is not None:
            definition, counted = Definition.of(version.definition), picture.counted(version)
            people = f"{reverse('admin:campaigns_journeyentry_changelist')}?version__id__exact={version.pk}"
            context = {
                "called": journey_words.called(definition),
                "drawing": picture.drawn(definition),
                "boxes": journey_words.boxes(definition, counted, people=people),
                "arrows": journey_words.arrows(definition),
                "waiting": few.short(counted.waiting),
                "done": few.short(counted.done),
                "arms": journey_words.arms(counted),
                "left": journey_words.left(counted.left),
                "people": people,
            }
        return self.own_page(
            request,
            "admin/desk/journey.html",
            title=gettext("Journey: %s") % campaign,
            row=campaign,
            version=version,
            versions=versions,
            may_act=self.has_act_permission(request),
            **context,
        )

    def steps_view(self, request: HttpRequest, campaign_id: int) -> HttpResponse:
        """The steps as text. POST publishes them as the next version, or names what must be mended and where."""
        campaign = self._campaign(request, campaign_id)
        if not self.has_act_permission(request):
            raise PermissionDenied
        newest = journeys.newest(campaign)
        text = (
            json.dumps(picture.as_stored(newest.definition), indent=2, ensure_ascii=False) if newest else ""
        )
        problems: list[tuple[str, list[str]]] = []
        if request.method == "POST":
            text = request.POST.get("definition", "")
            try:
                version = journeys.publish(
                    campaign,
                    json.loads(text),
                    by=request.user.get_username(),
                    move=request.POST.get("move") == "yes",
                )
            except json.JSONDecodeError as wrong:
                told = gettext("This is no JSON: line %(line)s, column %(column)s.") % {
                    "line": wrong.lineno,
                    "column": wrong.colno,
                }
                problems = [("", [told])]
            except journeys.NotSound as unsound:
                problems = journey_words.by_step(unsound.problems)
            else:
                self.log_change(request, version, f"Published version {version.number}.")
                messages.success(
                    request, gettext("Version %s is published: people enter it from now on.") % version.number
                )
                return HttpResponseRedirect(_page_of(campaign.pk))
        return self.own_page(
            request,
            "admin/desk/journey_steps.html",
            title=gettext("Steps of %s") % campaign,
            row=campaign,
            version=newest,
            text=text,
            problems=problems,
            inside=few.short(
                JourneyEntry.objects.filter(campaign=campaign, state=JourneyEntry.State.WAITING).count()
            ),
            back=_page_of(campaign.pk),
        )

    def _campaign(self, request: HttpRequest, campaign_id: int) -> Campaign:
        if not self.has_view_permission(request):
            raise PermissionDenied
        campaign = get_object_or_404(Campaign, pk=campaign_id)
        if campaign.kind != Campaign.Kind.JOURNEY:
            raise Http404
        return campaign

    @button(_("Start from a recipe"), path="recipes", icon="menu_book")
    def recipes(self, request: HttpRequest) -> HttpResponse:
        """The recipes; POST makes a draft from one, as the command does."""
        if request.method == "POST":
            try:
                campaign = recipes.make(
                    request.POST.get("recipe", ""),
                    slug=request.POST.get("slug", "").strip(),
                    by=request.user.get_username(),
                )
            except (recipes.UnknownRecipe, recipes.BadName, recipes.AlreadyThere) as reason:
                messages.error(request, str(reason))
            else:
                messages.success(
                    request,
                    gettext("A draft is made, with its messages. Look at it, then approve and launch it."),
                )
                return HttpResponseRedirect(_page_of(campaign.pk))
        return self.own_page(
            request,
            "admin/desk/recipes.html",
            title=gettext("Start from a recipe"),
            recipes=recipes.RECIPES.values(),
        )


def _page_of(campaign_id: int) -> str:
    return reverse("admin:campaigns_journeyversion_of", args=[campaign_id])


@admin.register(JourneyEntry)
class JourneyEntryAdmin(ReadOnly):
    about = _("Nobody has come into a journey yet. Whom something calls stands here, with their way.")
    list_display = ("customer", "campaign", "told_state", "step", "wake_at", "entered_at", "arm", "told_left")
    list_select_related = ("customer", "campaign")
    list_filter = ("state", "arm", "left_by")
    linked = ("campaign__id__exact", "version__id__exact", "customer__id__exact", "step__exact")
    fields = (
        ("customer", "campaign"),
        ("version", "arm"),
        ("state", "step"),
        ("entered_at", "wake_at"),
        ("left_at", "left_by"),
        ("key", "cause"),
    )

    @shown(_("state"), order="state", label=STATE_COLOURS)
    def told_state(self, entry: JourneyEntry) -> tuple[str, str]:
        return entry.state, entry.get_state_display()

    @shown(_("left because"), order="left_by")
    def told_left(self, entry: JourneyEntry) -> str:
        return entry.get_left_by_display() or "–"

    def sections(self, request: HttpRequest, row: JourneyEntry) -> list[Section]:
        return [_way(row), _messages(row)]


def _way(entry: JourneyEntry) -> Section:
    kinds = entry.version.definition["steps"]
    return Section(
        _("Their way"),
        (_("step"), _("arrived"), _("went on"), _("how")),
        [
            (
                visit.step,
                told_time(visit.arrived_at),
                told_time(visit.left_at),
                journey_words.outcome(visit.outcome) if visit.left_at else gettext("is here"),
            )
            for visit in entry.visits.order_by("pk")[: 4 * len(kinds)]
        ],
        empty=_("They have not come to the first step."),
    )


def _messages(entry: JourneyEntry) -> Section:
    rows = Delivery.objects.filter(entry=entry).select_related("content").order_by("pk")
    return Section(
        _("Their messages"),
        (_("message"), _("not before"), _("status"), _("reason")),
        [
            (
                delivery.content or "–",
                told_time(delivery.not_before),
                delivery.get_status_display(),
                delivery.get_reason_display() or "–",
            )
            for delivery in rows[:50]
        ],
        empty=_("Nothing has been planned for them."),
    )


@admin.register(JourneyVisit)
class JourneyVisitAdmin(ReadOnly):
    about = _("Nobody has come by a step yet.")
    list_display = ("told_person", "told_campaign", "step", "arrived_at", "left_at", "told_outcome")
    list_select_related = ("entry__customer", "entry__campaign")
    linked = ("entry__id__exact", "entry__campaign__id__exact", "step__exact")
    fields = (("entry", "step"), ("arrived_at", "left_at"), "outcome")

    @shown(_("customer"))
    def told_person(self, visit: JourneyVisit) -> str:
        return str(visit.entry.customer)

    @shown(_("campaign"))
    def told_campaign(self, visit: JourneyVisit) -> str:
        return str(visit.entry.campaign)

    @shown(_("how"), order="outcome")
    def told_outcome(self, visit: JourneyVisit) -> str:
        return journey_words.outcome(visit.outcome) if visit.left_at else "–"


@admin.register(Trigger)
class TriggerAdmin(ReadOnly):
    about = _("No journey has looked for what calls yet; it begins within seconds of its launch.")
    list_display = ("campaign", "looked_at", "cursor")
    list_select_related = ("campaign",)
    fields = ("campaign", ("looked_at", "cursor"))
