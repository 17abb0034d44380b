"""The desk's pages of what we say, to whom, when, and what came of it."""

from campaigns.admin import (
    campaign,
    deliveries,
    experiments,
    holdouts,
    journey,
    message,
    offer,
    people,
    segment,
    sending,
    uplift,
)

__all__ = [
    "campaign",
    "deliveries",
    "experiments",
    "holdouts",
    "journey",
    "message",
    "offer",
    "people",
    "segment",
    "sending",
    "uplift",
]
