"""What the document of the API (OpenAPI 3.1) says of the API, and how it names things."""

from typing import Any

DESCRIPTION = """\
Personalised campaigns that keep people's trust.

Send your key as `Authorization: Bearer KEY`. A secret key (`sk_…`) belongs on the shop's server; a publishable one
(`pk_…`) may stand in a page, and speaks for a customer only with the token of `create_customer_token`, sent as
`X-Customer-Token`.

Money is a string with its currency (ISO 4217); times are RFC 3339 with a zone, and come back in UTC; ids of customers
and SKUs are the shop's own. Lists that can grow come in pages: follow `next` until it is null. Every error is
`{"code", "message"}`, with `fields` where a field is at fault. A POST with an `Idempotency-Key` is done once, however
often it is sent. Nothing about a person is kept or used that they did not allow; the answer then says so, and is no error.
"""
# In the order in which a shop meets them.
TAGS = {
    "products": "What the shop sells, and what people say of it",
    "customers": "Who people are, by the shop's own ids",
    "consents": "What they allow: the words to ask with, their answers, and proofs of those",
    "events": "What they do",
    "recommendations": "What suits them",
    "offers": "What they are offered, and the marketer's offers and places",
    "codes": "At the till: what a code takes off, holding it, using it, giving it back",
    "segments": "Groups of people by rule",
    "campaigns": "What is said to whom, and what came of it",
    "webhooks": "Who is told what happens here",
    "exports": "Files for analysts",
    "models": "What has been learnt, and learning anew",
    "privacy": "What people demand by law",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Tact",
    "DESCRIPTION": DESCRIPTION,
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    # Of what is changed every field may be left out already.
    "COMPONENT_SPLIT_PATCH": False,
    "TAGS": [{"name": name, "description": told} for name, told in TAGS.items()],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.openapi.finish",
        "config.exactness.make_exact",
    ],
    # The same word for different lists of words needs two names, and some have a better one than their field.
    "ENUM_NAME_OVERRIDES": {
        "PrivacyRequestType": "customers.models.PrivacyRequest.Type",
        "PrivacyRequestState": "customers.models.PrivacyRequest.State",
        "CampaignStatus": "campaigns.models.Campaign.Status",
        "CampaignChannel": "campaigns.models.Campaign.Channel",
        "CampaignKind": "campaigns.models.Campaign.Kind",
        "Allocation": "campaigns.models.Campaign.Allocation",
        "SendTime": "campaigns.models.Campaign.SendTime",
        "OfferStatus": "campaigns.models.Offer.Status",
        "Benefit": "campaigns.models.Offer.Benefit",
        "CodeKind": "campaigns.models.Offer.CodeKind",
        "CapEvent": "campaigns.models.OfferCap.Event",
        "CapScope": "campaigns.models.OfferCap.Scope",
        "PlacementChannel": "campaigns.models.Placement.Channel",
        "Ranking": "campaigns.models.Placement.Ranking",
        "Success": "campaigns.models.Placement.Success",
        "Interval": ["fixed", "sequence"],
        "ShareInterval": ["newcombe", "sequence"],
        "Language": ["en", "zh-hans"],
        "Verdict": ["earned", "cost", "cannot_tell"],
        "ExportState": "campaigns.models.Export.State",
        "ExportFormat": "campaigns.models.Export.Format",
    },
}
