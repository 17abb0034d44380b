"""What we say, to whom, when, and what came of it: the facts."""

from campaigns.models.campaign import Campaign, CampaignRun, CampaignSegment, Message, Segment, Tag
from campaigns.models.code import Code, CodeBatch, CodeMisuse, Redemption
from campaigns.models.decision import Decision, Delivery, Outcome
from campaigns.models.experiment import Holdout, ShareChange, Variant
from campaigns.models.export import Export
from campaigns.models.figure import DailyFigure
from campaigns.models.headline import Headline
from campaigns.models.journey import JourneyEntry, JourneyVersion, JourneyVisit, Trigger
from campaigns.models.offer import CapCount, Offer, OfferCap
from campaigns.models.placement import Placement, RankingState
from campaigns.models.release import FairnessCheck, PrivacyBudget, PrivateRelease, SavedReport
from campaigns.models.segment_size import SegmentSize
from campaigns.models.sending import Bounce, DomainPace, FrequencyCap, QuietHours
from campaigns.models.uplift import UpliftScore, UpliftStudy
from campaigns.models.webhook import WebhookEndpoint, WebhookMessage

__all__ = [
    "Bounce",
    "Campaign",
    "CampaignRun",
    "CampaignSegment",
    "CapCount",
    "Code",
    "CodeBatch",
    "CodeMisuse",
    "DailyFigure",
    "Decision",
    "Delivery",
    "DomainPace",
    "Export",
    "FairnessCheck",
    "FrequencyCap",
    "Headline",
    "Holdout",
    "JourneyEntry",
    "JourneyVersion",
    "JourneyVisit",
    "Message",
    "Offer",
    "OfferCap",
    "Outcome",
    "Placement",
    "PrivacyBudget",
    "PrivateRelease",
    "QuietHours",
    "RankingState",
    "Redemption",
    "SavedReport",
    "Segment",
    "SegmentSize",
    "ShareChange",
    "Tag",
    "Trigger",
    "UpliftScore",
    "UpliftStudy",
    "Variant",
    "WebhookEndpoint",
    "WebhookMessage",
]
