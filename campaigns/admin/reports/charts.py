"""What the charts of a report show, and a sentence that says each of them aloud."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.admin import words
from campaigns.admin.charts import Bar, Chart, Dots, Interval, Line, Square, bars, levels
from campaigns.reports import Cell, Day, Expected, Report, SegmentRow, VariantRow

# The steps of a waterfall that are bars of their own; every other is cut off from who was left until then.
WHOLE = ("whole", "left", "fate")


def date(moment: Any) -> str:
    return date_format(timezone.localtime(moment), "SHORT_DATE_FORMAT") if moment else "–"


def told_interval(value: float, low: float, high: float) -> str:
    return f"{value:+,.2f} ({low:,.2f} … {high:,.2f})"


def sure(low: float, high: float) -> str:
    """On which side of nought an interval lies, as the verdict calls it."""
    return "earned" if low > 0 else "cost" if high < 0 else "cannot_tell"


# --- the effect --------------------------------------------------------------------------------------------------------


def effect_dots(report: Report) -> Dots | None:
    """The headline, and under it the same people's money seen in the other ways that have its unit."""
    effect, beside = report.effect, report.beside
    if effect is None:
        return None
    rows = [
        Interval(
            _("Revenue per person"),
            told_interval(effect.per_person, effect.low, effect.high),
            effect.per_person,
            effect.low,
            effect.high,
            effect.verdict,
        )
    ]
    seen = []
    if beside is not None and beside.bootstrap is not None:
        difference = (report.treated.per_person or 0.0) - (report.control.per_person or 0.0)
        seen.append((_("By resampling people"), difference, *beside.bootstrap))
    if beside is not None and beside.winsorised is not None:
        seen.append((_("Large orders cut"), *beside.winsorised))
    rows += [
        Interval(name, told_interval(value, low, high), value, low, high, sure(low, high))
        for name, value, low, high in seen
    ]
    return Dots.of(rows)


# --- over time ---------------------------------------------------------------------------------------------------------


def over_time(days: Sequence[Day], currency: str) -> dict[str, Any] | None:
    """Two charts and their table; None while there are not two moments to join by a line."""
    if sum(day.effect is not None for day in days) < 2:
        return None
    moments = [day.until for day in days]
    effect = Chart.of(
        moments,
        Line(
            _("effect so far"),
            "treated",
            [day.effect for day in days],
            [(day.low, day.high) if day.low is not None and day.high is not None else None for day in days],
        ),
    )
    means = None
    if sum(day.treated is not None for day in days) >= 2:
        means = Chart.of(
            moments,
            Line(
                _("in the campaign"),
                "treated",
                [day.treated for day in days],
                [_around(day.treated, day.treated_within) for day in days],
            ),
            Line(
                _("held out"),
                "control",
                [day.control for day in days],
                [_around(day.control, day.control_within) for day in days],
            ),
        )
    return {
        "effect": effect,
        "means": means,
        "days": days,
        "currency": currency,
        "summary": summary_of_days(days),
    }


def _around(mean: float | None, within: float | None) -> tuple[float, float] | None:
    return None if mean is None or within is None else (mean - within, mean + within)


def summary_of_days(days: Sequence[Day]) -> str:
    """From where to where the effect went, and since when its band has stood clear of nought."""
    read = [day for day in days if day.effect is not None]
    first, last = read[0], read[-1]
    sentence = gettext("The effect so far went from %(first)s on %(begin)s to %(last)s on %(end)s.") % {
        "first": f"{first.effect:+,.2f}",
        "begin": date(first.until),
        "last": f"{last.effect:+,.2f}",
        "end": date(last.until),
    }
    clear = None
    for day in reversed(read):
        if sure(day.low or 0.0, day.high or 0.0) == "cannot_tell":
            break
        clear = day
    if clear is None:
        return sentence + " " + gettext("Its band still holds nought.")
    return sentence + " " + gettext("Its band has been clear of nought since %s.") % date(clear.until)


# --- who, and who not --------------------------------------------------------------------------------------------------


def waterfall(report: Report, links: Mapping[str, str]) -> list[Bar]:
    """From matched to ordered: each loss stands where those end who are left after it.

    Where people are chosen one by one as they come, in the shop or on a journey, it begins with the treated.
    """
    rows = words.bars(report.waterfall, fates=report.fates, links=links, at_least=report.at_least)
    is_of_a_list = report.waterfall.get("matched") != 0
    whole = (report.waterfall.get("matched") if is_of_a_list else report.treated.people) or 0

    def percent(n: int | None) -> float:
        return round(min(100 * (n or 0) / max(whole, 1), 100.0), 2)

    if not is_of_a_list:
        came = words.Bar(
            gettext("in the campaign, as they came"),
            report.treated.people,
            "whole",
            100.0,
            links.get("treated", ""),
        )
        fates = [replace(row, percent=percent(row.n)) for row in rows if row.kind == "fate"]
        rows = [came, *fates]
    left, drawn = 100.0, []
    for row in rows:
        offset = 0.0
        if row.kind == "loss":
            left = max(left - row.percent, 0.0)
            offset = round(left, 2)
        drawn.append(Bar(row.label, row.told, row.percent, row.kind, offset, row.link, row.n))
    opened, clicked = (report.touched.get(name, 0) for name in ("opened", "clicked"))
    done: list[tuple[str, str, int | None]] = [
        ("opened", gettext("opened it"), opened),
        ("clicked", gettext("clicked in it"), clicked),
        ("ordered", gettext("people in the campaign who ordered"), report.treated.ordered),
    ]
    return drawn + [
        Bar(label, words.few(n), percent(n), "done", 0.0, links.get(name, ""), n)
        for name, label, n in done
        if n != 0
    ]  # fmt: skip


