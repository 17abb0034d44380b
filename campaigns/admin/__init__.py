"""The desk's pages of what we say, to whom, when, and what came of it."""

from campaigns.admin import (
    campaign,
    codes,
    deliveries,
    experiments,
    fairness,
    holdouts,
    journey,
    message,
    offer,
    people,
    placements,
    releases,
    segment,
    sending,
    uplift,
    webhooks,
)

__all__ = [
    "campaign",
    "codes",
    "deliveries",
    "experiments",
    "fairness",
    "holdouts",
    "journey",
    "message",
    "offer",
    "people",
    "placements",
    "releases",
    "segment",
    "sending",
    "uplift",
    "webhooks",
]
