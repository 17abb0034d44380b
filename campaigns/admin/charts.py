"""Lines and bands over time, drawn by the server; the numbers stand in a table beside."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TypeVar

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise

# Labels at the end of two lines are kept so far apart, in hundredths of the height.
APART = 9.0


@dataclass(frozen=True)
class Line:
    """One series; `kind` is its colour: treated, control. A None leaves a gap."""

    label: str | Promise
    kind: str
    values: Sequence[float | None]
    band: Sequence[tuple[float, float] | None] = ()


@dataclass(frozen=True)
class Drawn:
    """A line as paths on a field of 100 by 100, and where its label stands."""

    label: str | Promise
    kind: str
    path: str
    band: str
    label_at: float


@dataclass(frozen=True)
class Chart:
    """ticks : (place from above, words) · marks : (place from the left, words)"""

    lines: list[Drawn]
    zero: float
    ticks: list[tuple[float, str]]
    marks: list[tuple[float, str]]

    @classmethod
    def of(cls, moments: Sequence[datetime], *lines: Line) -> "Chart | None":
        """None where no line has a value to show."""
        known = [value for line in lines for value in line.values if value is not None]
        known += [edge for line in lines for pair in line.band if pair is not None for edge in pair]
        if not known:
            return None
        marks = _ticks(min(known, default=0.0), max(known, default=0.0))
        low, high = min(marks[0], *known), max(marks[-1], *known)
        height = high - low or 1.0

        def y(value: float) -> float:
            return round(100 - 100 * (value - low) / height, 2)

        last = max(len(moments) - 1, 1)
        xs = [round(100 * place / last, 2) for place in range(len(moments))]
        drawn = [
            Drawn(
                line.label,
                line.kind,
                _path([(x, y(v)) if v is not None else None for x, v in zip(xs, line.values, strict=True)]),
                _band([
                    (x, y(pair[0]), y(pair[1])) if pair is not None else None
                    for x, pair in zip(xs, line.band or [None] * len(xs), strict=True)
                ]),
                next((y(value) for value in reversed(line.values) if value is not None), 50.0),
            )
            for line in lines
        ]  # fmt: skip
        digits = max(0, -math.floor(math.log10(marks[1] - marks[0])))
        return cls(
            _parted(drawn),
            y(0.0),
            [(y(mark), f"{mark:,.{digits}f}") for mark in marks],
            [(xs[place], _date(moments[place])) for place in _spread(len(moments))],
        )


def _date(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "SHORT_DATE_FORMAT")


def _spread(n: int) -> list[int]:
    """The first, the middle and the last place."""
    return sorted({0, (n - 1) // 2, n - 1})


def _ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers around these two and nought."""
    low, high = min(low, 0.0), max(high, 0.0)
    if high == low:
        high = 1.0
    rough = (high - low) / 4
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * times for times in (1, 2, 5, 10) if unit * times >= rough)
    return [step * n for n in range(math.floor(low / step), math.ceil(high / step) + 1)]


T = TypeVar("T")


def _runs(points: Sequence[T | None]) -> list[list[T]]:
    """Stretches without a gap."""
    return [
        [point for point in run if point is not None]
        for is_known, run in groupby(points, key=lambda point: point is not None)
        if is_known
    ]


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    # A point alone is a line of no length, which round ends make a dot.
    return " ".join(
        "M" + " L".join(f"{x} {y}" for x, y in (run if len(run) > 1 else run * 2)) for run in _runs(points)
    )


def _band(points: Sequence[tuple[float, float, float] | None]) -> str:
    """Along the lower edge and back along the upper."""
    return " ".join(
        "M"
        + " L".join(
            [*(f"{x} {low}" for x, low, _h in run), *(f"{x} {high}" for x, _l, high in reversed(run))]
        )
        + " Z"
        for run in _runs(points)
    )


def _parted(lines: list[Drawn]) -> list[Drawn]:
    """Labels of lines that end close together are moved apart."""
    if len(lines) != 2 or abs(lines[0].label_at - lines[1].label_at) >= APART:
        return lines
    middle = (lines[0].label_at + lines[1].label_at) / 2
    is_first_above = lines[0].label_at <= lines[1].label_at
    places = (middle - APART / 2, middle + APART / 2)
    at = places if is_first_above else places[::-1]
    return [
        Drawn(line.label, line.kind, line.path, line.band, round(place, 2))
        for line, place in zip(lines, at, strict=True)
    ]
