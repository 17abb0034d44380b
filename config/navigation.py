"""The desk's left menu: everyone sees the rooms their role opens."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _


def _may_view(model: str) -> Callable[[HttpRequest], bool]:
    app, _dot, name = model.partition(".")
    return lambda request: bool(request.user.has_perm(f"{app}.view_{name}"))


@cache
def _link(model: str) -> str:
    """Looked up once: each page has sixty of them."""
    return reverse(f"admin:{model.replace('.', '_')}_changelist")


def _item(title: str, icon: str, model: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": _link(model), "permission": _may_view(model)}


def _group(title: str, *items: dict[str, Any], is_daily: bool = False) -> dict[str, Any]:
    """What is worked with daily stands open; the rest opens by its heading, or by the search above the menu."""
    return {"title": title, "separator": True, "collapsible": not is_daily, "items": list(items)}


def _page(title: str, icon: str, page: str, model: str) -> dict[str, Any]:
    """A page that is no list, for whoever may see the model's rows."""
    return {"title": title, "icon": icon, "link": reverse(f"admin:{page}"), "permission": _may_view(model)}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The left menu: every room that there is, and of those only what the viewer may see."""
    return [
        {"items": [{"title": _("Home"), "icon": "home", "link": reverse("admin:index")}]},
        *_daily(),
        *_now_and_then(),
        _records(),
    ]


def _daily() -> list[dict[str, Any]]:
    return [
        _group(
            _("Audience"),
            _item(_("Segments"), "group_work", "campaigns.segment"),
            _item(_("Customers"), "person", "customers.customer"),
            _item(_("What people allow"), "how_to_reg", "customers.consentstate"),
            is_daily=True,
        ),
        _group(
            _("Offers"),
            _item(_("Offers"), "sell", "campaigns.offer"),
            _item(_("Codes"), "confirmation_number", "campaigns.code"),
            _item(_("Places for offers"), "view_day", "campaigns.placement"),
            is_daily=True,
        ),
        _group(
            _("Campaigns"),
            _item(_("All campaigns"), "campaign", "campaigns.campaign"),
            _page(_("Calendar"), "calendar_month", "campaigns_campaign_calendar", "campaigns.campaign"),
            _item(_("Journeys"), "route", "campaigns.journeyversion"),
            _item(_("Messages"), "mail", "campaigns.message"),
            is_daily=True,
        ),
        _group(
            _("Results"),
            {
                **_item(_("Reports"), "analytics", "campaigns.headline"),
                # Its other pages stand beneath it in the menu, or beneath nothing.
                "active": lambda request: request.path == _link("campaigns.headline"),
            },
            _page(_("Experiments"), "science", "campaigns_headline_experiments", "campaigns.headline"),
            _item(_("Outcomes"), "monitoring", "campaigns.outcome"),
            _item(_("Whom campaigns change"), "person_search", "campaigns.upliftstudy"),
            _item(_("Global holdout"), "front_hand", "campaigns.holdout"),
            is_daily=True,
        ),
    ]


def _now_and_then() -> list[dict[str, Any]]:
    return [
        _group(
            _("Sending rules"),
            _item(_("Frequency caps"), "event_repeat", "campaigns.frequencycap"),
            _item(_("Quiet hours"), "bedtime", "campaigns.quiethours"),
            _item(_("Pace by domain"), "speed", "campaigns.domainpace"),
            _item(_("Topics"), "topic", "customers.topic"),
            _item(_("Tags"), "label", "campaigns.tag"),
        ),
        _group(
            _("Recommender"),
            _page(_("What it shows"), "visibility", "recommender_placement_shows", "recommender.placement"),
            _item(_("Placements"), "view_carousel", "recommender.placement"),
            _item(_("Models"), "model_training", "recommender.modelversion"),
            _item(_("Trainings"), "fitness_center", "recommender.trainingrun"),
            _page(_("What reviews say"), "mood", "recommender_modelversion_moods", "catalog.review"),
            _page(
                _("Rising and falling"),
                "trending_up",
                "recommender_modelversion_rising",
                "recommender.modelversion",
            ),
            _item(_("Interests"), "interests", "recommender.interest"),
        ),
        _group(
            _("Catalogue"),
            _item(_("Products"), "inventory_2", "catalog.product"),
            _item(_("Categories"), "category", "catalog.category"),
            _item(_("Reviews"), "reviews", "catalog.review"),
        ),
        _group(
            _("Privacy"),
            _item(_("Requests"), "contact_support", "customers.privacyrequest"),
            _item(_("Ledger"), "receipt_long", "customers.consentrecord"),
            _item(_("Notices"), "description", "customers.notice"),
            {
                "title": _("Register"),
                "icon": "menu_book",
                "link": reverse("admin:papers"),
                "permission": _may_view("customers.consentrecord"),
            },
            _item(_("Fairness"), "balance", "campaigns.fairnesscheck"),
            _item(_("Suppression list"), "block", "customers.suppression"),
            _item(_("Jurisdictions"), "gavel", "customers.jurisdiction"),
            _item(_("Sensitive attributes"), "visibility_off", "customers.sensitiveattribute"),
            _item(_("Uses of sensitive attributes"), "policy", "customers.sensitiveuse"),
            _item(_("Private releases"), "blur_on", "campaigns.privaterelease"),
            _item(_("Privacy budgets"), "savings", "campaigns.privacybudget"),
            _item(_("Shared statistics"), "handshake", "recommender.sharedstatistics"),
            _item(_("Installation"), "dns", "customers.installation"),
        ),
        _group(
            _("System"),
            _item(_("Deliveries"), "outgoing_mail", "campaigns.delivery"),
            _page(_("Health"), "monitor_heart", "health", "auth.user"),
            _item(_("Imports"), "upload_file", "customers.importrun"),
            _item(_("Data exports"), "download", "campaigns.export"),
            _item(_("API keys"), "key", "customers.apikey"),
            _item(_("Webhooks"), "webhook", "campaigns.webhookendpoint"),
            _item(_("Connected shops"), "storefront", "customers.shopconnection"),
            _item(_("People who log in"), "badge", "auth.user"),
            _item(_("Roles"), "shield_person", "auth.group"),
            _item(_("Audit log"), "manage_history", "config.change"),
        ),
    ]


def _records() -> dict[str, Any]:
    """What the platform writes down of itself: looked up when a question comes, by its name in the search."""
    return _group(
        _("Records"),
        _item(_("Events"), "timeline", "customers.event"),
        _item(_("Decisions"), "alt_route", "campaigns.decision"),
        _item(_("Runs"), "schedule", "campaigns.campaignrun"),
        _item(_("People in journeys"), "directions_walk", "campaigns.journeyentry"),
        _item(_("Bounces and complaints"), "undo", "campaigns.bounce"),
        _item(_("Messages to webhooks"), "outbox", "campaigns.webhookmessage"),
        _item(_("Redemptions"), "redeem", "campaigns.redemption"),
        _item(_("Batches of codes"), "inventory_2", "campaigns.codebatch"),
        _item(_("Used by someone else"), "gpp_maybe", "campaigns.codemisuse"),
        _item(_("Shares of variants"), "tune", "campaigns.sharechange"),
        _item(_("Saved reports"), "summarize", "campaigns.savedreport"),
        _item(_("Lists shown"), "view_list", "recommender.shown"),
        _item(_("Scores"), "speed", "recommender.score"),
        _item(_("Clusters"), "bubble_chart", "recommender.clustermembership"),
        _item(_("Refused interests"), "heart_minus", "recommender.refusedinterest"),
        _item(_("How often people want it"), "notifications_paused", "customers.contactchoice"),
        _item(_("Buyers who did not object"), "shopping_bag", "customers.softoptin"),
        _item(_("Waiting for confirmation"), "pending", "customers.pendingconsent"),
        _item(_("Laws that people left"), "move_down", "customers.formerlaw"),
        _item(_("Jurisdictions of the past"), "history", "customers.policyversion"),
        _item(_("Checkpoints"), "verified", "customers.checkpoint"),
        _item(_("Person keys"), "key_vertical", "customers.personkey"),
        _item(_("Identities"), "badge", "customers.identity"),
        _item(_("Price and stock history"), "history", "catalog.productchange"),
        _item(_("Products of shops"), "link", "customers.shopproduct"),
        _item(_("Deliveries of shops"), "move_to_inbox", "customers.shopdelivery"),
        _item(_("Idempotent replies"), "content_copy", "customers.idempotentreply"),
    )
