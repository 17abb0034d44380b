"""People's own pages. The preference page stands in `campaigns.urls`: it also shows what was sent and why."""

from django.urls import path

from customers import privacy_views, views

urlpatterns = [
    path("unsubscribe/<str:token>/", views.Unsubscribe.as_view(), name="unsubscribe"),
    path("confirm/<str:token>/", views.Confirm.as_view(), name="confirm"),
    path("privacy/<str:token>/", privacy_views.Privacy.as_view(), name="privacy"),
    path("privacy/<str:token>/download", privacy_views.Download.as_view(), name="privacy-download"),
    path(
        "privacy/<str:token>/receipts/<int:record>",
        privacy_views.Receipt.as_view(),
        name="privacy-receipt",
    ),
    path("privacy/<str:token>/erase", privacy_views.Erase.as_view(), name="privacy-erase"),
]
