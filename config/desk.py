"""The desk's home: what waits for a person, what is running, how it goes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Q, Sum
from django.http import HttpRequest
from django.urls import resolve, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import codes, planning, stopping
from campaigns.admin import words
from campaigns.admin.fates import fates
from campaigns.models import Campaign, Decision, Delivery, Offer, Outcome
from config.first_steps import first_steps
from customers import consent, installation, requests
from customers.models import Customer, ImportRun, Installation
from customers.proof import verification
from recommender.models import ModelVersion, TrainingRun

PERIOD = timedelta(days=30)
STALE = timedelta(days=7)
# An offer whose cap or budget is used up to this share runs low.
LOW = Decimal("0.9")


@dataclass(frozen=True)
class Need:
    """Something that waits for a person: a sentence, what to do, and where."""

    words: str
    action: str
    link: str
    weight: str = "plain"
    """plain, attention or harm"""


@dataclass(frozen=True)
class Figure:
    title: str
    told: str
    under: str


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the first page shows; a fixed number of queries, whatever the size."""
    if not request.user.has_perm("campaigns.view_campaign"):
        may_answer = request.user.has_perm("customers.view_privacyrequest")
        own = _rights_needs(timezone.now()) if may_answer else []
        return {**context, "title": _("Home"), "sees_nothing": True, "needs": own}
    now = timezone.now()
    running = _running()
    may_begin = request.user.has_perm("campaigns.add_campaign")
    told = {
        **context,
        "title": _("Home"),
        "needs": needs(now),
        "figures": figures(now),
        "running": running,
        "first_steps": first_steps() if may_begin and not running else [],
    }
    told["needs"] = [need for need in told["needs"] if _may_follow(request, need.link)]
    return told


def _may_follow(request: HttpRequest, link: str) -> bool:
    """What waits behind a door that one may not open waits for somebody else."""
    app, model, page = (resolve(link.partition("?")[0]).url_name or "").split("_", 2)
    deed = "change" if page == "train" else "view"
    return bool(request.user.has_perm(f"{app}.{deed}_{model}"))


def needs(now: datetime) -> list[Need]:
    """Everything that waits for a person, the gravest first."""
    return [
        *_rights_needs(now),
        *_proof_needs(now),
        *_sending_needs(now),
        *_learning_needs(now),
        *_waiting_needs(),
    ]


def _proof_needs(now: datetime) -> list[Need]:
    link = reverse("admin:customers_checkpoint_verify")
    return [Need(told, _("Look"), link, "harm") for told in verification.alarms(at=now)]


def _list(name: str, query: str = "") -> str:
    return reverse(f"admin:{name}_changelist") + (f"?{query}" if query else "")


def _rights_needs(now: datetime) -> list[Need]:
    """Demands of people by law, by their clocks. One query."""
    alarms, found = requests.alarms(at=now), []
    if n := alarms.overdue:
        told = ngettext("%s privacy request is overdue by law.", "%s privacy requests are overdue by law.", n)
        found.append(Need(told % n, _("Answer"), _list("customers_privacyrequest", "clock=overdue"), "harm"))
    if n := alarms.soon:
        told = ngettext(
            "%s privacy request is due within seven days.",
            "%s privacy requests are due within seven days.",
            n,
        )
        found.append(
            Need(told % n, _("Answer"), _list("customers_privacyrequest", "clock=soon"), "attention")
        )
    if n := alarms.waiting:
        told = ngettext("%s correction waits for your yes.", "%s corrections wait for your yes.", n) % n
        link = _list("customers_privacyrequest", "type__exact=rectification&clock=living")
        found.append(Need(told, _("Look"), link))
    return found


