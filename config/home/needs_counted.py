"""What is told by how many there are: all counted in one statement, each by an index or in a small table."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, QuerySet, Value
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import planning
from campaigns.models import Delivery, Export, Offer
from catalog import together
from config.home.need import Asking, Need, listed
from customers.models import ImportRun, SensitiveUse
from recommender.models import TrainingRun

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Counted:
    """right : whoever has it is told · rows : what is counted · need : what is said of so many"""

    right: str
    rows: Callable[[Asking], QuerySet[Any]]
    need: Callable[[Asking, int], Need]


def counted(asking: Asking) -> list[Need]:
    """One query."""
    kinds = [kind for kind in KINDS if asking.may(kind.right)]
    asked = [
        kind.rows(asking)
        .order_by()
        .annotate(one=Value(1))
        .values("one")
        .annotate(n=Count("pk"))
        .values_list("n")
        for kind in kinds
    ]
    together.read(*asked)
    counts = [next((int(n) for (n,) in rows), 0) for rows in asked]
    return [kind.need(asking, n) for kind, n in zip(kinds, counts, strict=True) if n]


def _unknown(asking: Asking, n: int) -> Need:
    told_n, n = asking.told("campaigns.view_delivery", n)
    told = ngettext(
        "%s message has an unknown fate: the line broke after its body began.",
        "%s messages have an unknown fate: the line broke after their body began.",
        n,
    )
    return Need(told % told_n, _("Look"), listed("campaigns_delivery", "status__exact=unknown"), "harm")


def _late(asking: Asking, n: int) -> Need:
    told = ngettext(
        "%s run is more than two hours late and waits for you.",
        "%s runs are more than two hours late and wait for you.",
        n,
    )
    return Need(told % n, _("Look"), listed("campaigns_campaignrun", "state__exact=due"), "harm")


def _sensitive_rows(asking: Asking) -> QuerySet[SensitiveUse]:
    """Whoever asked does not approve their own."""
    waiting = SensitiveUse.objects.filter(approved_by="")
    return waiting if asking.user is None else waiting.exclude(asked_by=asking.user.get_username())


def _sensitive(asking: Asking, n: int) -> Need:
    told = ngettext(
        "%s use of a sensitive attribute waits for a yes or a no.",
        "%s uses of sensitive attributes wait for a yes or a no.",
        n,
    )
    return Need(told % n, _("Decide"), listed("customers_sensitiveuse"), "attention")


def _trainings(asking: Asking, n: int) -> Need:
    told = ngettext("%s training failed this week.", "%s trainings failed this week.", n)
    return Need(told % n, _("See why"), listed("recommender_trainingrun", "state__exact=failed"), "harm")


def _imports(asking: Asking, n: int) -> Need:
    told = ngettext("%s import failed this week.", "%s imports failed this week.", n)
    return Need(told % n, _("See why"), listed("customers_importrun"), "attention")


def _exports(asking: Asking, n: int) -> Need:
    told = ngettext("%s data export failed this week.", "%s data exports failed this week.", n)
    return Need(told % n, _("See why"), listed("campaigns_export"), "attention")


def _offers(asking: Asking, n: int) -> Need:
    told = ngettext("%s offer waits for approval.", "%s offers wait for approval.", n)
    return Need(told % n, _("Approve"), listed("campaigns_offer", "status__exact=draft"))


KINDS: tuple[Counted, ...] = (
    Counted(
        "campaigns.view_delivery",
        lambda asking: Delivery.objects.filter(status=Delivery.Status.UNKNOWN),
        _unknown,
    ),
    Counted("campaigns.change_campaignrun", lambda asking: planning.late(at=asking.now), _late),
    Counted(
        "recommender.change_trainingrun",
        lambda asking: TrainingRun.objects.filter(
            state=TrainingRun.State.FAILED, created_at__gte=asking.now - WEEK
        ),
        _trainings,
    ),
    Counted("customers.change_sensitiveuse", _sensitive_rows, _sensitive),
    Counted(
        "customers.view_importrun",
        lambda asking: ImportRun.objects.filter(started_at__gte=asking.now - WEEK).exclude(error=""),
        _imports,
    ),
    Counted(
        "campaigns.change_export",
        lambda asking: Export.objects.filter(state=Export.State.FAILED, created_at__gte=asking.now - WEEK),
        _exports,
    ),
    Counted(
        "campaigns.change_offer",
        lambda asking: Offer.objects.filter(status=Offer.Status.DRAFT),
        _offers,
    ),
)
