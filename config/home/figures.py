"""The four figures of the desk's home: of thirty days, beside the thirty before, read from what was counted."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.figures import PERIOD, Figures
from campaigns.models import DailyFigure, Holdout
from catalog.pages import told_time
from config.home.need import listed
from customers import few

Name = DailyFigure.Name


@dataclass(frozen=True)
class Figure:
    """One card: what it is, the number, of whom and since when, and against the thirty days before."""

    title: str
    told: str
    of: str
    since: str
    lines: Sequence[str] = ()
    link: str = ""
    beside: Sequence[tuple[str, str]] = field(default_factory=list)
    """More numbers of the same card: (words, number)."""


def figures(request: HttpRequest, found: Figures, holdout: Holdout | None) -> list[Figure]:
    """Without a query. Where nothing was counted yet, that."""
    if found.counted_at is None:
        return []
    return [
        _reached(request, found),
        _orders(request, found),
        _profit(found, holdout),
        _allow(request, found),
    ]


def _may(request: HttpRequest, right: str, link: str, otherwise: str = "") -> str:
    return link if request.user.has_perm(right) else otherwise


def period(found: Figures) -> str:
    """Thirty days, in the reader's manner."""
    first = found.today - PERIOD + timedelta(days=1)
    return _("%(first)s to %(last)s") % {
        "first": date_format(first, "SHORT_DATE_FORMAT"),
        "last": date_format(found.today, "SHORT_DATE_FORMAT"),
    }


def about(row: DailyFigure | None, fewest: int = few.FEWEST_PEOPLE) -> str:
    """A count that is kept in tens; none is kept of a few."""
    if row is None or row.value is None:
        return _("fewer than %s") % fewest
    return _("about %s") % f"{row.value:,.0f}"


def _reached(request: HttpRequest, found: Figures) -> Figure:
    now, before = found.get(Name.REACHED), found.get(Name.REACHED, back=PERIOD)
    is_told = now is not None and now.value is not None
    by = [_("by %s messages") % about(found.get(Name.MESSAGES))] if is_told else []
    return Figure(
        _("People reached"),
        about(now),
        _("People to whom a message was sent, each counted once,"),
        period(found),
        [*by, *_more(now, before, by_chance=False)],
        _may(
            request, "campaigns.view_delivery", listed("campaigns_delivery", "status__exact=sent"),
            listed("campaigns_campaign"),
        ),
    )  # fmt: skip


def _orders(request: HttpRequest, found: Figures) -> Figure:
    now, before = found.get(Name.ORDERS), found.get(Name.ORDERS, back=PERIOD)
    worth = found.get(Name.WORTH)
    lines = []
    if worth is not None and worth.value is not None:
        told = {"money": f"{worth.value:,.0f} {settings.DEFAULT_CURRENCY}", "n": f"{worth.people or 0:,}"}
        lines.append(_("worth about %(money)s, by about %(n)s people, by last touch") % told)
    return Figure(
        _("Orders after a message"),
        about(now, few.FEWEST_ORDERS),
        _("Of people to whom a message was sent, each order by the last message before it,"),
        period(found),
        [*lines, *_more(now, before, by_chance=True)],
        _may(
            request, "campaigns.view_outcome", listed("campaigns_outcome", "kind__exact=ordered"),
            listed("campaigns_campaign"),
        ),
    )  # fmt: skip


def _more(now: DailyFigure | None, before: DailyFigure | None, *, by_chance: bool) -> list[str]:
    """Against the thirty days before. by_chance : the same shop might have sold so many more or fewer, by its buyers."""
    if now is None or before is None or not now.value or not before.value:
        return [_("The 30 days before cannot be compared: too few, or not counted.")]
    ratio = now.value / before.value
    if not by_chance:
        return [_("%s against the 30 days before (counted, not estimated)") % f"{ratio - 1:+.0%}"]
    if not now.people or not before.people:
        return []
    spread = math.exp(1.96 * math.sqrt(1 / now.people + 1 / before.people))
    told = {
        "change": f"{ratio - 1:+.0%}",
        "low": f"{ratio / spread - 1:+.0%}",
        "high": f"{ratio * spread - 1:+.0%}",
    }
    return [_("%(change)s against the 30 days before; by chance alone %(low)s to %(high)s") % told]


def interval(row: DailyFigure, currency: str) -> str:
    """A sum of money with its interval, whole."""
    return _("%(value)s (%(low)s to %(high)s)") % {
        "value": f"{row.value:+,.0f} {currency}",
        "low": f"{row.low or 0:+,.0f}",
        "high": f"{row.high or 0:+,.0f}",
    }


