"""Twelve weeks of the home's figures, as charts with their tables."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from campaigns.admin import words
from campaigns.admin.charts import Chart, Line
from campaigns.figures import Figures, days_shown
from campaigns.models import DailyFigure
from config.home.figures import share
from customers.purposes import PURPOSES

Name = DailyFigure.Name
Row = DailyFigure | None


@dataclass(frozen=True)
class Table:
    headers: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class OverTime:
    """One or two charts over the same moments; `summary` says in words what they show."""

    charts: list[tuple[Chart, str]]
    """(chart, what it shows in words)"""
    table: Table
    summary: str
    of: str
    since: str


def _moments(days: list[date]) -> list[datetime]:
    return [datetime.combine(day, time(12), UTC) for day in days]


def _values(rows: list[Row]) -> list[float | None]:
    return [None if row is None else row.value for row in rows]


def _band(rows: list[Row]) -> list[tuple[float, float] | None]:
    return [
        None if row is None or row.low is None or row.high is None else (row.low, row.high) for row in rows
    ]


def _known(rows: list[Row]) -> int:
    return sum(row is not None and row.value is not None for row in rows)


def earnings(found: Figures, currency: str) -> OverTime | None:
    """Profit of the thirty days before each point, and the treated beside what they would have brought. None before two
    points can be joined by a line."""
    profit = found.over_time(Name.PROFIT)
    treated, held_out = found.over_time(Name.TREATED), found.over_time(Name.HELD_OUT)
    if _known(profit) < 2:
        return None
    days = days_shown(found.today)[::-1]
    charts = [
        (
            Chart.of(_moments(days), Line(_("profit"), "treated", _values(profit), _band(profit))),
            _("Incremental profit of the 30 days before each point, with its band, %s") % currency,
        ),
        (
            Chart.of(
                _moments(days),
                Line(_("in the campaign"), "treated", _values(treated)),
                Line(_("held out"), "control", _values(held_out), _band(held_out)),
            ),
            _("Money per person in these 30 days, in campaigns, and as if held out with its band, %s")
            % currency,
        ),
    ]
    rows = [
        [
            date_format(day, "SHORT_DATE_FORMAT"),
            _money(one, ",.0f"),
            _money(two, ",.2f", with_band=False),
            _money(three, ",.2f"),
        ]
        for day, one, two, three in zip(days, profit, treated, held_out, strict=True)
    ]
    headers = [
        _("30 days until"),
        _("Profit"),
        _("In campaigns, per person"),
        _("As if held out, per person"),
    ]
    apart = sum(row is not None and row.low is not None and row.low > 0 for row in profit)
    summary = _("In %(clear)s of %(known)s points profit was more than chance would make.") % {
        "clear": apart,
        "known": _known(profit),
    }
    drawn = [(chart, label) for chart, label in charts if chart is not None]
    return OverTime(
        drawn,
        Table(headers, rows[::-1]),
        summary,
        _("Of the people whom campaigns chose, those in a campaign against those held out,"),
        _("in the 30 days before each point, a point a week. A dash: not counted, or too few."),
    )


def _money(row: Row, form: str, *, with_band: bool = True) -> str:
    if row is None or row.value is None:
        return "–"
    if with_band and row.low is not None and row.high is not None:
        return f"{row.value:{form}} ({row.low:{form}} … {row.high:{form}})"
    return f"{row.value:{form}}"


def consents(found: Figures) -> OverTime | None:
    """Who allows what, week by week: the two that campaigns live by drawn, all of them in the table."""
    drawn = {purpose: found.over_time(Name.ALLOWS, purpose) for purpose in PURPOSES}
    if max(_known(rows) for rows in drawn.values()) < 2:
        return None
    days = days_shown(found.today)[::-1]
    chart = Chart.of(
        _moments(days),
        *(
            Line(label, kind, [None if v is None else 100 * v for v in _values(drawn[purpose])])
            for purpose, label, kind in (
                ("personalization", _("personalization"), "treated"),
                ("marketing_email", _("e-mail"), "control"),
            )
        ),
    )
    rows = [
        [date_format(day, "SHORT_DATE_FORMAT"), *(share(drawn[purpose][place]) for purpose in PURPOSES)]
        for place, day in enumerate(days)
    ]
    headers = [_("Day"), *(_(words.PURPOSES[purpose]) for purpose in PURPOSES)]
    label = _("Share of the known customers who allow it, per cent, on one day a week")
    return OverTime(
        [(chart, label)] if chart else [],
        Table(headers, rows[::-1]),
        "",
        _("Of all known customers,"),
        _("as of each day, one a week. A dash: not counted, or too few."),
    )
