"""The Segment-compatible door, and people's own pages. The preference page stands in `campaigns.urls`: it also shows what was sent and why."""

from django.urls import path

from customers import privacy_views, proof_views, request_pages, shop_hooks, tracking, views

urlpatterns = [
    path("v1/projects/<str:key>/settings", tracking.settings_of, name="segment-settings"),
    path("v1/<str:kind>", tracking.door, name="segment"),
    path("v1/<str:kind>/", tracking.door),
    path("hooks/<slug:kind>/<uuid:number>", shop_hooks.door, name="shop-hook"),
    path("hooks/<slug:kind>/<uuid:number>/", shop_hooks.door),
    path("proof/", proof_views.ProofPage.as_view(), name="proof"),
    path("proof/checkpoints.jsonl", proof_views.checkpoint_lines, name="proof-checkpoints"),
    path("proof/ledger.pub", proof_views.public_key, name="proof-key"),
    path("proof/verify_receipt.py", proof_views.script, name="proof-script"),
    path("unsubscribe/<str:token>/", views.Unsubscribe.as_view(), name="unsubscribe"),
    path("confirm/<str:token>/", views.Confirm.as_view(), name="confirm"),
    path("privacy/request/<str:token>/", request_pages.Prove.as_view(), name="privacy-request"),
    path("privacy/copy/<str:token>/", request_pages.Copy.as_view(), name="privacy-copy"),
    path("privacy/<str:token>/", request_pages.Privacy.as_view(), name="privacy"),
    path("privacy/<str:token>/download", request_pages.Download.as_view(), name="privacy-download"),
    path(
        "privacy/<str:token>/receipts/<int:record>",
        privacy_views.Receipt.as_view(),
        name="privacy-receipt",
    ),
    path("privacy/<str:token>/ask/<str:kind>", request_pages.AskFor.as_view(), name="privacy-ask"),
    path("privacy/<str:token>/erase", privacy_views.Erase.as_view(), name="privacy-erase"),
]
