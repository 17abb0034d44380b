"""What waits in the daily work: approvals, launches, offers that run low, reports to be read, models that grow old."""

from datetime import timedelta
from decimal import Decimal

from django.db.models import Count, F, Max, OuterRef, Q, Subquery
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import codes
from campaigns.admin.pools import told_free
from campaigns.figures import RATIO
from campaigns.models import Campaign, DailyFigure, Offer, SavedReport
from catalog.models import Product
from config.home.need import Asking, Need, folded, listed, page
from recommender.models import ModelVersion

STALE = timedelta(days=7)
# An offer whose cap or budget is used up to this share runs low.
LOW = Decimal("0.9")
# A report that could be read for so long and was not is no news any more.
NEWS = timedelta(days=60)
LONGEST_WINDOW = timedelta(days=120)


def campaigns(asking: Asking) -> list[Need]:
    """One query."""
    waiting = dict(
        Campaign.objects.filter(Q(status__in=("draft", "approved")) | Q(status="paused", stopped_because=""))
        .values_list("status")
        .annotate(n=Count("pk"))
        .order_by()
    )
    found = []
    if n := waiting.get("draft", 0):
        told = ngettext("%s campaign draft waits for approval.", "%s campaign drafts wait for approval.", n)
        link = listed("campaigns_campaign", "status__exact=draft")
        found.append(Need(told % n, _("Approve"), link))
    if n := waiting.get("approved", 0):
        told = ngettext("%s approved campaign is not launched.", "%s approved campaigns are not launched.", n)
        found.append(Need(told % n, _("Launch"), listed("campaigns_campaign", "status__exact=approved")))
    if n := waiting.get("paused", 0):
        told = ngettext("%s campaign is paused.", "%s campaigns are paused.", n)
        link = listed("campaigns_campaign", "status__exact=paused")
        found.append(Need(told % n, _("Resume or cancel"), link))
    return found


def offers(asking: Asking) -> list[Need]:
    """Offers that are nearly used up, or run out of codes. Four queries."""
    rows = Offer.objects.filter(status=Offer.Status.APPROVED).filter(
        Q(max_total__isnull=False, given__gte=F("max_total") * LOW)
        | Q(budget__isnull=False, budget__lte=(F("discount_given") + F("discount_reserved")) / LOW)
    )
    low = [
        Need(
            _("The offer “%s” is nearly used up.") % offer,
            _("Raise or replace it"),
            page("campaigns_offer", offer.pk),
            "attention",
        )
        for offer in rows.order_by("pk")[:100]
    ]
    empty = []
    for stock in codes.low_stock(at=asking.now)[:100]:
        told = ngettext(
            "“%(offer)s” has %(n)s code left.", "“%(offer)s” has %(n)s codes left.", stock.free
        ) % {"offer": stock.offer, "n": told_free(stock)}
        empty.append(Need(told, _("Add codes"), page("campaigns_offer", stock.offer.pk), "attention"))
    approved = listed("campaigns_offer", "status__exact=approved")
    return [
        *folded(
            low,
            lambda n: ngettext("%s offer is nearly used up.", "%s offers are nearly used up.", n) % n,
            action=_("Raise or replace them"),
            link=approved,
        ),
        *folded(
            empty,
            lambda n: ngettext("%s offer runs out of codes.", "%s offers run out of codes.", n) % n,
            action=_("Add codes"),
            link=approved,
        ),
    ]


def reports(asking: Asking) -> list[Need]:
    """Campaigns whose window is over and whose report nobody has read since. One query."""
    last_read = SavedReport.objects.filter(campaign=OuterRef("pk")).order_by("-at").values("at")[:1]
    rows = (
        Campaign.objects.filter(
            kind=Campaign.Kind.ONCE,
            control_percent__gt=0,
            runs__planned_at__gt=asking.now - NEWS - LONGEST_WINDOW,
        )
        .exclude(status__in=(Campaign.Status.CANCELLED, Campaign.Status.ARCHIVED))
        .annotate(last=Max("runs__planned_at"), read_at=Subquery(last_read))
        .order_by("-last")[:500]
    )
    found = []
    for campaign in rows:
        over = campaign.last + timedelta(days=campaign.window_days)
        if not asking.now - NEWS < over <= asking.now or (campaign.read_at and campaign.read_at >= over):
            continue
        told = _("The experiment of “%s” is over: its report may be read now.") % campaign.name
        found.append(Need(told, _("Read"), reverse("admin:campaigns_campaign_report", args=[campaign.pk])))
    return folded(
        found,
        lambda n: (
            ngettext(
                "%s experiment is over: its report may be read now.",
                "%s experiments are over: their reports may be read now.",
                n,
            )
            % n
        ),
        action=_("Read"),
        link=listed("campaigns_campaign", "status__exact=finished"),
    )


def ratios(asking: Asking) -> list[Need]:
    """Campaigns whose groups have sizes that chance does not make, as of the newest count. One query where there are."""
    figures = asking.figures
    rows = figures.about(DailyFigure.Name.EFFECT) if figures is not None else []
    slugs = [row.about for row in rows if row.why == RATIO]
    if not slugs:
        return []
    found = [
        Need(
            _("The groups of “%s” have sizes that chance does not make: its effect cannot be read.")
            % campaign.name,
            _("Look"),
            reverse("admin:campaigns_campaign_report", args=[campaign.pk]),
            "harm",
        )
        for campaign in Campaign.objects.filter(slug__in=slugs).only("name").order_by("pk")
    ]
    return folded(
        found,
        lambda n: (
            ngettext(
                "The groups of %s campaign have sizes that chance does not make.",
                "The groups of %s campaigns have sizes that chance does not make.",
                n,
            )
            % n
        ),
        action=_("Look"),
        link=listed("campaigns_campaign"),
    )


def models(asking: Asking) -> list[Need]:
    """Whether there is a model, and how old it is. One query, two without a model."""
    live = ModelVersion.objects.filter(task="recommend", state=ModelVersion.State.LIVE)
    newest = live.values_list("created_at", flat=True).first()
    train = reverse("admin:recommender_trainingrun_train")
    if newest is None:
        if not Product.objects.exists():
            return []  # nothing to learn from: the first steps come first
        told = _("No model has been learnt yet: everyone sees the same products.")
        return [Need(told, _("Train now"), train)]
    if newest < asking.now - STALE:
        days = (asking.now - newest).days
        told = ngettext("The live model is %s day old.", "The live model is %s days old.", days) % days
        return [Need(told, _("Train now"), train, "attention")]
    return []
