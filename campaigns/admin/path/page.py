"""The path of a campaign: eight steps on one page, each a sentence once it is done, from the goal to the launch.

What was done is the campaign's own rows: it can be left at any moment, and is gone on with where it was left.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import wraps
from itertools import count
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from campaigns import checks, clocks, previews
from campaigns.admin import words
from campaigns.admin.fates import fates
from campaigns.admin.messages.page import with_pictures
from campaigns.admin.path import forms as path_forms
from campaigns.admin.path import message as path_message
from campaigns.admin.path import words as path_words
from campaigns.admin.path.schedule import ScheduleForm
from campaigns.admin.path.steps import StepPages
from campaigns.admin.progress import told_progress
from campaigns.liquid_templates import Aborted, TemplateFailed
from campaigns.models import Campaign, Message, Offer, Segment

Forms = dict[str, type[path_forms.StepForm]]
FORMS: Forms = {
    "goal": path_forms.GoalForm,
    "audience": path_forms.AudienceForm,
    "offers": path_forms.OffersForm,
    "message": path_message.MessageForm,
    "experiment": path_forms.ExperimentForm,
    "schedule": ScheduleForm,
}
# Where a row of each step is made; it leads back to the step it was made for.
MADE_AT = {
    "audience": (_("Write a new segment"), "campaigns_segment", "campaigns.add_segment"),
    "offers": (_("Make a new offer"), "campaigns_offer", "campaigns.add_offer"),
    "message": (_("Write a new message"), "campaigns_message", "campaigns.add_message"),
}


def by_the_shops_clock(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Times are read and shown by the shop's clock, as rules of recurrence are."""

    @wraps(view)
    def shown(*args: Any, **kwargs: Any) -> HttpResponse:
        with timezone.override(clocks.shop_zone()):
            response = view(*args, **kwargs)
            if isinstance(response, TemplateResponse):
                response.render()
            return response

    return shown


