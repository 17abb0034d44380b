"""One line of the proof: a figure, how sure it is itself, and the bound it has to keep."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from campaigns.statistics import Z95

HOLDS, FAILS, TOO_FEW = "holds", "does not hold", "too few runs"


@dataclass(frozen=True)
class Line:
    """`low` to `high` is the figure's own 95 % Monte-Carlo interval; a bound that is None does not bound."""

    key: str
    what: str
    figure: float
    low: float
    high: float
    least: float | None
    most: float | None
    runs: int
    is_full: bool
    """whether there were as many runs as the bound was set for"""
    note: str = ""

    @property
    def verdict(self) -> str:
        """`holds` within the bound. Outside, it is the statistic's fault, or with fewer runs may be chance's."""
        least, most = self.least or -math.inf, math.inf if self.most is None else self.most
        if least <= self.figure <= most:
            return HOLDS
        may_be_chance = not self.is_full and self.high >= least and self.low <= most
        return TOO_FEW if may_be_chance else FAILS

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "verdict": self.verdict}


def share(
    key: str,
    what: str,
    hits: Sequence[bool] | Sequence[np.bool_],
    *,
    least: float | None = None,
    most: float | None = None,
    full: int,
    note: str = "",
) -> Line:
    """How often: the interval is Wilson's. Of no runs at all the figure is nought and the interval everything."""
    n = len(hits)
    p = sum(map(bool, hits)) / n if n else 0.0
    low, high = wilson(p, n) if n else (0.0, 1.0)
    return Line(key, what, p, low, high, least, most, n, n >= full, note)


def wilson(p: float, n: int) -> tuple[float, float]:
    z = Z95**2 / n
    centre, half = (p + z / 2) / (1 + z), math.sqrt(z * p * (1 - p) + z * z / 4) / (1 + z)
    return centre - half, centre + half


def ratio(
    key: str,
    what: str,
    over: Sequence[float],
    under: Sequence[float],
    *,
    most: float,
    full: int,
    note: str = "",
) -> Line:
    """Mean over mean; the interval is that of the linearised ratio."""
    a, b = np.asarray(over), np.asarray(under)
    found = float(a.mean() / b.mean())
    spread = float((a - found * b).std(ddof=1)) if len(a) > 1 else math.inf
    half = Z95 * spread / math.sqrt(len(a)) / float(b.mean())
    return Line(key, what, found, found - half, found + half, None, most, len(a), len(a) >= full, note)
