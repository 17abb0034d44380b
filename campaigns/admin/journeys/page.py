"""The desk's pages of journeys: the way drawn from top to bottom with who is where, changing it, versions, recipes."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns import journeys, recipes
from campaigns.admin.journeys import pages as journey_pages
from campaigns.admin.journeys import recipes as journey_recipes
from campaigns.admin.journeys import sentences as journey_sentences
from campaigns.admin.journeys.edit import Editor
from campaigns.admin.journeys.sentences import Names
from campaigns.admin.words import COLOURS
from campaigns.journeys import counting
from campaigns.journeys.definition import Definition
from campaigns.models import Campaign, JourneyVersion
from catalog.desk_lists import PreparedList
from catalog.models import Category, Product
from catalog.pages import ReadOnly, button, shown
from customers import few

MOST_SUGGESTED = 10


class Journeys(PreparedList):
    """Each journey once, by its newest version; older ones stand on its page."""

    def get_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[JourneyVersion]:
        newest = JourneyVersion.objects.filter(campaign=OuterRef("campaign")).order_by("-number").values("pk")
        rows: QuerySet[JourneyVersion] = super().get_queryset(*args, **kwargs)
        return rows.filter(pk=Subquery(newest[:1]))


@admin.register(JourneyVersion)
class JourneyVersionAdmin(ReadOnly):
    about = _(
        "A journey writes to people one by one, when something calls them in: a forgotten basket, an expected order. "
        "Begin with “Start from a recipe”."
    )
    list_display = (
        "told_name",
        "told_state",
        "told_calls",
        "told_inside",
        "told_came",
        "number",
        "created_at",
    )
    list_display_links = None
    list_select_related = ("campaign",)
    list_filter = ("campaign__status",)
    linked = ("campaign__id__exact",)
    search_fields = ("campaign__name", "campaign__slug")
    fields = (("campaign", "number"), ("created_at", "created_by"))
    actions_list = ("recipes",)

    def get_urls(self) -> list[URLPattern]:
        def own(route: str, view: Any, name: str) -> URLPattern:
            page: URLPattern = path(
                route, self.admin_site.admin_view(view), name=f"campaigns_journeyversion_{name}"
            )
            return page

        pages = [
            own("of/<int:campaign_id>/", self.journey_view, "of"),
            own("steps/<int:campaign_id>/", self.steps_view, "steps"),
            own("compare/<int:campaign_id>/", self.compare_view, "compare"),
            own("suggest/<slug:what>/", self.suggest_view, "suggest"),
        ]
        return pages + super().get_urls()  # type: ignore[no-any-return]

    # --- the list --------------------------------------------------------------------------------------------

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[Any]:
        return Journeys

    def prepare(self, rows: Sequence[Any]) -> None:
        counted = JourneyVersion.objects.filter(pk__in=[row.pk for row in rows]).annotate(
            came=counting.came(), inside=counting.came(waiting=True)
        )
        found = {pk: (n, inside) for pk, n, inside in counted.values_list("pk", "came", "inside")}
        names = Names.of(*(row.definition for row in rows))
        for version in rows:
            version.came, version.inside = found.get(version.pk, (0, 0))
            version.names = names

    @shown(_("journey"), order="campaign__name")
    def told_name(self, version: Any) -> SafeString:
        return format_html(
            '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>',
            _page_of(version.campaign_id),
            version.campaign,
        )

    @shown(_("state"), order="campaign__status", label=COLOURS)
    def told_state(self, version: Any) -> tuple[str, str]:
        return version.campaign.status, version.campaign.get_status_display()

    @shown(_("what calls"))
    def told_calls(self, version: Any) -> str:
        return journey_sentences.calls(Definition.of(version.definition), version.names)[0]

    @shown(_("on the way"))
    def told_inside(self, version: Any) -> str:
        return _bounded(version.inside)

    @shown(_("came in"))
    def told_came(self, version: Any) -> str:
        return _bounded(version.came)

    # --- the pages -------------------------------------------------------------------------------------------

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """Whoever opens a version, from the audit log or a search, sees it drawn; its form says little."""
        version = self.get_object(request, object_id)
        is_drawn = version is not None and version.campaign.kind == Campaign.Kind.JOURNEY
        if version is None or not is_drawn or not self.has_view_permission(request):
            page: HttpResponse = super().change_view(request, object_id, *args, **kwargs)
            return page
        return HttpResponseRedirect(f"{_page_of(version.campaign_id)}?version={version.number}")

    def journey_view(self, request: HttpRequest, campaign_id: int) -> HttpResponse:
        """The newest version, or the one that `?version=` names; with `?step=` what is known of that step."""
        campaign = self._campaign(request, campaign_id)
        versions = _versions(campaign)
        version = _named(versions, request.GET.get("version", "")) or (versions[0] if versions else None)
        context = journey_pages.looked_at(version, step=request.GET.get("step")) if version else {}
        return self.own_page(
            request,
            "admin/desk/journey.html",
            title=gettext("Journey: %s") % campaign,
            row=campaign,
            version=version,
            newest=versions[0] if versions else None,
            versions=versions,
            may_act=self.has_act_permission(request),
            may_open=request.user.has_perm("campaigns.view_journeyentry"),
            state=journey_pages.state(campaign),
            **context,
        )

    def steps_view(self, request: HttpRequest, campaign_id: int) -> HttpResponse:
        """The journey being changed: each press answers the page with it done; saving publishes the next version."""
        campaign = self._campaign(request, campaign_id)
        if not self.has_act_permission(request):
            raise PermissionDenied
        versions = _versions(campaign)
        editor = Editor(campaign, versions[0] if versions else None)
        if request.method == "POST":
            do = request.POST.get("do", "save")
            editor.take(request.POST)
            editor.press(do, request.POST)
            if do == "save" and editor.form is None and not editor.unread:
                answer = self._save(request, editor)
                if answer is not None:
                    return answer
        else:
            if (old := _named(versions, request.GET.get("from", ""))) is not None:
                editor.begin_with(old.definition)
            editor.press(f"select:{request.GET.get('step', '')}", {})
        return self.own_page(
            request,
            "admin/desk/journey_edit.html",
            title=gettext("Change the journey: %s") % campaign,
            row=campaign,
            version=editor.newest,
            back=_page_of(campaign.pk),
            **journey_pages.edited(editor),
        )

    def _save(self, request: HttpRequest, editor: Editor) -> HttpResponse | None:
        """Publish; None where something keeps it from that, which the page then tells."""
        try:
            version = journeys.publish(
                editor.campaign,
                editor.stored,
                by=request.user.get_username(),
                move=editor.move,
                after=editor.base,
            )
        except journeys.NotSound:
            editor.error = gettext("Not saved. What is marked is to be mended first.")
            return None
        except journeys.NeedsApproval as why:
            editor.error = gettext("Not saved. %s") % why
            return None
        except journeys.Outdated as newer:
            editor.error = gettext(
                "Not saved: %(who)s has saved version %(number)s meanwhile. Your changes are still here; compare them "
                "with it, and save again to put yours after it."
            ) % {"who": newer.version.created_by or "–", "number": newer.version.number}
            editor.base = newer.version.number
            return None
        self.log_change(request, version, f"Published version {version.number}.")
        messages.success(
            request,
            gettext("Version %s is saved: whoever comes in from now on goes this way.") % version.number,
        )
        return HttpResponseRedirect(_page_of(editor.campaign.pk))

    def compare_view(self, request: HttpRequest, campaign_id: int) -> HttpResponse:
        """Two versions: what differs, in words. Without their numbers the last two."""
        campaign = self._campaign(request, campaign_id)
        versions = _versions(campaign)
        new = _named(versions, request.GET.get("new", "")) or (versions[0] if versions else None)
        old = _named(versions, request.GET.get("old", "")) or (versions[1] if len(versions) > 1 else None)
        return self.own_page(
            request,
            "admin/desk/journey_compare.html",
            title=gettext("What changed: %s") % campaign,
            row=campaign,
            versions=versions,
            old=old,
            new=new,
            differences=journey_pages.differences(old.definition, new.definition) if old and new else [],
            may_act=self.has_act_permission(request),
            back=_page_of(campaign.pk),
        )

    def suggest_view(self, request: HttpRequest, what: str) -> HttpResponse:
        """A few products or categories whose number or name begins so."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        asked = request.GET.get("q", "").strip()[:80]
        found: list[tuple[str, str]] = []
        if what == "sku" and asked:
            rows = Product.objects.filter(sku__startswith=asked).order_by("sku")
            found = list(rows.values_list("sku", "title")[:MOST_SUGGESTED])
        elif what == "category":
            named = Category.objects.filter(slug__startswith=asked).order_by("slug")
            found = list(named.values_list("slug", "name")[:MOST_SUGGESTED])
        return JsonResponse({"found": [{"value": value, "label": label} for value, label in found]})

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
        wrong: dict[str, str] = {}
        if request.method == "POST" and "name" in request.POST:
            try:
                campaign = recipes.make_empty(request.POST["name"].strip(), by=request.user.get_username())
            except recipes.BadName as reason:
                wrong[""] = str(reason)
            else:
                messages.success(request, gettext("An empty draft is made. Put the first step in."))
                return HttpResponseRedirect(
                    reverse("admin:campaigns_journeyversion_steps", args=[campaign.pk])
                )
        elif request.method == "POST":
            chosen = request.POST.get("recipe", "")
            try:
                campaign = recipes.make(
                    chosen, slug=request.POST.get("slug", "").strip(), by=request.user.get_username()
                )
            except (recipes.UnknownRecipe, recipes.BadName, recipes.AlreadyThere) as reason:
                wrong[chosen] = str(reason)
                if chosen not in recipes.RECIPES:
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
            wrong=wrong.get("", ""),
            recipes=journey_recipes.cards(wrong, typed=request.POST.get("slug", "")),
        )


def _page_of(campaign_id: int) -> str:
    return reverse("admin:campaigns_journeyversion_of", args=[campaign_id])


def _versions(campaign: Campaign) -> list[JourneyVersion]:
    return list(JourneyVersion.objects.filter(campaign=campaign).order_by("-number"))


def _named(versions: Sequence[JourneyVersion], number: str) -> JourneyVersion | None:
    return next((row for row in versions if str(row.number) == number), None)


def _bounded(n: int) -> str:
    """Of very many only that they are as many."""
    return f"≥ {n:,}" if n >= counting.MOST_CAME else few.short(n)
