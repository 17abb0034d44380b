"""A shop with known truth: its products and people, all drawn from one seed.

The same numbers in, the same shop out, byte for byte. Nothing here knows the platform.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from simulator import words

FloatArray = np.ndarray[Any, np.dtype[np.float64]]
IntArray = np.ndarray[Any, np.dtype[np.int64]]
BoolArray = np.ndarray[Any, np.dtype[np.bool_]]

CURRENCY = "EUR"
COUNTRIES = ("DE", "FR", "GB", "US", "CN")
COUNTRY_SHARES = (0.40, 0.18, 0.17, 0.13, 0.12)
ZONES = {
    "DE": "Europe/Berlin",
    "FR": "Europe/Paris",
    "GB": "Europe/London",
    "US": "America/Los_Angeles",
    "CN": "Asia/Shanghai",
}
# How many say yes when they are asked; under opt-out law, how many leave the default alone.
SAYS_YES = {
    "analytics": 0.86,
    "personalization": 0.80,
    "marketing_email": 0.85,
    "message_tracking": 0.60,
    "partner_sharing": 0.08,
}
KINDS = ("persuadable", "anyway", "never", "driven_away")
KIND_SHARES = (0.45, 0.17, 0.30, 0.08)
# The chance of an order in the answer window: without a message, and with one.
CHANCES = {
    "persuadable": (0.03, 0.34),
    "anyway": (0.28, 0.29),
    "never": (0.002, 0.004),
    "driven_away": (0.10, 0.02),
}
ORDER_MEDIAN, ORDER_SPREAD = 38.0, 0.35


@dataclass(frozen=True)
class Size:
    customers: int
    products: int
    days: int
    seed: int


@dataclass(frozen=True)
class Products:
    """Aligned arrays, one entry a product. `popularity` sums to one."""

    category: IntArray
    price: FloatArray
    popularity: FloatArray
    is_staple: BoolArray

    def __len__(self) -> int:
        return len(self.category)


@dataclass(frozen=True)
class People:
    """Aligned arrays, one entry a person. `taste` is (people, categories), rows sum to one."""

    taste: FloatArray
    rate: FloatArray
    """visits a day"""
    since: FloatArray
    """first day, before 0 for those who were there before"""
    until: FloatArray
    """the day they leave for good; beyond the last day for those who stay"""
    hour: FloatArray
    country: IntArray
    has_zone: BoolArray
    anonymous_first: BoolArray
    bounces: BoolArray
    yes: dict[str, BoolArray]

    def __len__(self) -> int:
        return len(self.rate)


@dataclass(frozen=True)
class Truth:
    """Both outcomes of every person, drawn from the same random numbers: money with a message and without."""

    kind: IntArray
    y1: FloatArray
    y0: FloatArray


@dataclass(frozen=True)
class Shop:
    size: Size
    end: datetime
    products: Products
    people: People
    truth: Truth
    history: np.random.SeedSequence
    answer: np.random.SeedSequence

    @classmethod
    def of(cls, size: Size, *, end: datetime) -> "Shop":
        streams = np.random.SeedSequence(size.seed).spawn(5)
        products = _products(size, np.random.default_rng(streams[0]))
        people = _people(size, np.random.default_rng(streams[1]))
        truth = _truth(size, np.random.default_rng(streams[2]))
        return cls(size, end, products, people, truth, streams[3], streams[4])

    def sku(self, product: int) -> str:
        return f"s{product:05}"

    def customer(self, person: int) -> str:
        return f"c{person:05}"


def _products(size: Size, rng: np.random.Generator) -> Products:
    n = size.products
    category = rng.integers(len(words.CATEGORIES), size=n)
    level = rng.uniform(1.6, 3.2, size=len(words.CATEGORIES))
    price = np.round(np.exp(rng.normal(level[category], 0.45)) - 0.01, 2).clip(0.5)
    popularity = 1.0 / (1 + rng.permutation(n)) ** 0.7
    return Products(category, price, popularity / popularity.sum(), rng.random(n) < 0.6)


def _people(size: Size, rng: np.random.Generator) -> People:
    n = size.customers
    country = rng.choice(len(COUNTRIES), size=n, p=COUNTRY_SHARES)
    until = np.where(rng.random(n) < 0.25, rng.uniform(0, size.days, n), size.days + 1.0)
    return People(
        taste=rng.dirichlet(np.full(len(words.CATEGORIES), 0.22), size=n),
        rate=rng.gamma(1.3, 0.075, size=n),
        since=rng.uniform(-size.days, size.days * 0.6, size=n).clip(0),
        until=until,
        hour=rng.normal(17, 4, size=n) % 24,
        country=country,
        has_zone=rng.random(n) < 0.9,
        anonymous_first=rng.random(n) < 0.15,
        bounces=rng.random(n) < 0.005,
        yes={purpose: rng.random(n) < share for purpose, share in SAYS_YES.items()},
    )


def _truth(size: Size, rng: np.random.Generator) -> Truth:
    n = size.customers
    kind = rng.choice(len(KINDS), size=n, p=KIND_SHARES)
    without, told = (np.array([CHANCES[name][i] for name in KINDS])[kind] for i in (0, 1))
    u = rng.random(n)
    money = np.round(ORDER_MEDIAN * np.exp(rng.normal(0, ORDER_SPREAD, size=n)), 2)
    return Truth(kind, np.where(u < told, money, 0.0), np.where(u < without, money, 0.0))


def product_rows(shop: Shop) -> list[dict[str, Any]]:
    """The catalogue as the shop describes it, one dict a product."""
    rng = np.random.default_rng([shop.size.seed, 101])
    names = list(words.CATEGORIES)
    rows = []
    for i, category in enumerate(shop.products.category.tolist()):
        name = names[category]
        chinese, nouns = words.CATEGORIES[name]
        noun = nouns[int(rng.integers(len(nouns)))]
        adjective = words.ADJECTIVES[int(rng.integers(len(words.ADJECTIVES)))]
        brand = words.BRANDS[int(rng.integers(len(words.BRANDS)))]
        rows.append(
            {
                "sku": shop.sku(i),
                "title": f"{adjective[0].capitalize()} {noun[0]} {i}",
                "description": f"{adjective[0]} {noun[0]} by {brand}, {name.lower()} · {chinese}{adjective[1]}{noun[1]}",
                "category": name,
                "brand": brand,
                "price": f"{shop.products.price[i]:.2f}",
                "currency": CURRENCY,
                "in_stock": bool(rng.random() < 0.97),
            }
        )
    return rows


def customer_rows(shop: Shop) -> list[dict[str, Any]]:
    """The people as the shop knows them, one dict a customer."""
    rows = []
    for i in range(len(shop.people)):
        country = COUNTRIES[int(shop.people.country[i])]
        name = shop.customer(i)
        local = f"nobody-{name}" if shop.people.bounces[i] else name
        row = {
            "id": name,
            "email": f"{local}@customer.example",
            "name": f"{'客户' if country == 'CN' else 'Customer'} {i}",
            "country": country,
            "locale": "zh-CN" if country == "CN" else "en",
        }
        if shop.people.has_zone[i]:
            row["time_zone"] = ZONES[country]
        rows.append(row)
    return rows


def consent_rows(shop: Shop) -> list[dict[str, Any]]:
    """What people answered when they signed up. Where silence means yes, only those who object are heard."""
    rows = []
    for i in range(len(shop.people)):
        country = COUNTRIES[int(shop.people.country[i])]
        language = "zh-hans" if country == "CN" else "en"
        for purpose, yes in shop.people.yes.items():
            granted = bool(yes[i])
            if country == "US" and granted and purpose != "partner_sharing":
                continue
            evidence = {"notice": f"{purpose}@1", "language": language} if granted else {}
            rows.append(
                {
                    "customer": shop.customer(i),
                    "purpose": purpose,
                    "granted": granted,
                    "method": "checkbox",
                    "source": "sign-up form of the simulated shop",
                    **evidence,
                }
            )
    return rows


def truth_rows(shop: Shop) -> dict[str, Any]:
    """What the platform never sees: both outcomes of everyone, and their averages."""
    truth = shop.truth
    return {
        "seed": shop.size.seed,
        "average": float((truth.y1 - truth.y0).mean()),
        "total": float((truth.y1 - truth.y0).sum()),
        "people": {
            shop.customer(i): {
                "y1": float(truth.y1[i]),
                "y0": float(truth.y0[i]),
                "kind": KINDS[int(truth.kind[i])],
            }
            for i in range(len(truth.kind))
        },
    }
