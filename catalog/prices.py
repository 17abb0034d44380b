"""A product's price and stock over time, as steps on a field of 100 by 100: what was true held until the next change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext

from catalog.models import ProductChange

MOST = 200
"""So many of the newest changes are drawn at most."""


@dataclass(frozen=True)
class Gap:
    """A time out of stock: from the left, and how wide."""

    left: float
    width: float


@dataclass(frozen=True)
class Steps:
    """path : the line of the price · gaps : when it was out of stock · top, bottom : the prices at the edges, in words."""

    path: str
    gaps: list[Gap]
    top: str
    bottom: str
    begins: str
    ends: str
    summary: str

    @classmethod
    def of(cls, changes: Sequence[ProductChange], *, currency: str, at: datetime) -> "Steps | None":
        """Of changes in the order of time, until `at`. None where no two prices, or nothing but one state, is known."""
        if len(changes) < 2 or not (prices := [one.price for one in changes if one.price is not None]):
            return None
        begins, ends = changes[0].at, max(at, changes[-1].at)
        length = (ends - begins).total_seconds() or 1.0
        most = max(prices) or Decimal(1)

        def x(moment: datetime) -> float:
            return round(100 * (moment - begins).total_seconds() / length, 2)

        def y(price: Decimal) -> float:
            return round(100 - 100 * float(price / most), 2)

        moves: list[str] = []
        gaps: list[Gap] = []
        out = timedelta()
        for one, until in zip(changes, [*(later.at for later in changes[1:]), ends], strict=True):
            left, right = x(one.at), x(until)
            if one.price is not None:
                moves.append(f"{'L' if moves else 'M'}{left} {y(one.price)} L{right} {y(one.price)}")
            if not one.in_stock:
                gaps.append(Gap(left, round(right - left, 2)))
                out += until - one.at
        told = gettext("Between %(low)s and %(high)s %(currency)s since %(day)s, now %(now)s.") % {
            "low": min(prices), "high": max(prices), "currency": currency, "day": _day(begins), "now": prices[-1],
        }  # fmt: skip
        if days := round(out.total_seconds() / 86400):
            told += " " + ngettext("Out of stock on %s day.", "Out of stock on %s days.", days) % days
        return cls(
            " ".join(moves), gaps, f"{max(prices)} {currency}", "0", _day(begins), _day(ends), told.strip()
        )


def _day(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "SHORT_DATE_FORMAT")
