"""A headline in words and as a row of a table."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db.models import Count
from django.utils.translation import gettext as _

from campaigns import disclosure
from campaigns.admin.reports import words as report_words
from campaigns.models import Headline
from campaigns.reports import Report, headline
from campaigns.reports.sheets import Row


def shown(row: Headline) -> Report | None:
    """The report behind a headline, without its days and segments; None before it was worked out."""
    try:
        return disclosure.as_shown(row.report)
    except (KeyError, TypeError):  # another version wrote it: it is worked out anew within a day
        return None


def why(row: Headline, report: Report | None) -> str:
    """Under the verdict: how many people are missing, or why nothing can be said."""
    if row.at is None:
        return _("It is being worked out for the first time.")
    if report is None:
        return ""
    if report.effect is None:
        return report_words.why_no_effect(report)
    needed = report.effect.people_needed
    if row.verdict == Headline.Verdict.CANNOT_TELL and needed:
        return _("About %s more customers are needed.") % f"{needed:,}"
    return ""


def verdicts() -> str:
    """How many campaigns have each verdict; of campaigns, not of people. One query."""
    counted = dict(Headline.objects.order_by().values_list("verdict").annotate(n=Count("pk")))
    found = [f"{counted[name]} {told}" for name, told in Headline.Verdict.choices if counted.get(name)]
    return " · ".join(found)


def age(row: Headline, *, at: datetime) -> str:
    """Whether the numbers may be old, in words; empty where they are not."""
    if row.asked_at is not None and (row.at is None or row.at < row.asked_at):
        return _("being worked out anew") if row.begun_at else _("waits to be worked out anew")
    if row.trouble:
        return _("could not be worked out the last time; these numbers are older")
    return _("older than a day; it is next") if headline.is_stale(row, at=at) else ""


def rows(headlines: Iterable[Headline]) -> Iterator[Row]:
    """For a spreadsheet, the headings first."""
    yield (
        "campaign", "name", "status", "channel", "measured_since", "measured_until", "treated_people",
        "control_people", "verdict", "people_needed", "effect_per_person", "low", "high", "profit", "profit_low",
        "profit_high", "currency", "worked_out",
    )  # fmt: skip
    for row in headlines:
        report = shown(row)
        effect = report.effect if report is not None else None
        of_effect = (None, None, None, None)
        if effect is not None:
            of_effect = (effect.people_needed, effect.profit, effect.profit_low, effect.profit_high)  # type: ignore[assignment]
        needed, *profit = of_effect
        yield (
            row.campaign.slug, row.campaign.name, row.campaign.status, row.campaign.channel, row.began_at,
            row.ends_at, row.treated, row.control, row.verdict, needed, row.per_person, row.low, row.high, *profit,
            report.currency if report is not None else "", row.at,
        )  # fmt: skip
