"""A report's tables for a spreadsheet."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from campaigns.reports.whole import Report
from catalog.files import harmless

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
    # A file is read without its page: it says since when its numbers are, and in what.
    for name, moment in (("from", report.read_from), ("until", report.read_until)):
        yield f"measured_{name}", moment and moment.isoformat(), None, None
    yield "worked_out", report.at.isoformat(), None, None
    yield "currency", report.currency, None, None
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
        "effect_so_far", "low", "high", "interval", "treated_within", "control_within",
    )  # fmt: skip
    for day in report.days:
        yield (
            day.until, day.treated_people, day.control_people, day.treated, day.control,
            day.effect, day.low, day.high, day.interval, day.treated_within, day.control_within,
        )  # fmt: skip


def _segments(report: Report) -> Iterator[Row]:
    """A row a segment with its effect, then one for each of its offers with what its people did."""
    yield (
        "segment", "offer", "treated", "control", "effect", "low", "high", "ordered", "revenue_per_person",
        "expected_anyway",
    )  # fmt: skip
    for row in report.segments:
        yield (
            row.segment, "", row.treated, row.control, row.per_person, row.low, row.high, None,
            row.treated_per_person, row.control_per_person,
        )  # fmt: skip
        for cell in row.cells:
            anyway = None if cell.people is None else row.control_per_person
            yield (
                row.segment, cell.offer, cell.people, None, None, None, None, cell.ordered, cell.revenue_per_person,
                anyway,
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


CODES = (
    "assigned",
    "redeemed",
    "redeemed_by_control",
    "reversed",
    "expired",
    "used_by_someone_else",
    "leaked",
    "refused",
)


def _codes(report: Report) -> Iterator[Row]:
    yield "step", "codes"
    yield from ((name, report.codes.get(name)) for name in CODES)


def _profit(report: Report) -> Iterator[Row]:
    """From the revenue the campaign caused to its profit; the discounts are those of the treated less the control's."""
    yield "line", "value", "low", "high"
    effect, margin = report.effect, report.margin_percent
    if effect is not None and margin is not None:
        share = float(margin) / 100
        yield "incremental_revenue", effect.total, effect.total_low, effect.total_high
        yield "margin", effect.total * share, effect.total_low * share, effect.total_high * share
    yield "discount", extra_discount(report), None, None
    yield "sending_cost", report.sending_cost, None, None
    if effect is not None:
        yield "incremental_profit", effect.profit, effect.profit_low, effect.profit_high


def extra_discount(report: Report) -> Decimal | None:
    """What was given away to the treated beyond what the control used anyway; None where it would tell of a few."""
    treated, control = report.codes["discount_treated"], report.codes["discount_control"]
    return None if treated is None or control is None else treated - control


SHEETS: Mapping[str, Callable[[Report], Iterator[Row]]] = {
    "headline": _headline,
    "waterfall": _waterfall,
    "days": _days,
    "segments": _segments,
    "variants": _variants,
    "codes": _codes,
    "profit": _profit,
}
