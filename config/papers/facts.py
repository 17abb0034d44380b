"""What this installation really does: the figures and names that papers are filled with. Each function says its queries."""

from collections.abc import Collection
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Count

from campaigns.models import Campaign, Holdout, WebhookEndpoint
from campaigns.models import Placement as OfferPlacement
from customers import consent, purposes
from customers.models import Customer, Jurisdiction, SensitiveUse, SilentYes
from recommender.models import ModelVersion, SharedStatistics

# Campaigns that act now or may go on.
ALIVE = (Campaign.Status.APPROVED, Campaign.Status.RUNNING, Campaign.Status.PAUSED)


def people() -> int:
    """Everyone who is here, visitors without a name included. One query."""
    return Customer.objects.present().count()


def allowing() -> dict[str, int]:
    """Purpose → how many allow it now. One query a purpose."""
    return {purpose: consent.permitted(purpose).count() for purpose in purposes.PURPOSES}


def by_jurisdiction() -> list[tuple[str, int]]:
    """(code, people), the largest first. One query."""
    counted = Customer.objects.present().values_list("jurisdiction").annotate(n=Count("pk")).order_by("-n")
    return list(counted)


def laws() -> dict[str, Jurisdiction]:
    """Code → whose law holds there. One query."""
    return {law.code: law for law in Jurisdiction.objects.all()}


def silent_yes() -> dict[str, list[str]]:
    """Purpose → the jurisdictions (by name) where silence means yes. One query."""
    found: dict[str, list[str]] = {}
    for row in SilentYes.objects.select_related("jurisdiction").order_by("jurisdiction__code"):
        found.setdefault(row.purpose, []).append(row.jurisdiction.name)
    return found


def mail_server() -> str:
    """The server that takes our mail, without what it is logged in with."""
    return urlsplit(settings.EMAIL_URL).hostname or ""


def webhook_hosts() -> list[str]:
    """Where partners are told of people: by campaigns that act or may go on, and by webhooks of what happens. One query."""
    campaigns = Campaign.objects.filter(channel=Campaign.Channel.WEBHOOK, status__in=ALIVE)
    partners = WebhookEndpoint.objects.filter(receiver=WebhookEndpoint.Receiver.PARTNER)
    urls = campaigns.values_list("webhook_url").union(partners.values_list("url"))
    return sorted({urlsplit(url).hostname or "" for (url,) in urls} - {""})


def campaigns() -> Collection[Campaign]:
    """Those that act or may go on. One query."""
    return list(Campaign.objects.filter(status__in=ALIVE).only("kind", "channel", "allocation", "send_time"))


def live_models() -> list[ModelVersion]:
    """One query."""
    return list(ModelVersion.objects.filter(state=ModelVersion.State.LIVE).order_by("task"))


def learning_places() -> int:
    """Places whose offers are put in order by what was learnt. One query."""
    rankings = OfferPlacement.objects.exclude(ranking=OfferPlacement.Ranking.PRIORITY)
    return rankings.count()


def has_holdout() -> bool:
    """One query."""
    return Holdout.objects.exists()


def given_statistics() -> list[str]:
    """To whom noised counts of products were given. One query."""
    rows = SharedStatistics.objects.filter(direction=SharedStatistics.Direction.OUT)
    return sorted(set(rows.values_list("name", flat=True)))


def sensitive_uses() -> list[str]:
    """Attributes that may be used by somebody's leave. One query."""
    rows = SensitiveUse.objects.exclude(approved_by="").select_related("attribute")
    return sorted({row.attribute.name for row in rows})
