"""Who goes in, once a cause: asked for consent, matched by the audiences, and given an arm."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction

from campaigns import experiments, segments
from campaigns.journeys import facts
from campaigns.journeys.definition import Definition
from campaigns.journeys.versions import add_to_waterfall, locked_run
from campaigns.models import Campaign, CampaignSegment, Decision, JourneyEntry, JourneyVersion
from campaigns.reach import PURPOSE_OF_CHANNEL, reachable
from campaigns.waterfall import Waterfall
from customers import consent

State = JourneyEntry.State
log = structlog.get_logger()


@dataclass(frozen=True)
class Call:
    """What calls one person into a journey. The same key never calls the same person twice."""

    customer_id: int
    key: str
    cause: Mapping[str, Any] = field(default_factory=dict)
    """{"skus": [the products that caused it], …}: what its messages may speak of"""


@dataclass
class Entered:
    """What became of those called: everyone stands in exactly one of the two."""

    arms: dict[int, str] = field(default_factory=dict)
    """customer id -> the arm of who went in"""
    refused: dict[int, str] = field(default_factory=dict)
    """customer id -> why not: again, not_matched, no_consent, suppressed or no_address"""
    is_stopped: bool = False
    """The campaign does not run: nobody was asked about."""


def enter(version: JourneyVersion, calls: Sequence[Call], *, at: datetime) -> Entered:
    """Let people in whom something called; of several causes of one person the first counts.

    Nobody is in a journey twice at once. Control and global holdout go in and travel nowhere: they are kept so that
    whoever was to be treated can be compared with whoever was not. A bounded number of queries.
    """
    found = Entered()
    by_person: dict[int, Call] = {}
    for call in calls:
        by_person.setdefault(call.customer_id, call)
    if not by_person:
        return found
    campaign, definition = version.campaign, Definition.of(version.definition)
    with transaction.atomic():
        run = locked_run(campaign, at=at)
        if run is None:
            found.is_stopped = True
            return found
        again = _not_again(campaign, definition.again_after, by_person, at=at)
        found.refused |= dict.fromkeys(again, "again")
        asked = [pk for pk in by_person if pk not in again]
        audiences = _audiences(campaign, asked, at=at)
        found.refused |= {pk: "not_matched" for pk in asked if pk not in audiences}
        allowed = _allowed(found, definition, campaign, list(audiences), at=at)
        held = {} if campaign.ignores_holdout else experiments.held_out_of_all(allowed, at=at)
        arms = experiments.arms(campaign.salt, campaign.control_percent, allowed)
        found.arms = {pk: Decision.Arm.HOLDOUT if pk in held else arms[pk] for pk in allowed}
        JourneyEntry.objects.bulk_create(
            [
                _entry(version, by_person[pk], definition.start, found.arms[pk], audiences[pk], at=at)
                for pk in allowed
            ],
            batch_size=200,
            ignore_conflicts=True,
        )
        # Who travels is counted at their messages.
        drawn = Counter(found.arms.values())
        held_out, holdout = drawn[Decision.Arm.CONTROL], drawn[Decision.Arm.HOLDOUT]
        if held_out or holdout:
            add_to_waterfall(run, Waterfall(matched=held_out + holdout, held_out=held_out, holdout=holdout))
    return found


def _entry(
    version: JourneyVersion, call: Call, start: str, arm: str, audience: CampaignSegment, *, at: datetime
) -> JourneyEntry:
    travels = arm == Decision.Arm.TREATED
    return JourneyEntry(
        campaign_id=version.campaign_id,
        version=version,
        customer_id=call.customer_id,
        key=call.key[:80],
        # Asked when they enter: who bought since is still of the audience that the journey was begun for.
        cause={**call.cause, "audience": audience.pk},
        arm=arm,
        state=State.WAITING if travels else State.DONE,
        step=start,
        wake_at=at if travels else None,
        entered_at=at,
        left_at=None if travels else at,
    )


def _not_again(
    campaign: Campaign, again_after: timedelta | None, calls: Mapping[int, Call], *, at: datetime
) -> set[int]:
    """Who is inside, or came in before too lately, or for this very cause. One query."""
    rows = JourneyEntry.objects.filter(campaign=campaign, customer__in=calls)
    found = set()
    for pk, state, key, entered_at in rows.values_list(
        "customer_id", "state", "key", "entered_at"
    ).iterator():
        too_soon = again_after is None or entered_at + again_after > at
        if too_soon or state == State.WAITING or key == calls[pk].key[:80]:
            found.add(pk)
    return found


def _audiences(
    campaign: Campaign, customer_ids: Collection[int], *, at: datetime
) -> dict[int, CampaignSegment]:
    """Each one's first audience that matches; who matches none is missing. One query an audience."""
    found: dict[int, CampaignSegment] = {}
    for audience in campaign.audiences.select_related("segment"):
        rest = [pk for pk in customer_ids if pk not in found]
        try:
            found |= dict.fromkeys(facts.matching(audience.segment, rest, at=at), audience)
        except segments.Withheld as why:  # it lets nobody in; `stopping` pauses its campaign
            log.warning("a journey waits for an approval", campaign=campaign.pk, why=str(why))
    return dict(sorted(found.items()))


def _allowed(
    found: Entered, definition: Definition, campaign: Campaign, customer_ids: Sequence[int], *, at: datetime
) -> list[int]:
    """Who allows every purpose that the journey needs, and can be reached."""
    purposes = definition.purposes(PURPOSE_OF_CHANNEL[Campaign.Channel(campaign.channel)])
    left = list(customer_ids)
    for purpose in purposes[1:]:
        verdicts = consent.verdicts(left, purpose)
        denied = {pk for pk in left if pk not in verdicts or not verdicts[pk].allowed}
        found.refused |= dict.fromkeys(denied, "no_consent")
        left = [pk for pk in left if pk not in denied]
    reach = reachable(left, channel=campaign.channel, at=at)
    found.refused |= dict.fromkeys(reach.no_consent, "no_consent")
    found.refused |= dict.fromkeys(reach.suppressed, "suppressed")
    found.refused |= dict.fromkeys(reach.no_address, "no_address")
    return sorted(reach.permissions)
