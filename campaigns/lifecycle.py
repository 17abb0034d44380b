"""A campaign's life: draft → approved → running ⇄ paused → finished, or cancelled; and archived in the end.

Every step is a conditional update, so of two people who press at once only one has done it.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import delivery, messages, planning
from campaigns.models import Campaign, CampaignRun, Delivery, Offer

Status = Campaign.Status


class NotPossible(Exception):
    """The campaign is not in a state, or not complete enough, for this step. The message says what to do."""


@dataclass(frozen=True)
class Step:
    name: str
    allowed_from: tuple[str, ...]
    to: str


STEPS = {
    step.name: step
    for step in (
        Step("approve", (Status.DRAFT,), Status.APPROVED),
        Step("launch", (Status.APPROVED,), Status.RUNNING),
        Step("pause", (Status.RUNNING,), Status.PAUSED),
        Step("resume", (Status.PAUSED,), Status.RUNNING),
        Step("cancel", (Status.DRAFT, Status.APPROVED, Status.RUNNING, Status.PAUSED), Status.CANCELLED),
        Step("archive", (Status.FINISHED, Status.CANCELLED), Status.ARCHIVED),
    )
}


def problems(campaign: Campaign, *, at: datetime) -> list[str]:
    """What keeps a campaign from being approved, each with its mend. Three queries."""
    found = []
    audiences = list(campaign.audiences.prefetch_related("offers"))
    if not audiences:
        found.append(_("It has no audience: add at least one segment."))
    for audience in audiences:
        for offer in audience.offers.all():
            if offer.status != Offer.Status.APPROVED:
                found.append(_("The offer “%s” is not approved: approve it or take it out.") % offer.title)
            elif offer.ends_at is not None and offer.ends_at <= at:
                found.append(_("The offer “%s” is over: change its end or take it out.") % offer.title)
    if campaign.channel == Campaign.Channel.EMAIL:
        found += delivery.problems_of_the_sender()
        if campaign.message is None:
            found.append(_("It has no message: choose or write one."))
        else:
            found += [str(problem) for problem in messages.check(campaign.message)]
    if campaign.channel == Campaign.Channel.ONSITE and not campaign.placement:
        found.append(_("It has no placement: say where in the shop it shows."))
    if campaign.channel == Campaign.Channel.WEBHOOK and not campaign.webhook_url.startswith("https://"):
        found.append(_("It has no webhook address beginning with https://."))
    return found


def take(campaign: Campaign, step_name: str, *, by: str, at: datetime) -> None:
    """Take a step of `STEPS`. Raises NotPossible, and then nothing has changed."""
    step = STEPS[step_name]
    if step_name in ("approve", "launch") and (found := problems(campaign, at=at)):
        raise NotPossible(" ".join(found))
    changes: dict[str, object] = {"status": step.to, "updated_at": at}
    if step_name == "approve":
        changes["approved_by"] = by
    with transaction.atomic():
        rows = Campaign.objects.filter(pk=campaign.pk, status__in=step.allowed_from)
        if not rows.update(**changes):
            now = Campaign.objects.values_list("status", flat=True).get(pk=campaign.pk)
            raise NotPossible(
                _("The campaign is “%(state)s”; this needs it to be one of: %(needed)s.")
                % {"state": now, "needed": ", ".join(step.allowed_from)}
            )
        if step_name == "launch" and campaign.channel != Campaign.Channel.ONSITE:
            # Launched after its start, it was late on purpose.
            CampaignRun.objects.get_or_create(campaign=campaign, due_at=max(campaign.starts_at or at, at))
        if step_name == "cancel":
            _cancel_what_waits(campaign, at=at)
    campaign.refresh_from_db()


def catch_up(run: CampaignRun, *, at: datetime) -> None:
    """A person says that a run which came too late may still go: it is due now. Raises NotPossible."""
    if not planning.late(at=at).filter(pk=run.pk).update(due_at=at):
        raise NotPossible(
            _("This run does not wait for anybody: it has begun, or its campaign does not run.")
        )


def _cancel_what_waits(campaign: Campaign, *, at: datetime) -> None:
    open_states = (CampaignRun.State.DUE, CampaignRun.State.PLANNING, CampaignRun.State.DELIVERING)
    campaign.runs.filter(state__in=open_states).update(state=CampaignRun.State.CANCELLED)
    waiting = (Delivery.Status.PLANNED, Delivery.Status.RETRY)
    Delivery.objects.filter(run__campaign=campaign, status__in=waiting).update(
        status=Delivery.Status.CANCELLED, ended_at=at
    )


def finish_done(*, at: datetime) -> int:
    """Close runs whose every delivery has ended, and campaigns whose every run is closed. Two updates."""
    unended = ("planned", "claimed", "transmitting", "retry")
    runs = CampaignRun.objects.filter(state=CampaignRun.State.DELIVERING).exclude(
        pk__in=Delivery.objects.filter(status__in=unended).values("run_id")
    )
    done = runs.update(state=CampaignRun.State.DONE)
    open_runs = CampaignRun.objects.exclude(state__in=(CampaignRun.State.DONE, CampaignRun.State.CANCELLED))
    Campaign.objects.filter(status=Status.RUNNING, runs__isnull=False).exclude(
        pk__in=open_runs.values("campaign_id")
    ).update(status=Status.FINISHED, updated_at=at)
    return done
