"""A journey's versions and its run. People inside finish the version they began, unless they are moved."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.journeys import counting
from campaigns.journeys.definition import Definition, NotSound, check
from campaigns.models import Campaign, CampaignRun, JourneyEntry, JourneyVersion, Trigger
from campaigns.waterfall import Waterfall


class Outdated(Exception):
    """Somebody else has published a version meanwhile: that is `version`."""

    def __init__(self, version: JourneyVersion) -> None:
        super().__init__(str(version))
        self.version = version


class NeedsApproval(Exception):
    """It runs for so many people that somebody else approves what it says. The message says what to do."""


@dataclass(frozen=True)
class Inside:
    """Of those who are on the way now, how many would go on in a new version, and how many would finish their own."""

    moving: int = 0
    staying: int = 0


def newest(campaign: Campaign) -> JourneyVersion | None:
    """The version that people enter now."""
    return JourneyVersion.objects.filter(campaign=campaign).order_by("-number").first()


def why_not_published(campaign: Campaign) -> str:
    """A running journey of many people is paused first: to let it go on is to approve what it says then (S5)."""
    above = settings.APPROVAL_ABOVE
    if campaign.status != Campaign.Status.RUNNING or (campaign.approved_people or 0) <= above:
        return ""
    return (
        _(
            "It runs for more than %s people, so that somebody else approves its changes: pause the campaign, save, and let "
            "another person resume it."
        )
        % f"{above:,}"
    )


def publish(
    campaign: Campaign, definition: Any, *, by: str, move: bool = False, after: int | None = None
) -> JourneyVersion:
    """Make a journey's next version. Raises NotSound with every problem, NeedsApproval or Outdated; then nothing has
    changed.

    move : people inside go on in the new version where the step they are at still is one, of the same kind.
    after : the number of the version it was made from, 0 for none; None where that does not matter.
    """
    if problems := check(definition, channel=campaign.channel):
        raise NotSound(problems)
    with transaction.atomic():
        # Of two people who publish at once, one waits here.
        held = Campaign.objects.select_for_update(of=("self",)).get(pk=campaign.pk)
        if why := why_not_published(held):
            raise NeedsApproval(why)
        before = newest(campaign)
        if after is not None and before is not None and before.number != after:
            raise Outdated(before)
        version = JourneyVersion.objects.create(
            campaign=campaign,
            number=before.number + 1 if before else 1,
            definition=definition,
            created_by=by,
        )
        if before is not None and (
            Definition.of(before.definition).calls.rows != Definition.of(definition).calls.rows
        ):
            # How far it has looked counts other rows now.
            Trigger.objects.filter(campaign=campaign).delete()
        if move:
            _move(version)
    return version


def would_move(campaign: Campaign, definition: Any) -> Inside:
    """Who would go on in this version if it were published and people moved. Two queries."""
    by_step = counting.inside(campaign)
    steps = dict(
        JourneyVersion.objects.filter(pk__in={pk for pk, _step, _n in by_step}).values_list(
            "pk", "definition"
        )
    )
    moving = sum(n for pk, step, n in by_step if step in _same(steps[pk], definition))
    return Inside(moving, sum(n for _pk, _step, n in by_step) - moving)


def _same(old: Any, new: Any) -> set[str]:
    """The steps of an old version that still are, of the same kind, in a new one."""
    steps = new["steps"]
    return {name for name, step in old["steps"].items() if steps.get(name, {}).get("kind") == step["kind"]}


def _move(version: JourneyVersion) -> None:
    for old in JourneyVersion.objects.filter(campaign_id=version.campaign_id).exclude(pk=version.pk):
        same = _same(old.definition, version.definition)
        JourneyEntry.objects.filter(version=old, state=JourneyEntry.State.WAITING, step__in=same).update(
            version=version
        )


def run_of(campaign: Campaign, *, at: datetime) -> CampaignRun:
    """The one run that all decisions of a journey stand in; it delivers for as long as the campaign runs."""
    run = CampaignRun.objects.filter(campaign=campaign).order_by("pk").first()
    if run is None:
        run, _made = CampaignRun.objects.get_or_create(campaign=campaign, due_at=campaign.starts_at or at)
    over = (CampaignRun.State.DELIVERING, CampaignRun.State.CANCELLED)
    if run.state not in over:
        CampaignRun.objects.filter(pk=run.pk).exclude(state__in=over).update(
            state=CampaignRun.State.DELIVERING, planned_at=at
        )
        run.refresh_from_db()
    return run


def locked_run(campaign: Campaign, *, at: datetime) -> CampaignRun | None:
    """The journey's run, locked until the transaction ends; None when the campaign does not run any more.

    Whoever cancels changes the run's row too, so it is either seen here or sees what was planned here.
    """
    pk = run_of(campaign, at=at).pk
    run = CampaignRun.objects.select_for_update(of=("self",)).select_related("campaign__message").get(pk=pk)
    stopped = run.state == CampaignRun.State.CANCELLED or run.campaign.status != Campaign.Status.RUNNING
    return None if stopped else run


def add_to_waterfall(run: CampaignRun, counted: Waterfall) -> None:
    """Add to what the run counts. Call it with the run locked."""
    total = Waterfall.from_dict(run.waterfall)
    total += counted
    run.waterfall = total.as_dict()
    run.save(update_fields=["waterfall"])