class PathPages(StepPages):
    """The path of a row of Campaign."""

    def path_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/path/", view(by_the_shops_clock(self.path_view)), name="campaigns_campaign_path"),
            path("<int:pk>/path/looks/", view(self.looks_view), name="campaigns_campaign_looks"),
            path(
                "<int:pk>/path/offer/<int:offer>/",
                view(self.approve_offer_view),
                name="campaigns_campaign_offer",
            ),
        ]

    def seen(self, request: HttpRequest, pk: int) -> Campaign:
        """The campaign, for whoever may see it."""
        rows = self.get_queryset(request).select_related("message", "topic")
        campaign: Campaign | None = rows.filter(pk=pk).first()
        if campaign is None:
            raise Http404
        if not self.has_view_permission(request, campaign):
            raise PermissionDenied
        return campaign

    def may_edit(self, request: HttpRequest, campaign: Campaign, step: str) -> bool:
        """Only a draft is edited here, by whoever may change what the step writes."""
        needs = FORMS[step].needs if step in FORMS else ("campaigns.change_campaign",)
        return campaign.status == Campaign.Status.DRAFT and request.user.has_perms(needs)

    def form_of(
        self, request: HttpRequest, campaign: Campaign, step: str, *args: Any, made: Sequence[str] = ()
    ) -> path_forms.StepForm | None:
        """The step's form; None where the step has none for this kind of campaign."""
        kind = FORMS.get(step)
        if step == "message" and campaign.channel == Campaign.Channel.ONSITE:
            kind = path_message.PlaceForm
        elif step == "message" and campaign.channel == Campaign.Channel.WEBHOOK:
            kind = path_message.WebhookForm
        elif step == "message" and campaign.kind == Campaign.Kind.JOURNEY:
            kind = None
        if step == "message" and kind is path_message.MessageForm and campaign.variants.count() > 2:
            kind = None
        if step == "offers" and not campaign.audiences.exists():
            kind = None
        form = kind(campaign, *args, made=made) if kind is not None else None
        if isinstance(form, path_forms.AudienceForm) and not request.user.has_perm("campaigns.add_segment"):
            form.leave_out_ready()
        return form

    def path_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        campaign = self.seen(request, pk)
        form, asked = None, request.GET.get("step", "")
        if request.method == "POST":
            asked = request.POST.get("step", "")
            if asked not in FORMS or not self.has_act_permission(request):
                raise PermissionDenied
            if not self.may_edit(request, campaign, asked):
                if campaign.status == Campaign.Status.DRAFT:
                    raise PermissionDenied
                messages.error(request, gettext("It is no draft any more: nothing was changed."))
                return HttpResponseRedirect(path_of(campaign))
            form = self._saved(request, campaign, asked)
            if form is None or "make" in request.POST:
                return HttpResponseRedirect(self._next(request, campaign, asked, form))
        return self._page(request, campaign, asked, form)

    def _saved(self, request: HttpRequest, campaign: Campaign, step: str) -> path_forms.StepForm | None:
        """The form with its errors; None when all is written."""
        with transaction.atomic():
            # Of two who save at once, or one who approves, one waits here.
            held = Campaign.objects.select_for_update(of=("self",)).get(pk=campaign.pk)
            form = self.form_of(request, held, step, request.POST)
            if form is None or held.status != Campaign.Status.DRAFT:
                raise PermissionDenied
            if not form.is_valid():
                return form
            names = form.save()
            told = path_words.changed(step, names) if names else path_words.left_as_it_was(step)
            self.log_change(request, held, told)
        return None

    def _next(
        self, request: HttpRequest, campaign: Campaign, step: str, form: path_forms.StepForm | None
    ) -> str:
        """Where one goes from a step: to make a row of it and come back, or on. What is not complete is taken along."""
        if "make" in request.POST and step in MADE_AT:
            made = [] if form is None else form.carried()
            back = f"{path_of(campaign, step)}{''.join(f'&made={pk}' for pk in made)}"
            if step == "message" and request.POST.get("how") == "two":
                back += "&how=two"
            query = urlencode({"back": back, **_named(step, campaign)})
            return f"{reverse(f'admin:{MADE_AT[step][1]}_add')}?{query}"
        waits = step == "offers" and bool(self._to_approve(request, campaign))
        then = step if waits else _after(step)
        # With its place on the page: a browser keeps the one it came from.
        return f"{path_of(campaign, then)}#{then}"

    def _to_approve(self, request: HttpRequest, campaign: Campaign) -> list[Offer]:
        """The offers of the campaign that wait for an approval, for whoever may give it."""
        if not request.user.has_perm("campaigns.change_offer"):
            return []
        waiting = Offer.objects.filter(audiences__campaign=campaign, status=Offer.Status.DRAFT)
        return list(waiting.distinct())

    def _page(
        self,
        request: HttpRequest,
        campaign: Campaign,
        asked: str,
        form: path_forms.StepForm | None,
    ) -> HttpResponse:
        now = timezone.now()
        is_open = campaign.status in (Campaign.Status.DRAFT, Campaign.Status.APPROVED)
        problems = checks.found(campaign, at=now) if is_open else []
        found = path_words.steps(campaign, problems, at=now)
        step = asked if asked in path_words.STEPS else path_words.goes_on_at(found)
        if campaign.status != Campaign.Status.DRAFT and not (asked == "check" and is_open):
            step = "launch"
        for one in found:
            one.is_open = one.name == step
        if form is None and self.may_edit(request, campaign, step):
            form = self.form_of(request, campaign, step, made=request.GET.getlist("made"))
            if isinstance(form, path_message.MessageForm) and request.GET.get("how") == "two":
                form.initial["how"] = "two"
        counted = fates([campaign.pk]).get(campaign.pk, Counter()) if not is_open else Counter()
        progress = told_progress(campaign, counted, at=now)
        taken = self.steps_of(request, campaign, is_complete=not problems) if step == "launch" else []
        # While it can be called back, that stands above with its time.
        may_recall = not counted and not progress.get("waits_until")
        context = {
            "title": str(campaign),
            "state": words.state(campaign, counted, len(problems)),
            "path_steps": found,
            "open_step": step,
            "form": form,
            "may_edit": self.may_edit(request, campaign, step),
            "is_draft": campaign.status == Campaign.Status.DRAFT,
            "problems": [told_problem(problem, campaign) for problem in problems],
            "steps": [one for one in taken if one["name"] != "recall" or may_recall],
            "may_add": self.has_add_permission(request),
            "may_act": self.has_act_permission(request),
            "zone": str(clocks.shop_zone()),
            "when": path_words.when_words(campaign, at=now),
            "progress": progress,
            **self._beside(request, campaign, step, form),
        }
        page = self.own_page(request, "admin/desk/campaign_path.html", row=campaign, **context)
        return with_pictures(lambda _request: page)(request) if step == "message" else page  # type: ignore[return-value]

    def _beside(
        self, request: HttpRequest, campaign: Campaign, step: str, form: path_forms.StepForm | None
    ) -> dict[str, Any]:
        """What stands beside one step's form: where its rows are made, and how the messages look."""
        found: dict[str, Any] = {}
        if step in MADE_AT:
            label, _name, right = MADE_AT[step]
            found["make"] = label if request.user.has_perm(right) else ""
        if step == "offers":
            found["offers_to_approve"] = self._to_approve(request, campaign)
        found["can_look"] = isinstance(form, path_message.MessageForm)
        return found

    def looks_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """How the messages chosen look, side by side; what is not saved yet is asked for in GET."""
        campaign = self.seen(request, pk)
        if not request.user.has_perm("campaigns.view_message"):
            raise PermissionDenied
        names = ("message_a", "message_b") if request.GET.get("how") == "two" else ("message_a",)
        asked = [request.GET.get(name, "") for name in names]
        back = urlencode({"back": path_of(campaign, "message")})
        context = {
            "looks": looks_of([int(one) for one in dict.fromkeys(asked) if one.isdecimal()]),
            "back": back if request.user.has_perm("campaigns.change_message") else "",
        }
        return TemplateResponse(request, "admin/desk/campaign_looks.html", context)

    def approve_offer_view(self, request: HttpRequest, pk: int, offer: int) -> HttpResponse:
        """Approve one of the campaign's offers without leaving it. POST only."""
        campaign = self.seen(request, pk)
        row = Offer.objects.filter(pk=offer, audiences__campaign=campaign).first()
        if row is None:
            raise Http404
        if request.method != "POST" or not request.user.has_perm("campaigns.change_offer"):
            raise PermissionDenied
        if Offer.objects.filter(pk=row.pk, status=Offer.Status.DRAFT).update(status=Offer.Status.APPROVED):
            self.log_change(request, row, "Status draft → approved.")
            messages.success(request, gettext("The offer “%s” is approved.") % row)
        return HttpResponseRedirect(self._next(request, campaign, "offers", None))


