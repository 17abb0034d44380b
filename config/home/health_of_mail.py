"""How mail is taken by those who get it: what came back in a week, and which domains we write to more slowly."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext as _

from campaigns import pace, stopping
from campaigns.figures import Figures
from campaigns.models import Bounce, DailyFigure, DomainPace
from catalog.pages import told_time
from config.home.figures import about
from config.home.need import listed, page
from customers import few

Name = DailyFigure.Name
MOST_DOMAINS = 5
# What mailbox providers ask of senders: complaints under 0.10 %, never 0.30 % (U7); of addresses that do not exist
# they give no number, and two in a hundred is what lists that are looked after stay under.
LIMITS: dict[str, tuple[Decimal, Decimal] | None] = {
    "complaint": (stopping.WARNS_AT, Decimal("0.30")),
    "hard": (Decimal(2), Decimal(5)),
    "soft": None,
    "deferred": None,
}
KINDS = tuple(LIMITS)


@dataclass(frozen=True)
class CameBack:
    name: str
    told: str
    limit: str
    state: str
    """good, attention, harm, or empty where there is no limit or nothing can be told"""
    words: str
    link: str


@dataclass(frozen=True)
class OfDomain:
    """cells : of each kind (told, state, in words), in the order of KINDS"""

    domain: str
    sent: str
    cells: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Mail:
    sent: str
    rows: list[CameBack]
    by_domain: list[OfDomain]
    """The largest, as a sample of addresses tells."""
    domains: list[tuple[str, str, str]]
    """(domain, in words, address) of those written to more slowly"""
    more: str
    """Where all of these domains are, if there are more."""


def mail(request: HttpRequest, found: Figures, at: datetime) -> Mail | None:
    """One query. None before anything was counted."""
    if found.counted_at is None:
        return None
    rows = [_came_back(request, found, kind) for kind in KINDS]
    slow, more = _slow(request, at)
    return Mail(about(found.get(Name.SENT)), rows, _by_domain(found), slow, more)


def _by_domain(found: Figures) -> list[OfDomain]:
    """The largest first."""
    sent = [row for row in found.about(Name.SENT) if row.about]
    return [
        OfDomain(
            row.about,
            about(row),
            [_told(found.get(Name.CAME_BACK, f"{kind} {row.about}"), kind) for kind in KINDS],
        )
        for row in sorted(sent, key=lambda row: -(row.value or 0))
    ]


def _told(row: DailyFigure | None, kind: str) -> tuple[str, str, str]:
    """The share in words, its state, and the state in words."""
    if row is None or row.value is None:
        return _("too few to tell"), "", ""
    limits, is_few = LIMITS[kind], row.why == "below"
    percent = Decimal(str(100 * row.value))
    told = _("fewer than %s") % few.FEWEST_ORDERS if is_few else f"{percent:.2f} %"
    return (told, *_judged(percent, limits, is_few=is_few)) if limits is not None else (told, "", "")


def _came_back(request: HttpRequest, found: Figures, kind: str) -> CameBack:
    row, limits = found.get(Name.CAME_BACK, kind), LIMITS[kind]
    opens = request.user.has_perm("campaigns.view_bounce")
    told, state, words = _told(row, kind)
    limit = (
        _("none set")
        if limits is None
        else _("watch from %(watch)s %%, stop at %(stop)s %%")
        % {
            "watch": f"{limits[0]:.2f}",
            "stop": f"{limits[1]:.2f}",
        }
    )
    link = listed("campaigns_bounce", f"kind__exact={kind}") if opens else ""
    return CameBack(str(Bounce.Kind(kind).label), told, limit, state, words, link)


def _judged(percent: Decimal, limits: tuple[Decimal, Decimal], *, is_few: bool) -> tuple[str, str]:
    """Of a few notices only a share that they stay under is known: it can clear them, and never accuse them."""
    watch, stop = limits
    if percent < watch:
        return "good", _("within the limit")
    if is_few:
        return "", _("too few to judge")
    if percent < stop:
        return "attention", _("above what mailboxes like")
    return "harm", _("above what mailboxes take")


def _slow(request: HttpRequest, at: datetime) -> tuple[list[tuple[str, str, str]], str]:
    """Domains whose own answers taught us to go slower. A domain may be one person's: for who may open the list."""
    if not (
        request.user.has_perm("campaigns.view_domainpace")
        and request.user.has_perm("customers.view_customer")
    ):
        return [], ""
    taught = Q(slowed_to__isnull=False) | Q(paused_until__gt=at)
    rows = DomainPace.objects.filter(taught, changed_at__gt=at - timedelta(days=7)).order_by(
        "-changed_at", "pk"
    )
    found = []
    for row in rows[: MOST_DOMAINS + 1]:
        name = _("the server that takes all our mail") if row.domain == pace.EVERYWHERE else row.domain
        if row.paused_until is not None and row.paused_until > at:
            told = _("paused until %s") % told_time(row.paused_until)
        elif (most := pace.taught(row, at)) is not None:
            told = _("slowed to %s a minute") % f"{most:,}"
        else:
            continue
        found.append((name, told, page("campaigns_domainpace", row.pk)))
    return found[:MOST_DOMAINS], listed("campaigns_domainpace") if len(found) > MOST_DOMAINS else ""
