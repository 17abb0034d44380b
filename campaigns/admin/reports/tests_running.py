"""What is being tested now: which people against which, since when, until when, and whether it may be read."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import experiments
from campaigns.admin import words
from campaigns.admin.reports import results_words
from campaigns.admin.reports import words as report_words
from campaigns.admin.reports.charts import date
from campaigns.models import Campaign, Headline, Variant
from campaigns.reports import Report

MOST = 100
JUST_OVER = timedelta(days=14)
TESTED = (Campaign.Status.RUNNING, Campaign.Status.PAUSED, Campaign.Status.FINISHED)


@dataclass(frozen=True)
class Test:
    """One campaign as a test. `kind`: alarm, readable, early or over; `percent` of its time, None without an end."""

    name: str
    link: str
    what: str
    people: str
    when: str
    kind: str
    told: str
    percent: int | None


def found(*, at: datetime) -> list[Test]:
    """Alarms first, then what ends soonest. Two queries; nobody is counted: people are as the last report told them."""
    is_new = Q(headline__ends_at__isnull=True) | Q(headline__ends_at__gte=at - JUST_OVER)
    known = Campaign.objects.filter(is_new, status__in=TESTED)
    is_a_test = Q(control_percent__gt=0) | Q(pk__in=Variant.objects.values("campaign"))
    rows = known.filter(is_a_test).select_related("headline").prefetch_related("variants").order_by("-pk")
    tests = [_test(row, at=at) for row in rows[:MOST]]
    order = {"alarm": 0, "readable": 1, "early": 2, "over": 3}
    return sorted(tests, key=lambda test: (order[test.kind], -(test.percent or 0), test.name))


def _test(campaign: Campaign, *, at: datetime) -> Test:
    headline = getattr(campaign, "headline", None)
    report = results_words.shown(headline) if headline is not None else None
    kind, told = _reading(headline, report, at=at)
    return Test(
        name=campaign.name,
        link=reverse("admin:campaigns_campaign_report", args=[campaign.pk]),
        what=_what(campaign),
        people=_people(report),
        when=_when(campaign, headline),
        kind=kind,
        told=told,
        percent=_percent(headline, at=at),
    )


def _what(campaign: Campaign) -> str:
    found = []
    if campaign.control_percent:
        found.append(_("%s %% held out") % f"{float(campaign.control_percent):g}")
    names = [variant.name or variant.key for variant in campaign.variants.all()]
    if len(names) > 1:
        learns = campaign.allocation == Campaign.Allocation.BANDIT
        told = _("%s, shares shift to what works") if learns else _("%s, by their weights")
        found.append(told % _(" against ").join(names))
    return " · ".join(found)


def _people(report: Report | None) -> str:
    if report is None:
        return _("not counted yet")
    return _("%(treated)s in the campaign, %(control)s held out") % {
        "treated": words.few(report.treated.people),
        "control": words.few(report.control.people),
    }


def _when(campaign: Campaign, headline: Headline | None) -> str:
    length = ngettext("%s day a person", "%s days a person", campaign.window_days) % campaign.window_days
    if headline is None or headline.began_at is None:
        return _("Not begun. %s.") % length
    told = {"begin": date(headline.began_at), "end": date(headline.ends_at), "length": length}
    if headline.ends_at is None:
        return _("Since %(begin)s, no end set; %(length)s.") % told
    return _("%(begin)s to %(end)s; %(length)s.") % told


def _percent(headline: Headline | None, *, at: datetime) -> int | None:
    if headline is None or headline.began_at is None or headline.ends_at is None:
        return None
    whole = headline.ends_at - headline.began_at
    return max(0, min(100, round(100 * ((at - headline.began_at) / whole)))) if whole else 100


def _reading(headline: Headline | None, report: Report | None, *, at: datetime) -> tuple[str, str]:
    """(kind, words): whether the test may be read now, and when it may be for good."""
    if headline is None or report is None:
        return "early", _("Its first report is being worked out.")
    if alarm := _alarm(report):
        return "alarm", alarm
    if headline.ends_at is not None and headline.ends_at <= at:
        return "over", _("Its window is over.") + " " + report_words.verdict(report)
    final = _("For good on %s.") % date(headline.ends_at) if headline.ends_at else _("It has no end set.")
    if report.effect is not None:
        any_time = _("May be looked at any time: its interval allows for looking early.")
        return "readable", f"{report_words.verdict(report)} {any_time} {final}"
    return "early", f"{report_words.why_no_effect(report)} {final}"


def _alarm(report: Report) -> str:
    """Groups of sizes that chance does not make: nothing may be read from them."""
    p = report.sample_ratio_p
    if p is not None and p < experiments.SAMPLE_RATIO_ALARM:
        return (
            _(
                "Do not read it: the groups in the campaign and held out have sizes that chance does not make (p = %s)."
            )
            % f"{p:.2g}"
            + " "
            + _("Look for people planned by hand, merged or erased since.")
        )
    variants = report.variants
    if variants is not None and variants.sample_ratio_p < experiments.SAMPLE_RATIO_ALARM:
        return (
            _("Do not compare its variants: they have sizes that chance does not make (p = %s).")
            % f"{variants.sample_ratio_p:.2g}"
        )
    return ""


def state(tests: list[Test]) -> str:
    """The line under the title."""
    if not tests:
        return _("Nothing is being tested now.")
    alarms = sum(test.kind == "alarm" for test in tests)
    told = ngettext("%s test.", "%s tests.", len(tests)) % len(tests)
    if alarms:
        return told + " " + ngettext("%s needs a look.", "%s need a look.", alarms) % alarms
    return told + " " + _("Nothing needs you.")
