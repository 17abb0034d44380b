"""Segments that most shops need, ready to be made: their edges drawn from this shop's own people and catalogue."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Max, Q, Sum
from django.utils.translation import gettext as _

from campaigns.models import Segment
from campaigns.segments import names, sampling
from campaigns.segments.words import in_words
from catalog.models import Category
from customers import histories
from customers.few import FEWEST_PEOPLE, two_digits
from customers.models import Event

EVERYONE = "known-people"
MOST_CATEGORIES = 6
DAY_S = 86_400
PAYMENTS = (Event.Type.ORDERED, Event.Type.REFUNDED)


class Unknown(Exception):
    """There is no ready-made segment of that name now."""


@dataclass(frozen=True)
class Ready:
    slug: str
    name: str
    about: str
    """What one does with it, in a sentence."""
    rule: dict[str, Any]
    group: str
    is_plain: bool = False
    """The name says the whole rule."""

    @property
    def told(self) -> str:
        """For a list to choose from, where there is no room for what it is about. No query."""
        return self.name if self.is_plain else f"{self.name} ({in_words(self.rule, names.Names())})"


@dataclass(frozen=True)
class Edges:
    """Thirds of those who ordered: days since the last order, and money; and what only the top tenth spends."""

    days: tuple[int, int] | None
    money: tuple[str, str] | None
    top: str | None


def habits() -> list[Ready]:
    """Those that are the same in every shop. No query."""
    return [*_everyone(), *_habits()]


def gallery(*, at: datetime) -> list[Ready]:
    """All that there are now. Four queries."""
    edges = _edges(at)
    return [*habits(), *_spenders(edges), *_grid(edges), *_categories(), *_clusters()]


def make(slug: str, *, at: datetime) -> tuple[Segment, bool]:
    """The segment of that ready-made, and whether it was made now; one that is there stays as it is. Raises Unknown."""
    if (made := Segment.objects.filter(slug=slug).first()) is not None:
        return made, False
    found = _of(slug, habits()) or _of(slug, gallery(at=at))
    if found is None:
        raise Unknown(slug)
    fields = {"name": found.name, "description": found.about, "rule": found.rule}
    try:
        with transaction.atomic():
            return Segment.objects.create(slug=slug, **fields), True
    except IntegrityError:  # somebody else pressed the same button at this moment
        return Segment.objects.get(slug=slug), False


def _of(slug: str, offered: Iterable[Ready]) -> Ready | None:
    return next((one for one in offered if one.slug == slug), None)


def _edges(at: datetime) -> Edges:
    """From people drawn by chance who ordered; too few, or too much alike, have none. Rounded, so that nobody's own figure is an edge."""
    drawn = sampling.draw()
    ordered = Q(type=Event.Type.ORDERED)
    acts = histories.behaviour("personalization", types=PAYMENTS, until=at)
    rows = list(
        drawn.among(acts, "customer_id")
        .values("customer_id")
        .annotate(
            newest=Max("occurred_at", filter=ordered),
            times=Count("pk", filter=ordered),
            money=Sum(histories.REVENUE),
        )
        .filter(times__gt=0)
        .order_by()
        .values_list("newest", "money")
    )
    if len(rows) < 3 * FEWEST_PEOPLE:
        return Edges(None, None, None)
    days = sorted((at - newest).total_seconds() / DAY_S for newest, _money in rows)
    money = sorted(float(spent or 0) for _newest, spent in rows)
    low, high = (int(two_digits(max(days[len(days) * part // 3], 1))) for part in (1, 2))
    cheap, dear = (two_digits(money[len(money) * part // 3]) for part in (1, 2))
    top = two_digits(money[len(money) * 9 // 10])
    return Edges(
        (low, high) if low < high else None,
        (f"{cheap:g}", f"{dear:g}") if 0 < cheap < dear else None,
        f"{top:g}" if len(rows) >= 10 * FEWEST_PEOPLE and top > money[0] else None,
    )


def _everyone() -> Iterator[Ready]:
    group = _("To begin with")
    yield Ready(
        EVERYONE, _("Everyone the shop knows"), _("Whoever has an account or ordered: for what concerns all of them."),
        {"attribute": "id", "exists": True}, group, is_plain=True,
    )  # fmt: skip
    yield Ready(
        "ordered-lately", _("Ordered in the last 90 days"), _("They know you and remember it: for news, and for what goes with it."),
        {"did": "ordered", "within_days": 90}, group, is_plain=True,
    )  # fmt: skip


def _habits() -> Iterator[Ready]:
    group = _("By what they did")
    yield Ready(
        "ready-new", _("New customers"), _("Their first order was in the last 30 days: welcome them, and show what goes with it."),
        {"all": [{"recency_days": {"lte": 30}}, {"frequency": {"eq": 1}}]}, group,
    )  # fmt: skip
    yield Ready(
        "ready-loyal", _("Loyal customers"), _("At least three orders in a year: thank them before you discount."),
        {"frequency": {"gte": 3}, "within_days": 365}, group,
    )  # fmt: skip
    yield Ready(
        "ready-at-risk", _("At risk"), _("They came again once, and have been away for three to six months: ask them back now."),
        {"all": [{"frequency": {"gte": 2}}, {"recency_days": {"gt": 90, "lte": 180}}]}, group,
    )  # fmt: skip
    yield Ready(
        "ready-lapsed", _("Lapsed customers"), _("No order for half a year: one good reason to come back, then leave them in peace."),
        {"recency_days": {"gt": 180}}, group,
    )  # fmt: skip
    yield Ready(
        "ready-looking", _("Looked, did not order"), _("They looked around in the last 30 days and ordered nothing: help them choose."),
        {"all": [{"did": "viewed", "within_days": 30}, {"not": {"did": "ordered", "within_days": 30}}]}, group,
    )  # fmt: skip


def _spenders(edges: Edges) -> Iterator[Ready]:
    if edges.top:
        yield Ready(
            "ready-big-spenders", _("Big spenders"), _("About the tenth of your buyers who spent the most: early access rather than discounts."),
            {"monetary": {"gte": edges.top}}, _("By what they did"),
        )  # fmt: skip


def _grid(edges: Edges) -> Iterator[Ready]:
    """Recency by money, thirds of each: nine fields (RFM without its F, which most shops' people have in common)."""
    if edges.days is None or edges.money is None:
        return
    (soon, late), (cheap, dear) = edges.days, edges.money
    recency = (
        ("lately", _("Ordered lately"), {"lte": soon}),
        ("earlier", _("Ordered a while ago"), {"gt": soon, "lte": late}),
        ("long-ago", _("Ordered long ago"), {"gt": late}),
    )
    money = (
        ("much", _("spends much"), {"gt": dear}),
        ("middling", _("spends middling"), {"gt": cheap, "lte": dear}),
        ("little", _("spends little"), {"lte": cheap}),
    )
    advice = {
        ("lately", "much"): _("Your best customers now: keep them, do not discount."),
        ("earlier", "much"): _("Good customers who cool down: write to them first."),
        ("long-ago", "much"): _("Good customers you may have lost: worth your best offer."),
        ("lately", "little"): _("Just begun: show them more of what they took."),
    }
    for when, when_words, days in recency:
        for spent, spent_words, bounds in money:
            yield Ready(
                f"ready-rfm-{when}-{spent}",
                f"{when_words}, {spent_words}",
                advice.get((when, spent), _("One of nine parts of your buyers, by when they ordered last and how much they spent.")),
                {"all": [{"recency_days": days}, {"monetary": bounds}]},
                _("Thirds of your buyers: how lately, how much"),
            )  # fmt: skip


def _categories() -> Iterator[Ready]:
    biggest = Category.objects.annotate(n=Count("products", filter=Q(products__is_listed=True))).filter(
        n__gt=0
    )
    for category in biggest.order_by("-n", "name")[:MOST_CATEGORIES]:
        yield Ready(
            f"ready-lovers-{category.slug}"[:80], _("%s lovers") % category.name,
            _("At least two orders there in a year: tell them first what is new in it."),
            {"did": "ordered", "times": {"gte": 2}, "within_days": 365, "category": category.slug},
            _("By your biggest categories"),
        )  # fmt: skip


def _clusters() -> Iterator[Ready]:
    for number, words in names.clusters().items():
        yield Ready(
            f"ready-group-{number}", _("Group %(number)s: %(marks)s") % {"number": number, "marks": words},
            _("People who act alike, as the newest model found them; each training finds the groups anew."),
            {"cluster": number}, _("Groups that act alike"),
        )  # fmt: skip