# --- segments and offers -----------------------------------------------------------------------------------------------


def matrix(
    report: Report, expected: Mapping[tuple[str, str], Expected]
) -> tuple[list[str], list[tuple[SegmentRow, list[Square]]]]:
    """The offers' titles, and each segment with a square an offer; of a blank square nothing is told."""
    offers = list(dict.fromkeys(cell.offer for row in report.segments for cell in row.cells))
    dark = iter(levels([cell.revenue_per_person for row in report.segments for cell in row.cells]))
    rows = []
    for row in report.segments:
        cells = {cell.offer: _square(row, cell, next(dark), expected) for cell in row.cells}
        rows.append((row, [cells.get(offer, Square(())) for offer in offers]))
    return offers, rows


def _square(row: SegmentRow, cell: Cell, level: int, expected: Mapping[tuple[str, str], Expected]) -> Square:
    if cell.people is None or cell.revenue_per_person is None:
        return Square((gettext("too few people to show"),), is_thin=True)
    told = [gettext("%s per person") % f"{cell.revenue_per_person:,.2f}"]
    if row.control_per_person is not None:
        told.append(gettext("expected anyway %s") % f"{row.control_per_person:,.2f}")
    told.append(
        gettext("%(people)s people, %(bought)s bought")
        % {"people": words.few(cell.people), "bought": words.few(cell.ordered)}
    )
    one = expected.get((row.segment, cell.offer))
    if one is not None:
        told.append(
            gettext("today's model: %(buyers)s buyers (%(low)s … %(high)s)")
            % {"buyers": f"{one.buyers:,.0f}", "low": f"{one.low:,.0f}", "high": f"{one.high:,.0f}"}
        )
    return Square(told, level)


def segment_dots(report: Report) -> Dots | None:
    """The effect in each segment that may be told, on one scale."""
    return Dots.of([
        Interval(
            row.segment,
            told_interval(row.per_person, row.low, row.high),
            row.per_person,
            row.low,
            row.high,
            sure(row.low, row.high),
        )
        for row in report.segments
        if row.per_person is not None and row.low is not None and row.high is not None
    ])  # fmt: skip


# --- variants ----------------------------------------------------------------------------------------------------------


def variant_dots(report: Report) -> Dots | None:
    """Each variant against the held out, then each pair against each other."""
    found = report.variants
    if found is None:
        return None
    names = {row.key: row.name for row in found.rows}
    rows = [_variant(row) for row in found.rows]
    rows += [
        Interval(
            gettext("%(a)s less %(b)s") % {"a": names[pair.first], "b": names[pair.second]},
            told_interval(pair.difference, pair.low, pair.high),
            pair.difference,
            pair.low,
            pair.high,
            # Which of two is better is no harm: clear of nought on either side is the same.
            "cannot_tell" if sure(pair.low, pair.high) == "cannot_tell" else "clear",
        )
        for pair in found.pairs
    ]
    return Dots.of([row for row in rows if row is not None])


def _variant(row: VariantRow) -> Interval | None:
    if row.effect is None or row.low is None or row.high is None:
        return None
    told = told_interval(row.effect, row.low, row.high)
    return Interval(row.name, told, row.effect, row.low, row.high, sure(row.low, row.high))


# --- codes -------------------------------------------------------------------------------------------------------------


def funnel(report: Report, links: Mapping[str, str]) -> list[Bar]:
    """What became of the codes given; empty where none were."""
    codes = report.codes
    if codes["assigned"] == 0:
        return []
    steps = [
        ("assigned", gettext("given to people"), "whole", "codes"),
        ("redeemed", gettext("redeemed"), "left", "codes_redeemed"),
        ("redeemed_by_control", gettext("of them by the held out"), "fate", ""),
        ("used_by_someone_else", gettext("of them by someone else"), "fate", "codes_by_another"),
        ("reversed", gettext("given back after an order was undone"), "loss", "codes_reversed"),
        ("expired", gettext("expired unused"), "loss", "codes_expired"),
        ("leaked", gettext("went round (tried by others)"), "harm", "codes_leaked"),
    ]
    return bars([
        (label, codes.get(name), words.few(codes.get(name)), kind, links.get(link, ""))
        for name, label, kind, link in steps
    ])  # fmt: skip
