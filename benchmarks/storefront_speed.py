"""How soon a shop's page has its offers and its recommendations, at a size: every request beside a constant view.

    DATABASE_URL=postgres://… python -m benchmarks.storefront_speed --people 1000000 --products 50000

The same people are asked of twice: `first` decides for them, `again` gets what holds still; `everybody` names nobody.
Requests go one after the other through gunicorn, ours and a bare Django's constant in turn.
"""

import argparse
import http.client
import json
import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
from django.db import connection

from benchmarks import scale_database, world
from benchmarks.report import save
from benchmarks.serving_speed import get
from campaigns.models import Campaign, CampaignSegment, Offer, OfferCap, Placement, Segment
from customers import histories
from customers.access import create_key
from recommender import training
from recommender.algorithms.interactions import FloatArray, IntArray

PERCENTS = (50, 95, 99)
OFFERS = 20
TASTES = 200
Figures = dict[str, dict[str, float]]


def shop(people: int, products: int, purchases: int) -> None:
    """People and what they bought in the last 200 days: four of five of their own taste, the rest of anything, by Zipf's
    law. Without tastes what is popular would win, and no request would be about a person."""
    rng = np.random.default_rng(1)
    who, tastes = rng.integers(0, people, purchases), min(TASTES, products // 20)

    def drawn(many: int) -> IntArray:
        share = 1 / np.arange(1, many + 1)
        found: IntArray = np.searchsorted(np.cumsum(share / share.sum()), rng.random(purchases)).clip(
            max=many - 1
        )
        return found

    own = drawn(products // tastes) * tastes + who % tastes
    what = np.where(rng.random(purchases) < 0.8, own, drawn(products))
    days = np.sort(histories.day(datetime.now(UTC)) - 1 - 200 * rng.random(purchases))
    told = scale_database.fill(who, what, days, people=people, products=products)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO customers_identity (customer_id, kind, value, created_at) "
            "SELECT id, 'customer', external_id, created_at FROM customers_customer"
        )
        cursor.execute("ANALYZE")
    print(f"  filled: {told}", flush=True)


def learn(*algorithms: str) -> None:
    training.ask("recommend", algorithms=list(algorithms))
    at = datetime.now(UTC)
    run = training.claim(at=at)
    assert run is not None
    print(f"  learnt: {training.work(run, at=at).result.get('algorithm')}", flush=True)


def campaign() -> None:
    """One in the shop, for who bought lately, with limited offers in two slots, a tenth held out."""
    home = Placement.objects.create(slug="home", name="Home", slots=2)
    lately = {"did": "ordered", "times": {"gte": 1}, "within_days": 365}
    segment = Segment.objects.create(slug="lately", name="Lately", rule=lately)
    row = Campaign.objects.create(
        slug="shop", name="Shop", channel="onsite", placement=home.slug, control_percent=10,
        status=Campaign.Status.RUNNING,
    )  # fmt: skip
    offers = []
    for n in range(OFFERS):
        offers.append(
            Offer.objects.create(
                slug=f"offer-{n:02}", title=f"Offer {n}", status=Offer.Status.APPROVED, benefit="percent",
                value=Decimal(5 + n), currency="EUR", max_discount=Decimal(10), budget=Decimal(10_000_000),
                max_total=10_000_000, max_per_customer=1,
            )
        )  # fmt: skip
        OfferCap.objects.create(offer=offers[-1], most=2, every_days=30)
    CampaignSegment.objects.create(campaign=row, segment=segment).offers.set(offers)


def is_personal(line: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> bool:
    line.request("GET", path, headers=headers)
    return bool(json.loads(line.getresponse().read())["personalized"])


def beside(ask: Callable[[str], object], bare: Callable[[], object], people: Sequence[str]) -> FloatArray:
    """(n, 2) milliseconds of each request, ours and the constant, in turn."""
    times = np.empty((len(people), 2))
    for n, name in enumerate(people):
        for side, work in enumerate((lambda one=name: ask(one), bare)):
            began = time.perf_counter()
            work()
            times[n, side] = (time.perf_counter() - began) * 1000
    return times


def figures_of(times: FloatArray) -> dict[str, float]:
    ours, bare = (np.percentile(times[:, side], PERCENTS) for side in (0, 1))
    told = {f"p{percent}_ms": float(one) for percent, one in zip(PERCENTS, ours, strict=True)}
    told |= {f"bare_p{percent}_ms": float(one) for percent, one in zip(PERCENTS, bare, strict=True)}
    a_second, bare_a_second = (float(len(times) / times[:, side].sum() * 1000) for side in (0, 1))
    rates = {"a_second": a_second, "bare_a_second": bare_a_second, "rate_by_bare": a_second / bare_a_second}
    return told | rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--products", type=int, default=1_000)
    parser.add_argument("--purchases", type=int, default=0, help="three a person, unless said")
    parser.add_argument("--requests", type=int, default=1_000)
    parser.add_argument("--algorithms", nargs="+", default=["popularity", "item_knn"])
    asked = parser.parse_args()
    print(
        f"storefront_speed: {asked.people:,} people, {asked.products:,} products, {OFFERS} offers, "
        f"{connection.vendor}, {os.cpu_count()} cores",
        flush=True,
    )
    shop(asked.people, asked.products, asked.purchases or 3 * asked.people)
    learn(*asked.algorithms)
    campaign()
    headers = {"Authorization": f"Bearer {create_key('secret')[1]}"}
    chosen = np.random.default_rng(2).choice(asked.people, asked.requests, replace=False)
    names = [f"p{n}" for n in chosen]
    found: Figures = {}
    with world.servers() as (port, bare_port):
        ours = http.client.HTTPConnection("127.0.0.1", port)
        theirs = http.client.HTTPConnection("127.0.0.1", bare_port)

        def measured(title: str, path: str, people: Sequence[str]) -> None:
            def ask(name: str) -> None:
                get(ours, path.format(name), headers)

            for name in people[:20] if title != "offers, first" else ["nobody"] * 20:
                ask(name)  # the models are read, the connections made
            found[title] = figures_of(beside(ask, lambda: get(theirs, "/constant", headers), people))
            told = ", ".join(f"p{one} {found[title][f'p{one}_ms']:.1f}" for one in PERCENTS)
            rates = "{a_second:,.0f} a second beside {bare_a_second:,.0f}, {rate_by_bare:.2f} of it".format(
                **found[title]
            )
            print(f"  {title:<22} {told} ms; {rates}")

        path = "/api/v1/recommendations?customer={}&limit=10"
        share = sum(is_personal(ours, path.format(name), headers) for name in names[:100]) / 100
        print(f"  {share:.0%} of the first hundred lists are personal")
        measured("recommendations", path, names)
        measured("the same, nobody's", "/api/v1/recommendations?limit=10", names)
        measured("an empty view of ours", "/health/live", names)
        measured("offers, first", "/api/v1/offers?customer={}&placement=home", names)
        measured("offers, again", "/api/v1/offers?customer={}&placement=home", names)
        measured("offers, everybody", "/api/v1/offers?placement=home", names)
    sizes = {key: getattr(asked, key) for key in ("people", "products", "purchases", "requests")}
    save("storefront_speed", sizes, found)


if __name__ == "__main__":
    main()