def _sending_needs(now: datetime) -> list[Need]:
    found = [
        Need(
            " ".join([_("Nothing is sent."), *installation.reasons(row)]),
            _("Look, and release"),
            reverse("admin:customers_installation_change", args=[row.pk]),
            "harm",
        )
        for row in Installation.objects.filter(held_since__isnull=False)
    ]
    found += _campaign_needs(now)
    if n := Delivery.objects.filter(status=Delivery.Status.UNKNOWN).count():
        told = ngettext(
            "%s message has an unknown fate: the line broke after its body began.",
            "%s messages have an unknown fate: the line broke after their body began.",
            n,
        )
        link = _list("campaigns_delivery", "status__exact=unknown")
        found.append(Need(told % f"{n:,}", _("Look"), link, "harm"))
    if n := planning.late(at=now).count():
        told = ngettext(
            "%s run is more than two hours late and waits for you.",
            "%s runs are more than two hours late and wait for you.",
            n,
        )
        found.append(Need(told % n, _("Look"), _list("campaigns_campaignrun", "state__exact=due"), "harm"))
    low = Offer.objects.filter(status=Offer.Status.APPROVED).filter(
        Q(max_total__isnull=False, given__gte=F("max_total") * LOW)
        | Q(
            budget__isnull=False,
            budget__lte=(F("discount_given") + F("discount_reserved")) / LOW,
        )
    )
    found += [
        Need(
            _("The offer “%s” is nearly used up.") % offer,
            _("Raise or replace it"),
            reverse("admin:campaigns_offer_change", args=[offer.pk]),
            "attention",
        )
        for offer in low.order_by("pk")[:5]
    ]
    return found


def _campaign_needs(now: datetime) -> list[Need]:
    """Campaigns that stopped by themselves or may soon, and pools of codes that run low."""
    found = []
    stopped = Campaign.objects.filter(status=Campaign.Status.PAUSED).exclude(stopped_because="")
    for campaign in stopped.only("name", "stopped_because"):
        told = _("“%(name)s” stopped by itself: %(why)s") % {
            "name": campaign.name,
            "why": campaign.stopped_because,
        }
        link = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
        found.append(Need(told, _("Look"), link, "harm"))
    for health in stopping.health():
        if health.warns:
            told = _("“%(name)s” draws complaints: %(share)s %% of its messages.") % {
                "name": health.campaign.name,
                "share": f"{health.complaints_percent:.2f}",
            }
            link = reverse("admin:campaigns_campaign_change", args=[health.campaign.pk])
            found.append(Need(told, _("Look"), link, "attention"))
    for stock in codes.low_stock(at=now)[:5]:
        told = ngettext(
            "“%(offer)s” has %(n)s code left.", "“%(offer)s” has %(n)s codes left.", stock.free
        ) % {"offer": stock.offer, "n": f"{stock.free:,}"}
        link = reverse("admin:campaigns_offer_change", args=[stock.offer.pk])
        found.append(Need(told, _("Add codes"), link, "attention"))
    return found


def _learning_needs(now: datetime) -> list[Need]:
    found = []
    failed = TrainingRun.objects.filter(state=TrainingRun.State.FAILED, created_at__gte=now - STALE).count()
    if failed:
        told = ngettext("%s training failed this week.", "%s trainings failed this week.", failed) % failed
        found.append(
            Need(told, _("See why"), _list("recommender_trainingrun", "state__exact=failed"), "harm")
        )
    newest = (
        ModelVersion.objects.filter(task="recommend", state=ModelVersion.State.LIVE)
        .values_list("created_at", flat=True)
        .first()
    )
    train = reverse("admin:recommender_trainingrun_train")
    if newest is None:
        found.append(
            Need(_("No model has been learnt yet: everyone sees the same products."), _("Train now"), train)
        )
    elif newest < now - STALE:
        days = (now - newest).days
        told = ngettext("The live model is %s day old.", "The live model is %s days old.", days) % days
        found.append(Need(told, _("Train now"), train, "attention"))
    if n := ImportRun.objects.filter(started_at__gte=now - STALE).exclude(error="").count():
        told = ngettext("%s import failed this week.", "%s imports failed this week.", n) % n
        found.append(Need(told, _("See why"), _list("customers_importrun"), "attention"))
    return found


