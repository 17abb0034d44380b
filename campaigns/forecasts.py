"""What an offer would bring among the people of each segment, said before anything is sent.

Not the effect of the offer: people would buy some of it anyway. What it changes, only a control group can say.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from campaigns import segments
from campaigns.models import Offer, Segment
from catalog.models import Product
from customers.few import FEWEST_PEOPLE
from recommender.serving.expected import Forecast, Prospect


@dataclass(frozen=True)
class Line:
    """One segment, or everyone (None): the forecast, or why there is none.

    revenue : at the present price, one product a buyer · discount : as if every buyer used the offer
    """

    segment: Segment | None
    forecast: Forecast | None = None
    """Never of a few: what is expected of one person is theirs (N1)."""
    revenue: float = 0.0
    discount: float = 0.0
    trouble: str = ""

    @property
    def left(self) -> float:
        return self.revenue - self.discount


@dataclass(frozen=True)
class Bringing:
    """The lines; `unpriced` of the `products` have no price in the currency and bring no money here."""

    lines: list[Line]
    currency: str
    products: int
    unpriced: int


def products_of(offer: Offer) -> QuerySet[Product]:
    """The listed products it is for: of its categories, or all."""
    listed: QuerySet[Product] = Product.objects.listed()
    categories = list(offer.categories.values_list("pk", flat=True))
    return listed.filter(category__in=categories) if categories else listed


def discount(offer: Offer, price: float) -> float:
    """What the offer takes off one product; of an amount never more than the price. Shipping has no price here."""
    if offer.benefit == Offer.Benefit.PERCENT:
        return price * float(offer.value) / 100
    if offer.benefit == Offer.Benefit.AMOUNT:
        return min(price, float(offer.value))
    return 0.0


def bring(offer: Offer, among: Sequence[Segment], *, at: datetime) -> Bringing:
    """A line for everyone and one a segment. Raises NothingLearnt. Queries grow with the segments, not with people."""
    products = products_of(offer)
    rows = list(products.values_list("pk", "price", "currency"))
    usual = Counter(currency for _pk, price, currency in rows if price is not None)
    currency = offer.currency or (usual.most_common(1)[0][0] if usual else "")
    prices = {pk: float(price) for pk, price, money in rows if price is not None and money == currency}
    taken_off = {pk: discount(offer, price) for pk, price in prices.items()}
    prospect = Prospect(products, {"revenue": prices, "discount": taken_off}, at=at)
    lines = list(_lines(offer, prospect, among, at=at))
    return Bringing(lines, currency, len(rows), len(rows) - len(prices))


def _lines(offer: Offer, prospect: Prospect, among: Sequence[Segment], *, at: datetime) -> Iterator[Line]:
    yield _line(offer, None, prospect.among(None))
    for segment in among:
        try:
            people = segments.matching(segment, at=at)
        except segments.InvalidRule as invalid:
            yield Line(segment, trouble=invalid.message)
        else:
            yield _line(offer, segment, prospect.among(people))


def _line(offer: Offer, segment: Segment | None, forecast: Forecast) -> Line:
    """Nothing of fewer than 20 people on whom the figures rest. With the discount bounded by how often the offer may still be given, and by what is left of its budget."""
    if forecast.people < FEWEST_PEOPLE:
        return Line(segment, trouble=_("fewer than %s people") % FEWEST_PEOPLE)
    off = forecast.amounts["discount"]
    if offer.max_total is not None and forecast.buyers > 0:
        off *= min(1.0, (offer.max_total - offer.given) / forecast.buyers)
    if offer.budget is not None:
        off = min(off, float(max(offer.budget - offer.discount_given, Decimal(0))))
    return Line(segment, forecast, forecast.amounts["revenue"], off)
