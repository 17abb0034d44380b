"""The four figures of the desk's home."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Count, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.admin import words
from campaigns.models import Decision, Delivery, Outcome
from customers import consent, few
from customers.models import Customer

PERIOD = timedelta(days=30)


@dataclass(frozen=True)
class Figure:
    title: str
    told: str
    under: str


def figures(now: datetime) -> list[Figure]:
    """Four figures of the last thirty days, in tens: they are counted anew at each look. Five queries."""
    since = now - PERIOD
    sent = Delivery.objects.filter(status=Delivery.Status.SENT, ended_at__gte=since)
    reached = sent.aggregate(people=Count("customer", distinct=True), messages=Count("pk"))
    earned = Outcome.objects.filter(
        kind=Outcome.Kind.ORDERED, at__gte=since, decision__arm=Decision.Arm.TREATED
    ).aggregate(
        people=Count("decision__customer", distinct=True),
        orders=Count("event__order_id", distinct=True),
        money=Sum("value", default=Decimal(0)),
    )
    has_buyers = earned["people"] >= few.FEWEST_ORDERS
    everyone = Customer.objects.present().filter(external_id__isnull=False)
    known = everyone.count()
    shares = []
    for purpose in ("personalization", "marketing_email"):
        allowed = consent.permitted(purpose).filter(external_id__isnull=False).count()
        shares.append(_share(allowed, known))
    of_whom = ngettext("of %s known customer, now", "of %s known customers, now", 2) % few.told_in_tens(known)
    period = _("in the last 30 days")
    is_told = reached["people"] >= few.FEWEST_PEOPLE
    messages = ngettext("by %s message", "by %s messages", 2) % few.told_in_tens(
        reached["messages"] if is_told else 0
    )
    money = few.sum_in_tens(float(earned["money"]), earned["people"]) if has_buyers else None
    worth = _("worth %s, by last touch") % words.money(money, settings.DEFAULT_CURRENCY)
    return [
        Figure(
            _("People reached"),
            few.told_in_tens(reached["people"]),
            _("%(what)s, %(when)s") % {"what": messages, "when": period},
        ),
        Figure(
            _("Orders of people treated"),
            few.told_in_tens(earned["orders"] if has_buyers else 0, few.FEWEST_ORDERS),
            _("%(what)s, %(when)s") % {"what": worth, "when": period},
        ),
        Figure(_("Allow personalization"), shares[0], of_whom),
        Figure(_("Allow offers by e-mail"), shares[1], of_whom),
    ]


def _share(some: int, of: int) -> str:
    """A share to the whole per cent; none where those who do, or those who do not, are a few."""
    if of < few.FEWEST_PEOPLE:
        return "–"
    if few.is_small(some):
        return f"< {few.FEWEST_PEOPLE / of:.0%}" if of >= 10 * few.FEWEST_PEOPLE else "–"
    if few.is_small(of - some):
        return f"> {1 - few.FEWEST_PEOPLE / of:.0%}" if of >= 10 * few.FEWEST_PEOPLE else "–"
    return f"{some / of:.0%}"
