"""The desk's pages of what we say, to whom, when, and what came of it."""

from campaigns.admin import (
    campaign,
    codes,
    deliveries,
    experiments,
    exports,
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
)

__all__ = [
    "campaign",
    "codes",
    "deliveries",
    "experiments",
    "exports",
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
]
