"""A report's first line kept in a row (`models.Headline`), so that a list of campaigns counts nobody anew."""

from dataclasses import replace
from datetime import datetime, timedelta

from campaigns.models import Campaign, Headline
from campaigns.reports.people import Period
from campaigns.reports.whole import Report

STALE_AFTER = timedelta(days=1)


def is_stale(row: Headline, *, at: datetime) -> bool:
    """Whether it may say something else by now: never worked out, or a day old while people are still measured."""
    if row.at is None:
        return True
    is_settled = row.ends_at is not None and row.ends_at <= row.at
    return row.at < at - STALE_AFTER and not is_settled


def note(campaign: Campaign, report: Report, *, at: datetime) -> None:
    """Keep what was just shown. Two or three queries; the newest moment wins whoever comes last."""
    period, effect = Period.of(campaign, at=at), report.effect
    told = {
        "at": at,
        "began_at": period.began,
        "ends_at": period.ends,
        "verdict": effect.verdict if effect is not None else Headline.Verdict.NONE,
        "per_person": effect.per_person if effect is not None else None,
        "low": effect.low if effect is not None else None,
        "high": effect.high if effect is not None else None,
        "treated": report.treated.people,
        "control": report.control.people,
        "report": replace(report, days=[], segments=[]).as_dict(),
        "begun_at": None,
        "trouble": "",
    }
    row, is_new = Headline.objects.get_or_create(campaign=campaign, defaults=told)
    if not is_new and (row.at is None or row.at <= at):
        Headline.objects.filter(pk=row.pk).update(**told)
