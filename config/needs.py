"""What waits for a person at the desk, the gravest first: each a sentence, what to do, and where."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, F, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import codes, planning, stopping
from campaigns.admin.pools import told_free
from campaigns.models import Campaign, Delivery, Offer, WebhookEndpoint
from customers import few, installation, request_alarms, suppression
from customers.models import ImportRun, Installation
from customers.proof import verification
from recommender.models import ModelVersion, TrainingRun

STALE = timedelta(days=7)
Reader = User | AnonymousUser
SILENT = timedelta(days=1)
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


def everything(now: datetime, user: Reader | None = None) -> list[Need]:
    """Everything that waits for a person, the gravest first; without a reader in tens."""
    return [
        *of_rights(now, user),
        *_proof_needs(now),
        *_sending_needs(now, user),
        *_learning_needs(now),
        *_waiting_needs(),
    ]


def _proof_needs(now: datetime) -> list[Need]:
    link = reverse("admin:customers_checkpoint_verify")
    return [Need(told, _("Look"), link, "harm") for told in verification.alarms(at=now)]


def _list(name: str, query: str = "") -> str:
    return reverse(f"admin:{name}_changelist") + (f"?{query}" if query else "")


def _waiting(user: Reader | None, right: str, n: int) -> tuple[str, int]:
    """How many rows wait, and the number that words follow: exactly for whoever may open the list of them, who can
    count it; else in tens, because each is a person's."""
    if user is not None and user.has_perm(right):
        return f"{n:,}", n
    return few.told_in_tens(n), few.FEWEST_PEOPLE


def of_rights(now: datetime, user: Reader | None) -> list[Need]:
    """Demands of people by law, by their clocks. One query."""
    alarms, found, lists = request_alarms.alarms(at=now), [], "customers.view_privacyrequest"
    if alarms.overdue:
        told_n, n = _waiting(user, lists, alarms.overdue)
        told = ngettext("%s privacy request is overdue by law.", "%s privacy requests are overdue by law.", n)
        found.append(
            Need(told % told_n, _("Answer"), _list("customers_privacyrequest", "clock=overdue"), "harm")
        )
    if alarms.soon:
        told_n, n = _waiting(user, lists, alarms.soon)
        told = ngettext(
            "%s privacy request is due within seven days.",
            "%s privacy requests are due within seven days.",
            n,
        )
        found.append(
            Need(told % told_n, _("Answer"), _list("customers_privacyrequest", "clock=soon"), "attention")
        )
    if alarms.waiting:
        told_n, n = _waiting(user, lists, alarms.waiting)
        told = ngettext("%s correction waits for your yes.", "%s corrections wait for your yes.", n) % told_n
        link = _list("customers_privacyrequest", "type__exact=rectification&clock=living")
        found.append(Need(told, _("Look"), link))
    return found


def _sending_needs(now: datetime, user: Reader | None) -> list[Need]:
    found = [
        Need(
            " ".join([_("Nothing is sent."), *installation.reasons(row)]),
            _("Look, and release"),
            reverse("admin:customers_installation_change", args=[row.pk]),
            "harm",
        )
        for row in Installation.objects.filter(held_since__isnull=False)
    ]
    if suppression.is_unanswerable():
        why = f"{_('Nothing is sent.')} {_(installation.KEY_GONE)}"
        found.append(Need(why, _("Look"), reverse("admin:customers_suppression_changelist"), "harm"))
    found += _campaign_needs(now)
    found += _webhook_needs(now)
    if unknown := Delivery.objects.filter(status=Delivery.Status.UNKNOWN).count():
        told_n, n = _waiting(user, "campaigns.view_delivery", unknown)
        told = ngettext(
            "%s message has an unknown fate: the line broke after its body began.",
            "%s messages have an unknown fate: the line broke after their body began.",
            n,
        )
        link = _list("campaigns_delivery", "status__exact=unknown")
        found.append(Need(told % told_n, _("Look"), link, "harm"))
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
            # The share of a few who complained, times what was sent, is their number.
            share = max(health.complaints_percent, stopping.WARNS_AT)
            share = stopping.WARNS_AT if health.complaints < few.FEWEST_ORDERS else share
            told = _("“%(name)s” draws complaints: %(share)s %% of its messages or more.") % {
                "name": health.campaign.name,
                "share": f"{share:.2f}",
            }
            link = reverse("admin:campaigns_campaign_change", args=[health.campaign.pk])
            found.append(Need(told, _("Look"), link, "attention"))
    for stock in codes.low_stock(at=now)[:5]:
        told = ngettext(
            "“%(offer)s” has %(n)s code left.", "“%(offer)s” has %(n)s codes left.", stock.free
        ) % {"offer": stock.offer, "n": told_free(stock)}
        link = reverse("admin:campaigns_offer_change", args=[stock.offer.pk])
        found.append(Need(told, _("Add codes"), link, "attention"))
    return found


def _webhook_needs(now: datetime) -> list[Need]:
    """Webhooks that stopped by themselves, and those where nothing arrives."""
    found = []
    stopped = WebhookEndpoint.objects.exclude(paused_because__in=("", WebhookEndpoint.Because.PERSON))
    for row in stopped.order_by("pk"):
        words = {"name": row.name, "why": row.get_paused_because_display()}
        link = reverse("admin:campaigns_webhookendpoint_change", args=[row.pk])
        told = _("The webhook “%(name)s” stopped by itself: %(why)s.") % words
        found.append(Need(told, _("Look"), link, "harm"))
    failing = WebhookEndpoint.objects.filter(paused_at__isnull=True, failing_since__lt=now - SILENT)
    for row in failing.order_by("pk"):
        link = reverse("admin:campaigns_webhookendpoint_change", args=[row.pk])
        told = _("Nothing arrives at the webhook “%s” since yesterday or longer.") % row.name
        found.append(Need(told, _("Look"), link, "attention"))
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
