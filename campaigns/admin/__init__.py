"""The desk's pages of what we say, to whom, when, and what came of it."""

from campaigns.admin import campaign, deliveries, message, offer, people, segment, sending

__all__ = ["campaign", "deliveries", "message", "offer", "people", "segment", "sending"]
