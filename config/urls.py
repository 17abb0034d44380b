"""Every public address in one list."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from campaigns import api as campaigns
from campaigns import reporting_api, shop
from catalog import api as catalog
from config import health, script
from customers import api as customers
from customers import shop as consent_shop
from recommender import api as recommender

api = [
    path("customers/bulk", customers.CustomersBulkView.as_view()),
    path("customers/<str:external_id>", customers.CustomerView.as_view()),
    path("customers/<str:external_id>/profile", campaigns.ProfileView.as_view()),
    path("customers/<str:external_id>/token", customers.CustomerTokenView.as_view()),
    path("customers/<str:external_id>/consents", customers.ConsentsView.as_view()),
    path("customers/<str:external_id>/consents/ask", customers.AskConsentView.as_view()),
    path("customers/<str:external_id>/consents/history", customers.ConsentHistoryView.as_view()),
    path("customers/<str:external_id>/consents/<int:record>/receipt", customers.ReceiptView.as_view()),
    path("consents", customers.VisitorConsentsView.as_view()),
    path("consents/bulk", customers.ConsentsBulkView.as_view()),
    path("privacy-requests", customers.PrivacyRequestsView.as_view()),
    path("privacy-requests/<uuid:number>", customers.PrivacyRequestView.as_view()),
    path("privacy-requests/<uuid:number>/download", customers.PrivacyRequestDownloadView.as_view()),
    path("notices", customers.NoticesView.as_view()),
    path("purposes", customers.PurposesView.as_view()),
    path("events", customers.EventsView.as_view()),
    path("reviews", recommender.ReviewsView.as_view()),
    path("products", catalog.ProductsView.as_view()),
    path("products/bulk", catalog.ProductsBulkView.as_view()),
    path("products/<str:sku>", catalog.ProductView.as_view()),
    path("products/<str:sku>/similar", recommender.SimilarView.as_view()),
    path("recommendations", recommender.RecommendationsView.as_view()),
    path("rank", recommender.RankView.as_view()),
    path("models", recommender.ModelsView.as_view()),
    path("models/train", recommender.TrainView.as_view()),
    path("training-runs/<int:run>", recommender.TrainingRunView.as_view()),
    path("training-runs/<int:run>/cancel", recommender.CancelTrainingView.as_view()),
    path("offers", campaigns.OffersView.as_view()),
    path("offers/definitions", campaigns.OfferDefinitionsView.as_view()),
    path("offers/definitions/<str:slug>", campaigns.OfferDefinitionView.as_view()),
    path("offers/placements", campaigns.PlacementsView.as_view()),
    path("offers/placements/<str:slug>", campaigns.PlacementView.as_view()),
    path("segments", campaigns.SegmentsView.as_view()),
    path("segments/preview", campaigns.SegmentPreviewView.as_view()),
    path("segments/<str:slug>", campaigns.SegmentView.as_view()),
    path("segments/<str:slug>/members", campaigns.SegmentMembersView.as_view()),
    path("campaigns", campaigns.CampaignsView.as_view()),
    path("campaigns/<str:slug>", campaigns.CampaignView.as_view()),
    path("campaigns/<str:slug>/preview", campaigns.CampaignPreviewView.as_view()),
    path("campaigns/<str:slug>/test", campaigns.CampaignTestView.as_view()),
    path("campaigns/<str:slug>/report", reporting_api.CampaignReportView.as_view()),
    path("campaigns/<str:slug>/<str:step>", campaigns.CampaignStepView.as_view()),
    path("codes/validate", campaigns.ValidateCodeView.as_view()),
    path("codes/reserve", campaigns.ReserveCodeView.as_view()),
    path("codes/redeem", campaigns.RedeemCodeView.as_view()),
    path("codes/reverse", campaigns.ReverseCodeView.as_view()),
    path("webhooks", campaigns.WebhooksView.as_view()),
    path("webhooks/<int:webhook>", campaigns.WebhookView.as_view()),
    path("webhooks/<int:webhook>/test", campaigns.TestWebhookView.as_view()),
    path("webhooks/<int:webhook>/replay", campaigns.ReplayWebhookView.as_view()),
    path("webhooks/<int:webhook>/rotate", campaigns.RotateWebhookView.as_view()),
    path("exports", campaigns.ExportsView.as_view()),
    path("exports/<uuid:number>", campaigns.ExportView.as_view()),
    path("exports/<uuid:number>/cancel", campaigns.CancelExportView.as_view()),
    path("exports/<uuid:number>/download", campaigns.ExportDownloadView.as_view()),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="schema", template_name="api/docs.html")),
]

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("customers.urls")),
    path("", include("campaigns.urls")),
    path("api/v1/", include(api)),
    path("tact.js", script.tact),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", health.metrics),
    path("i18n/", include("django.conf.urls.i18n")),
]
demo = [
    path("shop/", shop.home),
    path("shop/basket/", shop.basket),
    path("shop/consent/", consent_shop.consent),
    path("shop/do/enter", shop.enter),
    path("shop/do/guest", shop.guest),
    path("shop/do/token", shop.token),
    path("shop/do/check", shop.check),
    path("shop/do/order", shop.order),
    path("shop/<str:sku>", shop.product),
]
if settings.DEMO:
    urlpatterns += demo
handler400 = "config.api.malformed"
handler403 = "config.api.forbidden"
handler404 = "config.api.not_found"
handler500 = "config.api.failed"
