"""The steps of a campaign at the desk: which are possible now, and each with its consequence in numbers before it is taken."""

from collections import Counter
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns import checks, contents, lifecycle, segments
from campaigns.admin import sizing, words
from campaigns.admin.fates import fates
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


def _reached(people: str, audiences: int) -> str:
    if audiences > 1:
        return (
            gettext("%s people can be reached now; whoever stands in several audiences counts in the first.")
            % people
        )
    return gettext("%s people can be reached now.") % people
