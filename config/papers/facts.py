"""What this installation really does: the figures and names that papers are filled with. Each function says its queries."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings

from campaigns.models import Campaign, DailyFigure, Holdout, WebhookEndpoint
from campaigns.models import Placement as OfferPlacement
from customers.models import Jurisdiction, SensitiveUse, SilentYes
from recommender.models import ModelVersion, SharedStatistics

# Campaigns that act now or may go on.
ALIVE = (Campaign.Status.APPROVED, Campaign.Status.RUNNING, Campaign.Status.PAUSED)


@dataclass(frozen=True)
class Counted:
    """How many people are here and allow what, as it was counted last in the background, in tens; of a few nought.

    A million people take seconds to count, so no paper counts them itself.
    """

    at: datetime | None = None
    """None: nobody has counted yet."""
    people: int | None = None
    """Visitors without a name included."""
    allowing: Mapping[str, int] = field(default_factory=dict)
    """By purpose."""
    laws: Sequence[tuple[str, int]] = ()
    """(code, people), the largest first."""


def counted() -> Counted:
    """One query: the newest of each figure, which stand on the same day."""
    rows = DailyFigure.objects.filter(name__in=(DailyFigure.Name.HERE, DailyFigure.Name.MAY))
    newest = list(rows.filter(day=rows.order_by("-day").values("day")[:1]))
    if not newest:
        return Counted()
    found = {(row.name, row.about): int(row.value or 0) for row in newest}
    laws = [(code, n) for (name, code), n in found.items() if name == DailyFigure.Name.HERE and code]
    return Counted(
        newest[0].counted_at,
        found.get((DailyFigure.Name.HERE, ""), 0),
        {purpose: n for (name, purpose), n in found.items() if name == DailyFigure.Name.MAY},
        sorted(laws, key=lambda law: (-law[1], law[0])),
    )


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