def _profit(found: Figures, holdout: Holdout | None) -> Figure:
    """Against the global holdout first, where there is one: nobody's effect is counted twice there."""
    currency = settings.DEFAULT_CURRENCY
    row, whole = found.get(Name.PROFIT), None
    if holdout is not None:
        whole = found.get(Name.HOLDOUT, holdout.slug)
    lines: list[str] = []
    if whole is not None and holdout is not None:
        lines += _whole_lines(whole, holdout, currency)
    if row is not None and row.value is not None:
        lines.append(_campaigns(found, row, currency, is_first=whole is None))
        lines += _profit_before(row, found.get(Name.PROFIT, back=PERIOD), currency)
    elif whole is None:
        lines.append(_("No campaign of these 30 days has enough people and buyers in both groups."))
    first = whole or row
    link = (
        reverse("admin:campaigns_holdout_report", args=[holdout.pk])
        if whole is not None and holdout is not None
        else listed("campaigns_campaign")
    )
    told = _headline(first, currency)
    if whole is None or holdout is None:
        of = _("Of the people whom campaigns chose, those in a campaign against those held out,")
        return Figure(_("Incremental profit"), told, of, period(found), lines, link)
    of = _("Of everybody whom campaigns chose, against the holdout,")
    begun = date_format(timezone.localtime(holdout.starts_at), "SHORT_DATE_FORMAT")
    return Figure(_("Incremental revenue"), told, of, _("since %s") % begun, lines, link)


def _headline(row: DailyFigure | None, currency: str) -> str:
    if row is None or row.value is None or (row.low or 0) <= 0 <= (row.high or 0):
        return _("Cannot tell yet")
    return f"{row.value:+,.0f} {currency}"


def _whole_lines(row: DailyFigure, holdout: Holdout, currency: str) -> list[str]:
    since = date_format(timezone.localtime(holdout.starts_at), "SHORT_DATE_FORMAT")
    if row.value is None:
        return [
            _("Against the holdout “%(name)s”, since %(since)s: too early, or too few.")
            % {"name": holdout.name, "since": since}
        ]
    return [
        _("Everyone against the holdout “%(name)s”: %(money)s, about %(n)s people, since %(since)s")
        % {
            "money": interval(row, currency),
            "name": holdout.name,
            "since": since,
            "n": f"{row.people or 0:,}",
        }
    ]


def _campaigns(found: Figures, row: DailyFigure, currency: str, *, is_first: bool) -> str:
    """The sum over campaigns, and what it leaves out or counts twice."""
    effects = found.about(Name.EFFECT)
    read = sum(one.value is not None for one in effects)
    told = ngettext(
        "%(money)s, from the control groups of %(read)s of %(all)s campaign",
        "%(money)s, summed from the control groups of %(read)s of %(all)s campaigns",
        len(effects),
    ) % {"money": interval(row, currency), "read": read, "all": len(effects)}
    if not is_first:
        told = _("Profit: %s") % told
    overlap = found.get(Name.OVERLAP)
    if overlap is not None and overlap.value:
        told += (
            "; " + _("%s of the places are of people in several, counted in each") % f"{overlap.value:.0%}"
        )
    return told


def _profit_before(now: DailyFigure, before: DailyFigure | None, currency: str) -> list[str]:
    """The difference of two estimates; they share nobody's thirty days, so their squares add."""
    values = (now.value, now.low, now.high)
    if before is None or before.value is None or None in values:
        return []
    change = (now.value or 0) - before.value
    low = change - math.hypot((now.value or 0) - (now.low or 0), (before.high or 0) - before.value)
    high = change + math.hypot((now.high or 0) - (now.value or 0), before.value - (before.low or 0))
    told = {"change": f"{change:+,.0f} {currency}", "low": f"{low:+,.0f}", "high": f"{high:+,.0f}"}
    return [_("%(change)s against the 30 days before (%(low)s to %(high)s)") % told]


def _share_or_why(row: DailyFigure | None) -> str:
    return share(row) if row is not None and row.value is not None else _("Cannot tell yet")


def share(row: DailyFigure | None) -> str:
    """A share to the whole per cent, or that it is under or above what a few would be."""
    if row is None or row.value is None:
        return "–"
    sign = {"below": "< ", "above": "> "}.get(row.why, "")
    return f"{sign}{row.value:.0%}"


def points(now: DailyFigure | None, before: DailyFigure | None) -> str:
    """By how many points a share has moved; everybody is counted, so no chance is in it."""
    rows = (now, before)
    if any(row is None or row.value is None or row.why for row in rows):
        return ""
    moved = round(100 * ((now.value if now else 0) or 0)) - round(
        100 * ((before.value if before else 0) or 0)
    )
    return _("%s points against 30 days before") % f"{moved:+d}" if moved else _("as 30 days before")


def _allow(request: HttpRequest, found: Figures) -> Figure:
    rows = {purpose: found.get(Name.ALLOWS, purpose) for purpose in ("personalization", "marketing_email")}
    beside = []
    for purpose, title in (("marketing_email", _("offers by e-mail")),):
        moved = points(rows[purpose], found.get(Name.ALLOWS, purpose, back=PERIOD))
        beside.append((title + (f" ({moved})" if moved else ""), _share_or_why(rows[purpose])))
    moved = points(rows["personalization"], found.get(Name.ALLOWS, "personalization", back=PERIOD))
    known = found.get(Name.KNOWN)
    return Figure(
        _("Allow personalization"),
        _share_or_why(rows["personalization"]),
        _("Of %s known customers, counted and not estimated,") % about(known),
        _("as of %s") % told_time(found.counted_at),
        [moved] if moved else [],
        _may(request, "customers.view_consentstate", listed("customers_consentstate", "granted__exact=1")),
        beside,
    )