def _waiting_needs() -> list[Need]:
    waiting = dict(
        Campaign.objects.filter(status__in=("draft", "approved", "paused"))
        .values_list("status")
        .annotate(n=Count("pk"))
        .order_by()
    )
    offers = Offer.objects.filter(status=Offer.Status.DRAFT).count()
    found = []
    if n := waiting.get("approved", 0):
        told = (
            ngettext("%s approved campaign is not launched.", "%s approved campaigns are not launched.", n)
            % n
        )
        found.append(Need(told, _("Launch"), _list("campaigns_campaign", "status__exact=approved")))
    if n := waiting.get("draft", 0):
        told = (
            ngettext("%s campaign draft waits for approval.", "%s campaign drafts wait for approval.", n) % n
        )
        found.append(Need(told, _("Approve"), _list("campaigns_campaign", "status__exact=draft")))
    if n := waiting.get("paused", 0):
        told = ngettext("%s campaign is paused.", "%s campaigns are paused.", n) % n
        found.append(Need(told, _("Resume or cancel"), _list("campaigns_campaign", "status__exact=paused")))
    if offers:
        told = ngettext("%s offer waits for approval.", "%s offers wait for approval.", offers) % offers
        found.append(Need(told, _("Approve"), _list("campaigns_offer", "status__exact=draft")))
    return found


def figures(now: datetime) -> list[Figure]:
    """Four figures of the last thirty days. Five queries."""
    since = now - PERIOD
    sent = Delivery.objects.filter(status=Delivery.Status.SENT, ended_at__gte=since)
    reached = sent.aggregate(people=Count("customer", distinct=True), messages=Count("pk"))
    earned = Outcome.objects.filter(
        kind=Outcome.Kind.ORDERED, at__gte=since, decision__arm=Decision.Arm.TREATED
    ).aggregate(orders=Count("event__order_id", distinct=True), money=Sum("value", default=Decimal(0)))
    everyone = Customer.objects.present().filter(external_id__isnull=False)
    known = everyone.count()
    shares = []
    for purpose in ("personalization", "marketing_email"):
        allowed = consent.permitted(purpose).filter(external_id__isnull=False).count()
        shares.append(f"{allowed / known:.0%}" if known else "–")
    of_whom = ngettext("of %s known customer, now", "of %s known customers, now", known) % f"{known:,}"
    period = _("in the last 30 days")
    messages = ngettext("by %s message", "by %s messages", reached["messages"]) % f"{reached['messages']:,}"
    worth = _("worth %s, by last touch") % words.money(earned["money"], settings.DEFAULT_CURRENCY)
    return [
        Figure(
            _("People reached"),
            f"{reached['people']:,}",
            _("%(what)s, %(when)s") % {"what": messages, "when": period},
        ),
        Figure(
            _("Orders of people treated"),
            f"{earned['orders']:,}",
            _("%(what)s, %(when)s") % {"what": worth, "when": period},
        ),
        Figure(_("Allow personalization"), shares[0], of_whom),
        Figure(_("Allow offers by e-mail"), shares[1], of_whom),
    ]


def _running() -> list[dict[str, Any]]:
    """Campaigns under way, with how far each has come. Two queries."""
    rows = list(Campaign.objects.filter(status__in=("running", "paused")).order_by("-updated_at")[:20])
    found = fates([row.pk for row in rows])
    entries = []
    for row in rows:
        counts = found.get(row.pk)
        planned = counts.total() if counts else 0
        open_ = sum(counts[s] for s in ("planned", "claimed", "transmitting", "retry")) if counts else 0
        entries.append(
            {
                "name": row.name,
                "link": reverse("admin:campaigns_campaign_change", args=[row.pk]),
                "report": reverse("admin:campaigns_campaign_report", args=[row.pk]),
                "percent": round(100 * (planned - open_) / planned) if planned else 0,
                "state": words.state(row, counts or {}),
            }
        )
    return entries
