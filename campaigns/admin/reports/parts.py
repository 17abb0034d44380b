"""The tables and sentences of a report's page."""

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext, gettext_noop, ngettext
from django.utils.translation import gettext_lazy as _

from campaigns.admin import words
from campaigns.admin.reports.charts import date
from campaigns.models import Campaign
from campaigns.reports import FEWEST_ORDERS, FEWEST_PEOPLE, Pair, Report, sheets
from catalog.pages import told_time

TABLE_WORDS = {
    "headline": _("The headline"),
    "waterfall": _("Who, and who not"),
    "days": _("Day by day"),
    "segments": _("Segments and offers"),
    "variants": _("Variants"),
    "codes": _("Codes"),
    "profit": _("Cost and profit"),
}
PART_WORDS = {
    "people": _("People, money and effect"),
    "waterfall": _("Who, and who not"),
    "codes": _("Codes"),
    "attributed": _("Attributed orders"),
    "touched": _("Opened and clicked"),
}
# What the report says where no variant can be named.
gettext_noop("The variants have sizes that chance does not make: someone was lost on the way to one.")
gettext_noop("Cannot tell yet: not every variant has enough people and buyers.")
gettext_noop("Cannot tell yet which is better.")


def state(campaign: Campaign, report: Report) -> str:
    """The line under the title: where the campaign stands, of when the numbers are, and whether more will come."""
    if report.read_from is None:
        return gettext("%s. Nothing has been measured yet.") % campaign.get_status_display().capitalize()
    told = {
        "status": campaign.get_status_display().capitalize(),
        "begin": date(report.read_from),
        "end": date(report.read_until),
        "days": campaign.window_days,
    }
    if report.is_over:
        return gettext("%(status)s. Measured from %(begin)s to %(end)s; the window is over.") % told
    return (
        ngettext(
            "%(status)s. Measured since %(begin)s, each person for %(days)s day; more is still to come.",
            "%(status)s. Measured since %(begin)s, each person for %(days)s days; more is still to come.",
            campaign.window_days,
        )
        % told
    )


def whom(report: Report) -> dict[str, str]:
    """Of whom the numbers are, and since when."""
    if report.read_from is None:
        return {}
    arms = {"treated": words.few(report.treated.people), "control": words.few(report.control.people)}
    return {
        "of": gettext("%(treated)s in the campaign, %(control)s held out,") % arms,
        "since": gettext("%(first)s to %(last)s")
        % {"first": date(report.read_from), "last": date(report.read_until)},
    }


def lists_of(request: HttpRequest, campaign: Campaign) -> dict[str, str]:
    """Where the people behind each number are listed, as far as the reader may open those lists."""
    found: dict[str, str] = {}
    if request.user.has_perm("campaigns.view_delivery"):
        deliveries = (
            f"{reverse('admin:campaigns_delivery_changelist')}?run__campaign__id__exact={campaign.pk}"
        )
        found["sendable"] = deliveries
        found |= {status: f"{deliveries}&status__exact={status}" for status in words.FATES}
    if request.user.has_perm("campaigns.view_decision"):
        decisions = f"{reverse('admin:campaigns_decision_changelist')}?campaign__id__exact={campaign.pk}"
        found |= {
            "treated": f"{decisions}&arm__exact=treated",
            "held_out": f"{decisions}&arm__exact=control",
            "holdout": f"{decisions}&arm__exact=holdout",
        }
    if request.user.has_perm("campaigns.view_outcome"):
        outcomes = (
            f"{reverse('admin:campaigns_outcome_changelist')}?decision__campaign__id__exact={campaign.pk}"
        )
        found |= {kind: f"{outcomes}&kind__exact={kind}" for kind in ("opened", "clicked", "ordered")}
    if request.user.has_perm("campaigns.view_code"):
        codes = f"{reverse('admin:campaigns_code_changelist')}?decisions__campaign__id__exact={campaign.pk}"
        found["codes"] = codes
        found |= {
            f"codes_{name}": f"{codes}&state__exact={name}" for name in ("redeemed", "reversed", "expired")
        }
    return found


def addresses(campaign: Campaign, query: str) -> dict[str, str]:
    """Each table's address, by its name."""
    return {
        name: reverse("admin:campaigns_campaign_report_file", args=[campaign.pk, f"{name}.csv"]) + query
        for name in sheets.SHEETS
    }


def files(campaign: Campaign, report: Report, query: str) -> list[tuple[str, str]]:
    """(words, address) of what can be taken along; tables without rows are left out."""
    empty = {"days": not report.days, "segments": not report.segments, "variants": report.variants is None}
    known = addresses(campaign, query)
    found = [(f"{told} (CSV)", known[name]) for name, told in TABLE_WORDS.items() if not empty.get(name)]
    whole = reverse("admin:campaigns_campaign_report_file", args=[campaign.pk, "report.json"]) + query
    return [*found, (gettext("All of it (JSON)"), whole)]


