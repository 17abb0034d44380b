"""A report's tables for a spreadsheet."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from campaigns.reports.whole import Report
from customers.privacy import harmless

Row = Sequence[Any]


def sheet(report: Report, name: str) -> Iterator[Row]:
    """The rows of one of SHEETS, the headings first. Raises KeyError."""
    return SHEETS[name](report)


def as_csv(rows: Iterator[Row]) -> str:
    """As a spreadsheet reads it; no cell is a formula, however a campaign or a segment is called (S4)."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerows([harmless(value) for value in row] for row in rows)
    return text.getvalue()


def _headline(report: Report) -> Iterator[Row]:
    yield "figure", "value", "low", "high"
    for name, arm in (("treated", report.treated), ("control", report.control)):
        yield f"{name}_people", arm.people, None, None
        yield f"{name}_ordered", arm.ordered, None, None
        yield f"{name}_revenue", arm.revenue, None, None
    if report.effect is None:
        yield "effect", report.why_no_effect, None, None
        return
    effect = report.effect
    yield "verdict", effect.verdict, None, None
    yield "revenue_per_person", effect.per_person, effect.low, effect.high
    yield "incremental_revenue", effect.total, effect.total_low, effect.total_high
    yield "incremental_profit", effect.profit, effect.profit_low, effect.profit_high
    if report.beside is not None:
        orders = report.beside.orders
        yield "share_who_ordered", orders.difference, orders.low, orders.high
    yield "attributed_revenue", report.attributed_revenue, None, None
    yield "discount", report.codes["discount"], None, None
    yield "sending_cost", report.sending_cost, None, None


def _waterfall(report: Report) -> Iterator[Row]:
    yield "step", "reason", "people"
    for step, counted in report.waterfall.items():
        if isinstance(counted, Mapping):
            yield from ((step, reason, n) for reason, n in sorted(counted.items()))
        else:
            yield step, "", counted
    yield from (("delivery", status, n) for status, n in sorted(report.fates.items()))


def _days(report: Report) -> Iterator[Row]:
    yield (
        "until", "treated_people", "control_people", "treated_per_person", "control_per_person",
        "effect_so_far", "low", "high", "interval",
    )  # fmt: skip
    for day in report.days:
        yield (
            day.until, day.treated_people, day.control_people, day.treated, day.control,
            day.effect, day.low, day.high, day.interval,
        )  # fmt: skip


def _segments(report: Report) -> Iterator[Row]:
    """A row a segment with its effect, then one for each of its offers with what its people did."""
    yield "segment", "offer", "treated", "control", "effect", "low", "high", "ordered", "revenue_per_person"
    for row in report.segments:
        yield row.segment, "", row.treated, row.control, row.per_person, row.low, row.high, None, None
        for cell in row.cells:
            yield (
                row.segment, cell.offer, cell.people, None, None, None, None, cell.ordered, cell.revenue_per_person,
            )  # fmt: skip


def _variants(report: Report) -> Iterator[Row]:
    yield "variant", "name", "people", "ordered", "revenue_per_person", "effect", "low", "high", "verdict"
    for row in report.variants.rows if report.variants is not None else ():
        yield (
            row.key, row.name, row.people, row.ordered, row.per_person, row.effect, row.low, row.high, row.verdict,
        )  # fmt: skip
    for pair in report.variants.pairs if report.variants is not None else ():
        yield (
            f"{pair.first} less {pair.second}",
            "",
            None,
            None,
            None,
            pair.difference,
            pair.low,
            pair.high,
            "",
        )


SHEETS: Mapping[str, Callable[[Report], Iterator[Row]]] = {
    "headline": _headline,
    "waterfall": _waterfall,
    "days": _days,
    "segments": _segments,
    "variants": _variants,
}
