"""What the document of the API (OpenAPI 3.1) says of the API, and how it names things."""

from typing import Any

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Tact",
    "DESCRIPTION": "Personalised campaigns that keep people's trust.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    # The same word for different lists of words needs two names.
    "ENUM_NAME_OVERRIDES": {
        "CampaignStatusEnum": "campaigns.models.Campaign.Status",
        "OfferStatusEnum": "campaigns.models.Offer.Status",
        "StateEnum": "customers.models.PrivacyRequest.State",
        "ExportStateEnum": "campaigns.models.Export.State",
        "ExportFormatEnum": "campaigns.models.Export.Format",
        "IntervalEnum": ["fixed", "sequence"],
        "ShareIntervalEnum": ["newcombe", "sequence"],
        "CampaignChannelEnum": "campaigns.models.Campaign.Channel",
        "PlacementChannelEnum": "campaigns.models.Placement.Channel",
    },
}