def warnings(report: Report) -> list[str]:
    """What blurs the numbers, in words."""
    found = []
    if report.mixes_arms:
        found.append(
            ngettext(
                "%s person stands in both groups, as happens when two records become one person: the effect is blurred.",
                "%s people stand in both groups, as happens when two records become one person: the effect is blurred.",
                report.in_two_arms or 0,
            )
            % f"{report.in_two_arms:,}"
        )
    if report.still_measured and not report.is_over:
        found.append(
            ngettext(
                "The window of %s person is still open: their part of the effect is still to come.",
                "The window of %s people is still open: their part of the effect is still to come.",
                report.still_measured,
            )
            % f"{report.still_measured:,}"
        )
    return found


def disclosed(report: Report) -> list[str]:
    """What is held back or repeated so that nobody is told by a number, in words."""
    found = [
        gettext(
            "Where “–” or “too few to show” stands, a number would tell of fewer than %(people)s people, or of fewer "
            "than %(buyers)s who bought or clicked."
        )
        % {"people": FEWEST_PEOPLE, "buyers": FEWEST_ORDERS}
    ]
    found += [
        gettext("%(part)s: as shown on %(at)s. Since then too few people changed for new numbers.")
        % {"part": PART_WORDS[part], "at": told_time(at)}
        for part, at in report.kept_from.items()
    ]
    return found


def looks(report: Report) -> list[dict[str, str]]:
    """The rows beside the headline: the same question, seen in other ways."""
    beside = report.beside
    if beside is None:
        return []
    orders = beside.orders
    found = [
        {
            "words": gettext("Share who ordered (exploratory)"),
            "value": gettext("%s points") % f"{100 * orders.difference:+.1f}",
            "range": f"{100 * orders.low:.1f} … {100 * orders.high:.1f}",
        }
    ]
    if beside.bootstrap is not None:
        low, high = beside.bootstrap
        difference = (report.treated.per_person or 0.0) - (report.control.per_person or 0.0)
        found.append({
            "words": gettext("Revenue per person, by resampling people"),
            "value": words.money(difference, report.currency, sign=True),
            "range": f"{low:,.2f} … {high:,.2f}",
        })  # fmt: skip
    if beside.winsorised is not None:
        value, low, high = beside.winsorised
        told = gettext("Revenue per person, cut at %s") % words.money(beside.cap, report.currency)
        found.append({
            "words": told,
            "value": words.money(value, report.currency, sign=True),
            "range": f"{low:,.2f} … {high:,.2f}",
        })  # fmt: skip
    return found


def winner(report: Report) -> str:
    """Which variant won, in words; by money, never by opens."""
    found = report.variants
    if found is None:
        return ""
    if found.winner:
        name = next(row.name for row in found.rows if row.key == found.winner)
        return gettext("%s brought more money per person than every other variant.") % name
    told = gettext(found.why_no_winner) if found.why_no_winner else ""
    if found.people_needed:
        told += " " + gettext("About %s more people are needed.") % f"{found.people_needed:,}"
    return told


def pairs(report: Report) -> list[tuple[str, str, Pair]]:
    """Each pair of variants that may be compared, by their names."""
    if report.variants is None:
        return []
    names = {row.key: row.name for row in report.variants.rows}
    return [(names[pair.first], names[pair.second], pair) for pair in report.variants.pairs]


def profit(report: Report) -> list[tuple[str, str, str, str]]:
    """(what, value, interval, kind) from what the campaign caused to what is left of it; kind: part or sum."""
    effect, currency = report.effect, report.currency

    def spent(value: object) -> str:
        return words.few(None) if value is None else f"− {words.money(value, currency)}"  # type: ignore[arg-type]

    found = []
    if effect is not None:
        revenue = gettext("Revenue it caused, of %s people in the campaign") % words.few(
            report.treated.people
        )
        found.append(
            (revenue, words.money(effect.total, currency, sign=True), _range(effect.total_low, effect.total_high), "part")
        )  # fmt: skip
        if report.margin_percent is not None:
            share = float(report.margin_percent) / 100
            found.append((
                gettext("What is kept of it, a margin of %s %%") % f"{float(report.margin_percent):g}",
                words.money(effect.total * share, currency, sign=True),
                _range(effect.total_low * share, effect.total_high * share),
                "part",
            ))  # fmt: skip
    found.append((
        gettext("Discounts used by people in the campaign, less those the held out used anyway"),
        spent(sheets.extra_discount(report)), "", "part",
    ))  # fmt: skip
    found.append((gettext("Sending the messages"), spent(report.sending_cost), "", "part"))
    if effect is not None:
        value = words.money(effect.profit, currency, sign=True)
        found.append(
            (gettext("Profit it caused"), value, _range(effect.profit_low, effect.profit_high), "sum")
        )
    return found


def _range(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{low:,.2f} … {high:,.2f}"
