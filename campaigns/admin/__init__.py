"""The desk's pages of what we say, to whom, when, and what came of it."""

from campaigns.admin import campaign, deliveries, journey, message, offer, people, segment

__all__ = ["campaign", "deliveries", "journey", "message", "offer", "people", "segment"]
