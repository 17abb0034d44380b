"""What an offer would bring, in words, as a table and as a file."""

import csv
from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext

from campaigns import forecasts
from campaigns.models import Offer


def quality_words(quality: dict[str, Any], *, is_for_all: bool) -> list[str]:
    """How the calibration did on the month it had not seen, in sentences; of offers for everything one more."""
    rows = {row["algorithm"]: row for row in quality["test"]}
    mine, simple = rows["expected"], rows["the group's rate"]
    words = [
        gettext(
            "Checked on the last month, which it had not seen: of %(people)s people and %(groups)s groups of products it "
            "expected %(ratio)s times the purchases that happened (95 %% interval %(low)s to %(high)s)."
        )
        % {"people": f"{quality['people']:,}", "groups": quality["groups"], **_ratio(quality["ratio"])},
        gettext(
            "It told buyers from others with an AUC of %(auc)s, against %(simple)s when everyone is taken to buy at the "
            "products' usual rate."
        )
        % {"auc": f"{mine['auc']:.3f}", "simple": f"{simple['auc']:.3f}"},
    ]
    if is_for_all and (of_all := quality["ratio_of_kinds"].get("everything")):
        told = gettext(
            "Of the whole catalogue together, which this offer is for, it expected %(ratio)s times (%(low)s to %(high)s)."
        )
        words.append(told % _ratio(of_all))
    return words


def _ratio(found: Sequence[float]) -> dict[str, str]:
    ratio, low, high = found
    return {"ratio": f"{ratio:.2f}", "low": f"{low:.2f}", "high": f"{high:.2f}"}


def told(line: forecasts.Line) -> dict[str, str]:
    """One line of the table in words and numbers."""
    name = str(line.segment) if line.segment else gettext("Everyone")
    if (forecast := line.forecast) is None:
        return {"name": name, "trouble": line.trouble}
    people = gettext("%(people)s of %(allowed)s") % {
        "people": f"{forecast.people:,}",
        "allowed": f"{forecast.allowed:,}",
    }
    return {
        "name": name,
        "people": f"{people} ({forecast.asked:,})" if forecast.is_sampled else people,
        "buyers": f"{forecast.buyers:,.1f}" if forecast.buyers < 100 else f"{forecast.buyers:,.0f}",
        "interval": f"{forecast.low:,.0f}\N{NO-BREAK SPACE}…\N{NO-BREAK SPACE}{forecast.high:,.0f}",
        "revenue": f"{line.revenue:,.2f}",
        "discount": f"{line.discount:,.2f}",
        "left": f"{line.left:,.2f}",
    }


def as_csv(offer: Offer, found: forecasts.Bringing) -> HttpResponse:
    """The table as a file; plain numbers."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{offer.slug}-forecast.csv"'
    table = csv.writer(response)
    table.writerow(
        ["segment", "allow_personalization", "ordered_before", "asked", "expected_buyers", "from", "to",
         "revenue_before_discount", "discount_if_all_use_it", "revenue_after_discount", "currency"]
    )  # fmt: skip
    for line in found.lines:
        forecast = line.forecast
        if forecast is None:
            continue
        numbers = (forecast.buyers, forecast.low, forecast.high, line.revenue, line.discount, line.left)
        table.writerow(
            [
                line.segment.slug if line.segment else "",
                forecast.allowed,
                forecast.people,
                forecast.asked,
                *(f"{number:.2f}" for number in numbers),
                found.currency,
            ]
        )
    return response
