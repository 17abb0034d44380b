"""What an offer would bring, in words, as a table and as a file."""

import csv
from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext

from campaigns import forecasts
from campaigns.admin import words
from campaigns.models import Offer
from customers import few
from recommender.serving.expected import Forecast


def quality_words(quality: dict[str, Any], *, is_for_all: bool) -> list[str]:
    """How the calibration did on the month it had not seen, in sentences; of offers for everything one more."""
    rows = {row["algorithm"]: row for row in quality["test"]}
    mine, simple = rows["expected"], rows["the group's rate"]
    sentences = [
        gettext(
            "Checked on the last month, which it had not seen: of %(people)s people and %(groups)s groups of products it "
            "expected %(ratio)s times the purchases that happened (95 %% interval %(low)s to %(high)s)."
        )
        % {"people": few.told(quality["people"]), "groups": quality["groups"], **_ratio(quality["ratio"])},
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
        sentences.append(told % _ratio(of_all))
    return sentences


def _ratio(found: Sequence[float]) -> dict[str, str]:
    ratio, low, high = found
    return {"ratio": f"{ratio:.2f}", "low": f"{low:.2f}", "high": f"{high:.2f}"}


def told(line: forecasts.Line, *, in_tens: bool) -> dict[str, str]:
    """One line of the table in words and numbers.

    in_tens : for whoever may not see people; what is expected then stands in two digits.
    """
    name = str(line.segment) if line.segment else gettext("Everyone")
    if (forecast := line.forecast) is None:
        return {"name": name, "trouble": line.trouble}
    people = words.people(forecast.people, in_tens=in_tens)
    if not few.is_small(forecast.allowed - forecast.people):
        allowed = words.people(forecast.allowed, in_tens=in_tens)
        people = gettext("%(people)s of %(allowed)s") % {"people": people, "allowed": allowed}
    buyers, low, high, revenue, discount, left = _figures(line, forecast, in_tens)
    return {
        "name": name,
        "people": f"{people} ({words.people(forecast.asked, in_tens=in_tens)})"
        if forecast.is_sampled
        else people,
        "buyers": f"{buyers:,.1f}" if buyers < 100 else f"{buyers:,.0f}",
        "interval": f"{low:,.0f}\N{NO-BREAK SPACE}…\N{NO-BREAK SPACE}{high:,.0f}",
        "revenue": f"{revenue:,.2f}",
        "discount": f"{discount:,.2f}",
        "left": f"{left:,.2f}",
    }


def _counts(forecast: Forecast, in_tens: bool) -> list[int | str]:
    """How many allow it, of them those on whom it rests, and who were asked. Empty where the rest would be a few."""
    rest = few.is_small(forecast.allowed - forecast.people)
    counts = ["" if rest else forecast.allowed, forecast.people, forecast.asked]
    return [few.in_tens(n) if in_tens and isinstance(n, int) else n for n in counts]


def _figures(line: forecasts.Line, forecast: Forecast, in_tens: bool) -> tuple[float, ...]:
    """Buyers and their interval; revenue, discount, and what is left."""
    numbers = (forecast.buyers, forecast.low, forecast.high, line.revenue, line.discount, line.left)
    return tuple(few.two_digits(number) for number in numbers) if in_tens else numbers


def as_csv(offer: Offer, found: forecasts.Bringing, *, in_tens: bool) -> HttpResponse:
    """The table as a file; plain numbers, the same as the page's."""
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
        table.writerow(
            [
                line.segment.slug if line.segment else "",
                *_counts(forecast, in_tens),
                *(f"{number:.2f}" for number in _figures(line, forecast, in_tens)),
                found.currency,
            ]
        )
    return response
