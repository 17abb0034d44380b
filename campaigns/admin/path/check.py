"""The check of a campaign before it is launched: what stands against it, whom it reaches, what it costs, how sure it could
be, whom else it meets, and what three real people would get. Each part is asked for by itself, so that none waits."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns import checks
from campaigns.admin import words
from campaigns.admin.path import check_words, glance
from campaigns.admin.path.page import PathPages, by_the_shops_clock, told_problem
from campaigns.frictions import frictions
from campaigns.models import Campaign
from customers.models import Customer

log = structlog.get_logger()
PARTS = ("reach", "meets", "people", "person", "taste", "fairness")
OF_PEOPLE = ("people", "person", "taste")


class CheckPages(PathPages):
    """The check of a row of Campaign, and the numbers beside its path."""

    def check_urls(self) -> list[URLPattern]:
        def own(route: str, view: Any, name: str) -> URLPattern:
            shown = self.admin_site.admin_view(by_the_shops_clock(view))
            page: URLPattern = path(f"<int:pk>/{route}", shown, name=f"campaigns_campaign_{name}")
            return page

        return [
            own("check/", self.check_view, "check"),
            own("check/<str:part>/", self.part_view, "check_part"),
            own("glance/", self.glance_view, "glance"),
            own("weigh/", self.weigh_view, "weigh"),
        ]

    def check_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        campaign = self.seen(request, pk)
        is_open = campaign.status in (Campaign.Status.DRAFT, Campaign.Status.APPROVED)
        found = checks.found(campaign, at=timezone.now()) if is_open else []
        told = {
            "problems": [told_problem(problem, campaign) for problem in found],
            "frictions": [told_problem(one, campaign) for one in frictions(campaign, at=timezone.now())],
            "hints": check_words.hints_of(campaign),
            "may_see": words.sees_people(request),
        }
        if request.headers.get("HX-Request"):
            return TemplateResponse(request, "admin/desk/campaign_check_body.html", {"row": campaign, **told})
        title = _("Check: %s") % campaign
        return self.own_page(request, "admin/desk/campaign_check.html", title=title, row=campaign, **told)

    def part_view(self, request: HttpRequest, pk: int, part: str) -> HttpResponse:
        campaign = self.seen(request, pk)
        if part not in PARTS:
            raise Http404
        if part in OF_PEOPLE and not words.sees_people(request):
            raise PermissionDenied
        now, in_tens = timezone.now(), not words.sees_people(request)
        context: dict[str, Any]
        match part:
            case "reach":
                context = check_words.reach_of(
                    campaign, by=request.user.get_username(), at=now, in_tens=in_tens
                )
            case "meets":
                context = {"meets": check_words.meets(campaign, at=now, in_tens=in_tens)}
            case "people":
                context = {"people": check_words.people_of(campaign, at=now)}
            case "person":
                context = check_words.would_get(campaign, self._person(request, campaign), at=now)
            case "taste":
                context = check_words.taste(self._person(request, campaign), at=now)
            case _:
                context = check_words.fairness_of(campaign, by=request.user.get_username(), at=now)
        return TemplateResponse(
            request, f"admin/desk/campaign_check_{part}.html", {"row": campaign, **context}
        )

    def _person(self, request: HttpRequest, campaign: Campaign) -> Customer:
        pk = request.GET.get("customer", "")
        people = Customer.objects.present().select_related("key")
        customer: Customer | None = people.filter(pk=pk).first() if pk.isdecimal() else None
        if customer is None:
            raise Http404
        log.info("a person was looked at", campaign=campaign.pk, customer=customer.pk, by=request.user.pk)
        return customer

    def glance_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        campaign, now = self.seen(request, pk), timezone.now()
        context = glance.glance(campaign, at=now, in_tens=not words.sees_people(request))
        return TemplateResponse(request, "admin/desk/campaign_glance.html", {"row": campaign, **context})

    def weigh_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What control groups of several sizes cost and buy; what is typed and not saved yet is asked for in GET."""
        campaign = self.seen(request, pk)
        # Whoever may not change it sees it as it stands: nobody asks of one window after another.
        if self.has_act_permission(request):
            _tried(campaign, request.GET)
        campaign.window_days = max(1, campaign.window_days)
        context = check_words.weighed(campaign, at=timezone.now(), in_tens=not words.sees_people(request))
        return TemplateResponse(request, "admin/desk/campaign_weigh.html", {"row": campaign, **context})


def _tried(campaign: Campaign, asked: Mapping[str, str]) -> None:
    """Put what is typed into the campaign, to be looked at and never saved; what is no number stays as it was."""
    for name, cast in (
        ("control_percent", Decimal),
        ("window_days", int),
        ("margin_percent", Decimal),
        ("sending_cost", Decimal),
    ):
        most = 90 if name == "control_percent" else 365
        try:
            value = cast(asked.get(name, ""))
            is_sound = 0 <= value <= most  # Decimal's "NaN" is not compared
        except (ArithmeticError, ValueError):
            continue
        if is_sound:
            setattr(campaign, name, value)
