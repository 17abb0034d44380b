"""The desk's pages of what we say, to whom, when, and what came of it."""

from campaigns.admin import (
    campaign,
    codes,
    deliveries,
    experiments,
    exports,
    figures,
    holdouts,
    offer,
    people,
    placements,
    releases,
    sending,
    uplift,
)
from campaigns.admin.journeys import page as journey
from campaigns.admin.journeys import people as journey_people
from campaigns.admin.messages import page as message
from campaigns.admin.path import fairness
from campaigns.admin.reports import results
from campaigns.admin.segments import page as segment
from campaigns.admin.webhooks import messages as webhook_messages
from campaigns.admin.webhooks import page as webhook

__all__ = [
    "campaign",
    "codes",
    "deliveries",
    "experiments",
    "exports",
    "fairness",
    "figures",
    "holdouts",
    "journey",
    "journey_people",
    "message",
    "offer",
    "people",
    "placements",
    "releases",
    "results",
    "segment",
    "sending",
    "uplift",
    "webhook",
    "webhook_messages",
]