def path_of(campaign: Campaign, step: str = "") -> str:
    address = reverse("admin:campaigns_campaign_path", args=[campaign.pk])
    return f"{address}?step={step}" if step else address


def _after(step: str) -> str:
    names = list(path_words.STEPS)
    return names[names.index(step) + 1]


def _named(step: str, campaign: Campaign) -> dict[str, str]:
    """What a row made for this campaign is called until somebody says otherwise: as it, and numbered where that is taken."""
    rows: dict[str, Any] = {"audience": Segment.objects, "offers": Offer.objects, "message": Message.objects}
    taken = set(rows[step].filter(slug__startswith=campaign.slug).values_list("slug", flat=True))
    n = next(n for n in count(1) if _numbered(campaign.slug, n) not in taken)
    name = campaign.name if n == 1 else f"{campaign.name} {n}"
    return {"title" if step == "offers" else "name": name, "slug": _numbered(campaign.slug, n)}


def _numbered(slug: str, n: int) -> str:
    return slug if n == 1 else f"{slug}-{n}"


def told_problem(problem: checks.Problem, campaign: Campaign) -> dict[str, Any]:
    """A problem with the place where it is mended."""
    link = path_of(campaign, problem.step) if problem.step in FORMS else ""
    mend = gettext("Mend it")
    if isinstance(problem.row, Message):
        back = urlencode({"back": path_of(campaign, "check")})
        link = f"{reverse('admin:campaigns_message_change', args=[problem.row.pk])}?{back}"
    elif problem.step == "message" and campaign.kind == Campaign.Kind.JOURNEY:
        link = reverse("admin:campaigns_journeyversion_steps", args=[campaign.pk])
    return {"words": problem.words, "link": link, "mend": mend, "step": problem.step}


def looks_of(chosen: list[int]) -> list[tuple[Message, Any, str]]:
    """The messages as somebody made up would get them, or why that cannot be."""
    language = "zh-hans" if (get_language() or "").startswith("zh") else "en"
    found: list[tuple[Message, Any, str]] = []
    rows = Message.objects.in_bulk(chosen)
    for pk in chosen:
        if (row := rows.get(pk)) is None:
            continue
        try:
            found.append((row, previews.made_up(row, language=language, at=timezone.now()), ""))
        except (TemplateFailed, Aborted) as why:
            found.append((row, None, str(why)))
    return found
