"""A campaign's life: draft → approved → running ⇄ paused → finished, or cancelled; and archived in the end.

Every step is a conditional update, so of two people who press at once only one has done it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from campaigns import checks, contents, fairness, journeys, just_looked, planning, queue
from campaigns.models import Campaign, CampaignRun, Delivery, FairnessCheck, JourneyEntry

Status = Campaign.Status
# So long a launch can be called back, before the first message is planned.
UNDO = timedelta(seconds=60)
CANCELLED_AT_ONCE = 2000

# What may still change while a campaign is paused: nothing that decides whom it reaches, or with what.
WHILE_PAUSED = ("name", "message", "ends_at", "priority", "tags", "stop_at_complaints", "stop_at_errors")

# What no copy takes along.
OF_ITS_LIFE = (
    "id", "slug", "name", "salt", "status", "created_by", "approved_by", "approved_people", "approved_contents",
    "starts_at", "ends_at", "resumed_at", "stopped_because", "created_at", "updated_at",
)  # fmt: skip


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
        Step("recall", (Status.RUNNING,), Status.APPROVED),
        Step("revise", (Status.APPROVED,), Status.DRAFT),
        Step("pause", (Status.RUNNING,), Status.PAUSED),
        Step("resume", (Status.PAUSED,), Status.RUNNING),
        Step("cancel", (Status.DRAFT, Status.APPROVED, Status.RUNNING, Status.PAUSED), Status.CANCELLED),
        Step("archive", (Status.FINISHED, Status.CANCELLED), Status.ARCHIVED),
    )
}


def take(
    campaign: Campaign,
    step_name: str,
    *,
    by: str,
    at: datetime,
    undo: timedelta = timedelta(0),
    seen: str = "",
) -> None:
    """Take a step of `STEPS`. Raises NotPossible, and then nothing has changed; a look at its fairness that crossed a
    wire is kept, to be answered.

    undo : how long a launch waits before anything is planned, so that it can be called back.
    seen : the contents that whoever approves has looked at; another than now is not approved. Empty: not asked.
    """
    step = STEPS[step_name]
    if why := why_not(campaign, step_name):  # before anything is worked out, and again by the update itself
        raise NotPossible(why)
    look = None
    changes: dict[str, object] = {"status": step.to, "updated_at": at}
    now_holds = contents.fingerprint(campaign) if step_name == "approve" else ""
    if seen and now_holds and seen != now_holds:
        raise NotPossible(_("It was changed after you opened it: look at it again."))
    if step_name in ("approve", "launch"):
        if found := checks.problems(campaign, at=at):
            raise NotPossible(" ".join(found))
        people = just_looked.recipients(campaign, at=at)
        if step_name == "launch" and (why := checks.why_not_launched(campaign, people)):
            raise NotPossible(why)
    if step_name == "approve":
        look = _look(campaign, people, by=by, at=at)
        changes |= {"approved_by": by, "approved_people": people, "approved_contents": now_holds}
    if step_name == "resume" and (found := fairness.withheld(campaign, at=at)):
        raise NotPossible(" ".join(found))
    if step_name == "revise":
        changes |= {"approved_by": "", "approved_people": None, "approved_contents": ""}
    if step_name == "resume":
        changes |= {"stopped_because": "", "resumed_at": at, **_approved_again(campaign, by=by, at=at)}
    with transaction.atomic():
        rows = Campaign.objects.filter(pk=campaign.pk, status__in=step.allowed_from)
        if not rows.update(**changes):
            raise NotPossible(why_not(campaign, step_name))
        if look is not None:
            look.save()
        if step_name == "launch":
            _begin(campaign, at=at, undo=undo)
        if step_name == "recall":
            _call_back(campaign)
        if step_name == "cancel":
            _cancel_what_waits(campaign, at=at)
    campaign.refresh_from_db()


def why_not(campaign: Campaign, step_name: str) -> str:
    """Why it cannot take the step in the state it is in now; empty where it can. One query."""
    allowed = STEPS[step_name].allowed_from
    now = Campaign.objects.values_list("status", flat=True).get(pk=campaign.pk)
    if now in allowed:
        return ""
    told = _("The campaign is “%(state)s”; this needs it to be one of: %(needed)s.")
    return told % {"state": Status(now).label, "needed": ", ".join(str(Status(one).label) for one in allowed)}


def _look(campaign: Campaign, people: int, *, by: str, at: datetime) -> FairnessCheck:
    """What whoever approves has looked at, to be kept with the approval. Raises NotPossible."""
    if why := checks.why_not_approved(campaign, people, by=by):
        raise NotPossible(why)
    look = just_looked.look(campaign, by=by, at=at)
    if why := fairness.why_not_approved(look):
        look.save()  # it waits for an answer
        raise NotPossible(why)
    return look


def _approved_again(campaign: Campaign, *, by: str, at: datetime) -> dict[str, object]:
    """A pause lets words be changed: to let them go on is to approve them. Raises NotPossible.

    What was approved before contents were kept is taken as it stands.
    """
    now_holds = contents.fingerprint(campaign)
    if campaign.approved_contents in ("", now_holds):
        return {}
    people = max(campaign.approved_people or 0, checks.recipients(campaign, at=at))
    if why := checks.why_not_approved(campaign, people, by=by):
        raise NotPossible(why)
    return {"approved_by": by, "approved_people": people, "approved_contents": now_holds}


def _begin(campaign: Campaign, *, at: datetime, undo: timedelta) -> None:
    """Make the run that is due first, where the kind has one from the beginning."""
    if campaign.kind == Campaign.Kind.JOURNEY:
        journeys.run_of(campaign, at=at)
    if campaign.kind == Campaign.Kind.ONCE and campaign.channel != Campaign.Channel.ONSITE:
        # Launched after its start, it was late on purpose.
        CampaignRun.objects.get_or_create(campaign=campaign, due_at=max(campaign.starts_at or at, at + undo))


def _call_back(campaign: Campaign) -> None:
    """Undo a launch of which nothing has come yet."""
    campaign.runs.filter(
        Q(planned_at__isnull=True) | Q(campaign__kind=Campaign.Kind.JOURNEY), decisions=None
    ).delete()
    if campaign.runs.exists() or campaign.decisions.exists() or campaign.entries.exists():
        raise NotPossible(_("It has begun: pause or cancel it."))


def catch_up(run: CampaignRun, *, at: datetime) -> None:
    """A person says that a run which came too late may still go: it is due now. Raises NotPossible."""
    if not planning.late(at=at).filter(pk=run.pk).update(due_at=at):
        raise NotPossible(
            _("This run does not wait for anybody: it has begun, or its campaign does not run.")
        )


def _cancel_what_waits(campaign: Campaign, *, at: datetime) -> None:
    open_states = (CampaignRun.State.DUE, CampaignRun.State.PLANNING, CampaignRun.State.DELIVERING)
    campaign.runs.filter(state__in=open_states).update(state=CampaignRun.State.CANCELLED)
    _cancel_some(Delivery.objects.filter(run__campaign=campaign), at=at)
    journeys.end_cancelled(at=at)


def cancel_due(*, at: datetime) -> int:
    """End what waits yet of campaigns that were cancelled, a page a transaction; how many.

    A million messages take longer than whoever cancels would wait. None of them leaves meanwhile: the queue gives out
    those of running campaigns.
    """
    waiting = Delivery.objects.filter(run=OuterRef("pk"), status__in=queue.WAITING)
    runs = CampaignRun.objects.filter(Exists(waiting), state=CampaignRun.State.CANCELLED)
    done = 0
    for pk in list(runs.values_list("pk", flat=True)):
        while n := _cancel_some(Delivery.objects.filter(run=pk), at=at):
            done += n
    return done


def _cancel_some(rows: QuerySet[Delivery], *, at: datetime) -> int:
    with transaction.atomic():
        waiting = rows.filter(status__in=queue.WAITING).select_for_update(of=("self",), skip_locked=True)
        ids = list(waiting.values_list("pk", flat=True)[:CANCELLED_AT_ONCE])
        return Delivery.objects.filter(pk__in=ids).update(status=Delivery.Status.CANCELLED, ended_at=at)


def copy(campaign: Campaign, *, slug: str, by: str) -> Campaign:
    """A draft of the same: its audiences with their offers, its variants, its tags and the newest steps of a journey.

    Nothing of its life comes along, nor a beginning or an end that has been set for the first.
    """
    with transaction.atomic():
        row = Campaign.objects.filter(pk=campaign.pk).values().get()
        told: dict[str, Any] = {name: value for name, value in row.items() if name not in OF_ITS_LIFE}
        name = (_("%s, copy") % campaign.name)[:200]
        twin: Campaign = Campaign.objects.create(slug=slug, name=name, created_by=by, **told)
        twin.tags.set(campaign.tags.all())
        for audience in campaign.audiences.prefetch_related("offers"):
            own = twin.audiences.create(segment_id=audience.segment_id, position=audience.position)
            own.offers.set(audience.offers.all())
        for variant in campaign.variants.all():
            twin.variants.create(
                key=variant.key, name=variant.name, message_id=variant.message_id, weight=variant.weight
            )
        if (version := journeys.newest(campaign)) is not None:
            journeys.publish(twin, version.definition, by=by)
    return twin


def finish_done(*, at: datetime) -> int:
    """Close runs whose every delivery has ended, and campaigns from which nothing more comes. Two updates.

    A campaign that is sent once is over with its run; what comes again, a journey and what shows in the shop when
    their end has passed and nobody is on the way any more.
    """
    unended = ("planned", "claimed", "transmitting", "retry")
    under_way = JourneyEntry.objects.filter(state=JourneyEntry.State.WAITING).values("campaign_id")
    runs = CampaignRun.objects.filter(state=CampaignRun.State.DELIVERING).exclude(
        pk__in=Delivery.objects.filter(status__in=unended).values("run_id")
    )
    open_journey = Q(campaign__ends_at__isnull=True) | Q(campaign__ends_at__gt=at)
    open_journey |= Q(campaign__in=under_way)
    done = runs.exclude(Q(campaign__kind=Campaign.Kind.JOURNEY) & open_journey).update(
        state=CampaignRun.State.DONE
    )
    open_runs = CampaignRun.objects.exclude(state__in=(CampaignRun.State.DONE, CampaignRun.State.CANCELLED))
    sent_once = Q(kind=Campaign.Kind.ONCE, runs__isnull=False)
    over = Campaign.objects.filter(sent_once | Q(ends_at__lte=at), status=Status.RUNNING)
    over.exclude(pk__in=open_runs.values("campaign_id")).exclude(pk__in=under_way).update(
        status=Status.FINISHED, updated_at=at
    )
    return done
