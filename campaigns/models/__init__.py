"""What we say, to whom, when, and what came of it: the facts."""

from campaigns.models.campaign import Campaign, CampaignRun, CampaignSegment, Message, Segment
from campaigns.models.decision import Decision, Delivery, Outcome
from campaigns.models.offer import Code, Offer, Redemption

__all__ = [
    "Campaign",
    "CampaignRun",
    "CampaignSegment",
    "Code",
    "Decision",
    "Delivery",
    "Message",
    "Offer",
    "Outcome",
    "Redemption",
    "Segment",
]
