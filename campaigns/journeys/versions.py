"""A journey's versions and its run. People inside finish the version they began, unless they are moved."""

from datetime import datetime
from typing import Any

from django.db import transaction

from campaigns.journeys.definition import Definition, NotSound, check
from campaigns.models import Campaign, CampaignRun, JourneyEntry, JourneyVersion, Trigger
from campaigns.waterfall import Waterfall


def newest(campaign: Campaign) -> JourneyVersion | None:
    """The version that people enter now."""
    return JourneyVersion.objects.filter(campaign=campaign).order_by("-number").first()


def publish(campaign: Campaign, definition: Any, *, by: str, move: bool = False) -> JourneyVersion:
    """Make a journey's next version. Raises NotSound with every problem, and then nothing has changed.

    move : people inside go on in the new version where the step they are at still is one, of the same kind.
    """
    if problems := check(definition, channel=campaign.channel):
        raise NotSound(problems)
    with transaction.atomic():
        # Of two people who publish at once, one waits here.
        Campaign.objects.select_for_update(of=("self",)).get(pk=campaign.pk)
        before = newest(campaign)
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


def _move(version: JourneyVersion) -> None:
    steps = version.definition["steps"]
    for old in JourneyVersion.objects.filter(campaign_id=version.campaign_id).exclude(pk=version.pk):
        same = [
            name
            for name, step in old.definition["steps"].items()
            if steps.get(name, {}).get("kind") == step["kind"]
        ]
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
