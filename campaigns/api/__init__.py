"""The doors of campaigns: offers, codes, the marketer's things, and what is inferred."""

from campaigns.api.codes import RedeemCodeView, ReserveCodeView, ReverseCodeView, ValidateCodeView
from campaigns.api.definitions import (
    OfferDefinitionsView,
    OfferDefinitionView,
    PlacementsView,
    PlacementView,
)
from campaigns.api.offers import OffersView
from campaigns.api.profile import ProfileView

__all__ = [
    "OfferDefinitionView",
    "OfferDefinitionsView",
    "OffersView",
    "PlacementView",
    "PlacementsView",
    "ProfileView",
    "RedeemCodeView",
    "ReserveCodeView",
    "ReverseCodeView",
    "ValidateCodeView",
]
