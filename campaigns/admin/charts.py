"""Charts drawn by the server: lines with bands, intervals on one scale, bars, a matrix. Their numbers stand beside them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
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


# --- intervals on one scale --------------------------------------------------------------------------------------------

# A scale is made for the intervals of a usual width: one this many times as far from nought is cut, and marked as cut.
FAR = 4


@dataclass(frozen=True)
class Scale:
    """A line from 0 to 100 on which nought always has its place."""

    low: float
    high: float

    @classmethod
    def around(cls, values: Sequence[float]) -> "Scale":
        """Nought and all of these, with a little room at both ends."""
        least, most = min([0.0, *values]), max([0.0, *values])
        room = (most - least) * 0.08 or 1.0
        return cls(least - room, most + room)

    @classmethod
    def for_most(cls, pairs: Sequence[tuple[float, float]]) -> "Scale":
        """Of many intervals, so that a few wide ones do not press the others flat."""
        reaches = sorted(max(abs(low), abs(high)) for low, high in pairs)
        most = FAR * reaches[(len(reaches) - 1) // 2] if reaches else 1.0
        return cls.around([max(min(edge, most), -most) for pair in pairs for edge in pair])

    def place(self, value: float) -> float:
        inside = max(self.low, min(self.high, value))
        return round(100 * (inside - self.low) / (self.high - self.low), 2)

    def ticks(self) -> list[tuple[float, str]]:
        """The round numbers on it, nought among them."""
        marks = [mark for mark in _ticks(self.low, self.high) if self.low <= mark <= self.high]
        apart = min((b - a for a, b in pairwise(marks)), default=1.0)
        digits = max(0, -math.floor(math.log10(apart)))
        return [(self.place(mark), f"{mark:,.{digits}f}") for mark in marks]


@dataclass(frozen=True)
class Interval:
    """What is to be drawn: an estimate with its ends. `kind`: earned, cost or cannot_tell, also in its words."""

    label: str | Promise
    told: str
    point: float
    low: float
    high: float
    kind: str = "cannot_tell"
    link: str = ""


@dataclass(frozen=True)
class Dot:
    """An interval on its scale, in hundredths from the left; `is_cut` where it reaches beyond the left or the right."""

    label: str | Promise
    told: str
    kind: str
    link: str
    start: float
    width: float
    point: float
    is_cut: tuple[bool, bool]


@dataclass(frozen=True)
class Dots:
    rows: list[Dot]
    zero: float
    ticks: list[tuple[float, str]]

    @classmethod
    def of(cls, intervals: Sequence[Interval], scale: Scale | None = None) -> "Dots | None":
        """All on one scale, their own or the one given; None where there is nothing to draw. Without ends, no line."""
        intervals = [one for one in intervals if math.isfinite(one.low) and math.isfinite(one.high)]
        if not intervals:
            return None
        edges = [edge for one in intervals for edge in (one.low, one.high)]
        scale = scale or Scale.around(edges)
        return cls([_dot(one, scale) for one in intervals], scale.place(0.0), scale.ticks())


def _dot(one: Interval, scale: Scale) -> Dot:
    start, end = scale.place(one.low), scale.place(one.high)
    is_cut = (one.low < scale.low, one.high > scale.high)
    return Dot(
        one.label, one.told, one.kind, one.link, start, round(end - start, 2), scale.place(one.point), is_cut
    )


# --- bars and a matrix -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bar:
    """A bar in hundredths of the whole, which begins at nought, or, of a loss, where those end who are left."""

    label: str | Promise
    told: str
    percent: float
    kind: str = "left"
    offset: float = 0.0
    link: str = ""
    n: int | None = None


def bars(rows: Sequence[tuple[str | Promise, int | None, str, str, str]]) -> list[Bar]:
    """(label, number, words, kind, link) as bars of the greatest; of what is held back no length tells."""
    most = max((n for _label, n, *_more in rows if n is not None), default=0) or 1
    return [
        Bar(label, told, round(100 * (n or 0) / most, 2), kind, link=link, n=n)
        for label, n, told, kind, link in rows
    ]


LEVELS = 4


@dataclass(frozen=True)
class Square:
    """A cell: its words, the first the largest; `level` 0 to 4 is how dark it is; a thin one has none and is hatched."""

    told: Sequence[str]
    level: int = 0
    is_thin: bool = False


def levels(values: Sequence[float | None]) -> list[int]:
    """How dark each is between nought and the greatest: 1 to 4; 0 for what is not known."""
    most = max((value for value in values if value is not None), default=0.0)
    return [
        0 if value is None else 1 + min(LEVELS - 1, int(LEVELS * max(value, 0.0) / most)) if most > 0 else 1
        for value in values
    ]
