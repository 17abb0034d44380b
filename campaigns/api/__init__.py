"""The doors of campaigns: offers, codes, the marketer's things, and what is inferred."""

from campaigns.api.campaigns import CampaignStepView, CampaignsView, CampaignView
from campaigns.api.codes import RedeemCodeView, ReserveCodeView, ReverseCodeView, ValidateCodeView
from campaigns.api.definitions import (
    OfferDefinitionsView,
    OfferDefinitionView,
    PlacementsView,
    PlacementView,
)
from campaigns.api.exports import CancelExportView, ExportDownloadView, ExportsView, ExportView
from campaigns.api.offers import OffersView
from campaigns.api.previews import CampaignPreviewView, CampaignTestView
from campaigns.api.profile import ProfileView
from campaigns.api.segments import SegmentMembersView, SegmentPreviewView, SegmentsView, SegmentView
from campaigns.api.webhooks import (
    ReplayWebhookView,
    RotateWebhookView,
    TestWebhookView,
    WebhooksView,
    WebhookView,
)

__all__ = [
    "CampaignPreviewView",
    "CampaignStepView",
    "CampaignTestView",
    "CampaignView",
    "CampaignsView",
    "CancelExportView",
    "ExportDownloadView",
    "ExportView",
    "ExportsView",
    "OfferDefinitionView",
    "OfferDefinitionsView",
    "OffersView",
    "PlacementView",
    "PlacementsView",
    "ProfileView",
    "RedeemCodeView",
    "ReplayWebhookView",
    "ReserveCodeView",
    "ReverseCodeView",
    "RotateWebhookView",
    "SegmentMembersView",
    "SegmentPreviewView",
    "SegmentView",
    "SegmentsView",
    "TestWebhookView",
    "ValidateCodeView",
    "WebhookView",
    "WebhooksView",
]
