"""The desk's pages of what we say, to whom, when, and what came of it."""

from campaigns.admin import campaign, codes, deliveries, message, offer, people, placements, segment

__all__ = ["campaign", "codes", "deliveries", "message", "offer", "people", "placements", "segment"]
