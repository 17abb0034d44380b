"""The steps of a campaign at the desk: which are possible now, and each with its consequence in numbers before it is taken.

The page of a step stands at once; what is counted for it exactly is asked for apart (`?count=1`), as a million people
take seconds.
"""

from collections import Counter
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns import checks, contents, just_looked, lifecycle, segments
from campaigns.admin import words
from campaigns.admin.fates import fates
from campaigns.admin.path import sizing
from campaigns.models import Campaign
from catalog.pages import Page

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


class StepPages(Page):
    """The steps of a row of Campaign."""

    def step_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.step_view)
        return [path("<int:pk>/step/<str:step>/", view, name="campaigns_campaign_step")]

    def steps_of(
        self, request: HttpRequest, campaign: Campaign, *, is_complete: bool
    ) -> list[dict[str, Any]]:
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
                # What is approved is what was looked at.
                "seen": contents.fingerprint(campaign) if step.name == "approve" else "",
            }
            for step in lifecycle.STEPS.values()
            if campaign.status in step.allowed_from
            and (is_complete or step.name not in ("approve", "launch"))
        ]

    def step_view(self, request: HttpRequest, pk: int, step: str) -> HttpResponse:
        """GET tells the consequence in numbers and changes nothing; POST takes the step, as the API does.

        Its numbers are counted where `count` is asked for: the page asks that by itself, and shows the launch's button
        with them.
        """
        campaign = self.get_object(request, str(pk))
        if campaign is None or step not in lifecycle.STEPS:
            raise Http404
        if not self.has_act_permission(request):
            raise PermissionDenied
        page = "path" if "path" in (request.POST.get("back"), request.GET.get("back")) else "change"
        back = HttpResponseRedirect(reverse(f"admin:campaigns_campaign_{page}", args=[pk]))
        now = timezone.now()
        if request.method == "POST":
            try:
                lifecycle.take(
                    campaign,
                    step,
                    by=request.user.get_username(),
                    at=now,
                    undo=lifecycle.UNDO,
                    seen=request.POST.get("seen", ""),
                )
            except lifecycle.NotPossible as reason:
                messages.error(request, str(reason))
            else:
                self.log_change(request, campaign, f"Took the step “{step}”.")
                messages.success(request, words.state(campaign, fates([pk]).get(pk, Counter())))
                if step == "approve" and page == "path":
                    # With its place on the page: the launch stands below the seven steps.
                    return HttpResponseRedirect(f"{back.url}#launch")
            return back
        waits = step != "archive" and "count" not in request.GET
        numbers = {"waits": True} if waits else self._consequence(request, campaign, step)
        not_now = lifecycle.why_not(campaign, step)
        return self.own_page(
            request,
            "admin/desk/step.html",
            title=gettext("%(step)s: %(campaign)s") % {"step": STEP_WORDS[step], "campaign": campaign},
            row=campaign,
            step=step,
            confirm=STEP_WORDS[step],
            is_grave=step == "cancel",
            back=back.url,
            back_to=page,
            count=f"?count=1&back={page}",
            problems=[not_now] if not_now else _problems(campaign, step, at=now),
            sentences=[] if not_now else _sentences(campaign, step),
            **numbers,
        )

    def _consequence(self, request: HttpRequest, campaign: Campaign, step: str) -> dict[str, Any]:
        """Per audience, how many match and can be reached now. Each audience reads everyone once.

        Exactly for whoever may see people; else in tens, but for the one number that a launch must name: how many an
        approved campaign reaches.
        """
        in_tens = not words.sees_people(request)
        is_at_launch = step == "launch" and campaign.status in lifecycle.STEPS[step].allowed_from
        if step == "archive":
            return {}
        now, audiences, asked, total = timezone.now(), [], [], 0
        for audience in campaign.audiences.select_related("segment"):
            try:
                counted = segments.waterfall(audience.segment, channel=campaign.channel, at=now)
                total = counted["sendable"]
            except segments.Withheld:  # it reaches nobody; the problems say why
                continue
            audiences.append(
                {
                    "name": audience.segment.name,
                    "bars": words.bars(counted, in_tens=in_tens, hides_nobody=in_tens),
                }
            )
            asked.append(audience.segment)
        if len(asked) > 1:  # each person once, however many audiences they stand in
            total = segments.waterfall(*asked, channel=campaign.channel, at=now)["sendable"]
        if len(asked) == campaign.audiences.count():
            just_looked.note_people(campaign, total)
        reached = words.people(total, in_tens=in_tens and not is_at_launch)
        told: list[str] = []
        if step == "launch":
            told = [_reached(reached, len(audiences)), _held_out(campaign)]
            told += sizing.sentences(campaign, at=now, in_tens=in_tens)
        if step == "cancel":
            told = [gettext("People its audiences would reach now: %s.") % reached]
        return {"counted": told, "audiences": audiences, "total": reached}


def _problems(campaign: Campaign, step: str, *, at: datetime) -> list[str]:
    return checks.problems(campaign, at=at) if step in ("approve", "launch") else []


def _sentences(campaign: Campaign, step: str) -> list[str]:
    """What can be said of the step before anybody is counted. One query at most."""
    if step == "approve":
        return [gettext("Nothing is sent yet: once it is approved, it waits for its launch.")]
    if step == "archive":
        return [gettext("It leaves the lists of what needs you; its report stays.")]
    if step != "cancel":
        return []
    found = fates([campaign.pk]).get(campaign.pk, Counter())
    told = gettext("%(waiting)s planned messages will never be sent; %(sent)s have been sent and stay sent.")
    return [told % words.progress(found), gettext("A cancelled campaign cannot be taken up again.")]


def _held_out(campaign: Campaign) -> str:
    if not campaign.control_percent:
        return gettext("Nobody is held out, so its effect cannot be measured.")
    share = f"{campaign.control_percent.normalize():f}"
    return gettext("%s %% of them are held out as the control group and get nothing.") % share


def _reached(people: str, audiences: int) -> str:
    if audiences > 1:
        return (
            gettext("%s people can be reached now; whoever stands in several audiences counts in the first.")
            % people
        )
    return gettext("%s people can be reached now.") % people
