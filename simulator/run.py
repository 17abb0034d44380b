"""Drive the platform as a shop would, through its public API."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from simulator import history
from simulator.client import Client, Refused, in_batches
from simulator.shop import Shop, consent_rows, customer_rows, product_rows, truth_rows
from simulator.words import BAD, GOOD

Tell = Callable[[str, int, int], None]
"""(what, done, of how many)"""
REVIEWS = 60


def tell_history(shop: Shop, client: Client, *, tell: Tell) -> Mapping[str, int]:
    """Catalogue, customers, consents, then all events; answers what the platform said of the events."""
    steps: list[tuple[str, str, str, list[dict[str, Any]]]] = [
        ("products", "products/bulk", "products", product_rows(shop)),
        ("customers", "customers/bulk", "customers", customer_rows(shop)),
        ("consents", "consents/bulk", "answers", consent_rows(shop)),
        ("events", "events", "batch", history.events(shop)),
    ]
    done: Counter[str] = Counter()
    for what, path, name, rows in steps:
        sent = 0

        def progress(n: int, what: str = what, total: int = len(rows)) -> None:
            nonlocal sent
            sent += n
            tell(what, sent, total)

        answers = in_batches(client, path, name, rows, progress=progress)
        done[what] = len(rows)
        if what == "events":
            for taken in answers:
                done["accepted"] += taken["accepted"]
                done["duplicates"] += taken["duplicates"]
                for refusal in taken["refused"]:
                    done[f"refused: {refusal['reason']}"] += 1
    _dirt(client)
    _reviews(shop, client)
    done["reviews"] = REVIEWS
    return done


def _dirt(client: Client) -> None:
    """A price as text: the platform must say no and keep nothing."""
    body = {"products": [{"sku": "dirty", "title": "Dirty", "price": "12,50 €", "currency": "EUR"}]}
    try:
        client.post("products/bulk", body)
    except Refused as refusal:
        if refusal.status != 400:
            raise
    else:
        raise AssertionError("a price as text was taken")


def _reviews(shop: Shop, client: Client) -> None:
    rng = np.random.default_rng([shop.size.seed, 202])
    for _ in range(REVIEWS):
        person, product = int(rng.integers(len(shop.people))), int(rng.integers(len(shop.products)))
        rating = int(rng.choice(5, p=[0.08, 0.07, 0.15, 0.3, 0.4])) + 1
        words = GOOD if rating > 3 else BAD
        body = {
            "customer": shop.customer(person),
            "sku": shop.sku(product),
            "rating": rating,
            "text": words[int(rng.integers(len(words)))],
            "locale": "en",
        }
        client.post("reviews", body)


def write_truth(shop: Shop, path: Path) -> None:
    path.write_text(json.dumps(truth_rows(shop)))
