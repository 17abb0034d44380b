"""The desk's left menu: everyone sees the rooms their role opens."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _


def _may_view(model: str) -> Callable[[HttpRequest], bool]:
    app, _dot, name = model.partition(".")
    return lambda request: bool(request.user.has_perm(f"{app}.view_{name}"))


def _item(title: str, icon: str, model: str) -> dict[str, Any]:
    link = reverse(f"admin:{model.replace('.', '_')}_changelist")
    return {"title": title, "icon": icon, "link": link, "permission": _may_view(model)}


def _group(title: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "separator": True, "collapsible": True, "items": list(items)}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The left menu: every room that there is, and of those only what the viewer may see."""
    return [
        {"items": [{"title": _("Home"), "icon": "home", "link": reverse("admin:index")}]},
        _group(
            _("Audience"),
            _item(_("Segments"), "group_work", "campaigns.segment"),
            _item(_("Customers"), "person", "customers.customer"),
            _item(_("What people allow"), "how_to_reg", "customers.consentstate"),
            _item(_("Events"), "timeline", "customers.event"),
        ),
        _group(
            _("Offers"),
            _item(_("Offers"), "sell", "campaigns.offer"),
            _item(_("Codes"), "confirmation_number", "campaigns.code"),
            _item(_("Redemptions"), "redeem", "campaigns.redemption"),
            _item(_("Batches of codes"), "inventory_2", "campaigns.codebatch"),
            _item(_("Used by someone else"), "gpp_maybe", "campaigns.codemisuse"),
            _item(_("Places for offers"), "view_day", "campaigns.placement"),
        ),
        _group(
            _("Campaigns"),
            _item(_("All campaigns"), "campaign", "campaigns.campaign"),
            _item(_("Messages"), "mail", "campaigns.message"),
            _item(_("Tags"), "label", "campaigns.tag"),
            _item(_("Runs"), "schedule", "campaigns.campaignrun"),
            _item(_("Journeys"), "route", "campaigns.journeyversion"),
            _item(_("People in journeys"), "directions_walk", "campaigns.journeyentry"),
        ),
        _group(
            _("Sending"),
            _item(_("Deliveries"), "outgoing_mail", "campaigns.delivery"),
            _item(_("Frequency caps"), "event_repeat", "campaigns.frequencycap"),
            _item(_("Quiet hours"), "bedtime", "campaigns.quiethours"),
            _item(_("Pace by domain"), "speed", "campaigns.domainpace"),
            _item(_("Bounces and complaints"), "undo", "campaigns.bounce"),
        ),
        _group(
            _("Results"),
            _item(_("Decisions"), "alt_route", "campaigns.decision"),
            _item(_("Outcomes"), "monitoring", "campaigns.outcome"),
            _item(_("Global holdout"), "front_hand", "campaigns.holdout"),
            _item(_("Shares of variants"), "tune", "campaigns.sharechange"),
            _item(_("Whom campaigns change"), "person_search", "campaigns.upliftstudy"),
        ),
        _group(
            _("Recommender"),
            _item(_("Placements"), "view_carousel", "recommender.placement"),
            _item(_("Lists shown"), "view_list", "recommender.shown"),
            _item(_("Models"), "model_training", "recommender.modelversion"),
            _item(_("Trainings"), "fitness_center", "recommender.trainingrun"),
            _item(_("Interests"), "interests", "recommender.interest"),
            _item(_("Scores"), "speed", "recommender.score"),
            _item(_("Clusters"), "bubble_chart", "recommender.clustermembership"),
        ),
        _group(
            _("Catalogue"),
            _item(_("Products"), "inventory_2", "catalog.product"),
            _item(_("Categories"), "category", "catalog.category"),
            _item(_("Reviews"), "reviews", "catalog.review"),
            _item(_("Price and stock history"), "history", "catalog.productchange"),
        ),
        _group(
            _("Privacy"),
            _item(_("Ledger"), "receipt_long", "customers.consentrecord"),
            _item(_("Notices"), "description", "customers.notice"),
            _item(_("Waiting for confirmation"), "pending", "customers.pendingconsent"),
            _item(_("Suppression list"), "block", "customers.suppression"),
            _item(_("Person keys"), "key_vertical", "customers.personkey"),
            _item(_("Identities"), "badge", "customers.identity"),
        ),
        _group(
            _("System"),
            _item(_("Imports"), "upload_file", "customers.importrun"),
            _item(_("API keys"), "key", "customers.apikey"),
            _item(_("Idempotent replies"), "content_copy", "customers.idempotentreply"),
            _item(_("People who log in"), "badge", "auth.user"),
            _item(_("Roles"), "shield_person", "auth.group"),
        ),
    ]
