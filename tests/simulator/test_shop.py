"""The simulated shop: the same seed the same shop, plausible behaviour, and a truth that is drawn once."""

import json
from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest

from simulator import history
from simulator.shop import CHANCES, KINDS, Shop, Size, consent_rows, customer_rows, product_rows, truth_rows

pytestmark = pytest.mark.once

END = datetime(2026, 11, 24, tzinfo=UTC)


def shop(customers: int = 2000, seed: int = 7) -> Shop:
    return Shop.of(Size(customers, 300, 120, seed), end=END)


def everything(made: Shop) -> bytes:
    rows = [
        product_rows(made),
        customer_rows(made),
        consent_rows(made),
        history.events(made),
        truth_rows(made),
    ]
    return json.dumps(rows).encode()


def test_the_same_seed_makes_the_same_shop_byte_for_byte() -> None:
    assert everything(shop(80)) == everything(shop(80))
    assert everything(shop(80)) != everything(shop(80, seed=8))


@pytest.fixture(scope="module")
def orders() -> list[dict]:
    return [row for row in history.events(shop()) if row["type"] == "ordered" and "customer" in row]


def test_things_are_bought_again_as_in_a_real_shop(orders: list[dict]) -> None:
    """About 0.46 of what people with a past buy in 30 days they bought before (measured on Online Retail)."""
    cut = "2026-10-25"
    past: dict[str, set[str]] = {}
    for row in orders:
        if row["occurred_at"] < cut:
            past.setdefault(row["customer"], set()).add(row["sku"])
    bought = {(row["customer"], row["sku"]) for row in orders if cut <= row["occurred_at"] < "2027"}
    known = [(who, sku) for who, sku in bought if who in past]
    again = sum(sku in past[who] for who, sku in known) / len(known)
    assert 0.36 < again < 0.56


def test_orders_have_a_heavy_tail(orders: list[dict]) -> None:
    counts = np.array(sorted(Counter(row["customer"] for row in orders).values()))
    assert counts.max() > 5 * counts.mean()
    top_tenth = counts[-len(counts) // 10 :].sum() / counts.sum()
    assert 0.25 < top_tenth < 0.60


def test_a_favourite_beats_the_popular(orders: list[dict]) -> None:
    """What a person bought most comes nearer to their next month than what everyone buys."""
    cut = "2026-10-25"
    popular = [sku for sku, _n in Counter(r["sku"] for r in orders if r["occurred_at"] < cut).most_common(5)]
    own: dict[str, Counter[str]] = {}
    future: dict[str, set[str]] = {}
    for row in orders:
        if row["occurred_at"] < cut:
            own.setdefault(row["customer"], Counter())[row["sku"]] += 1
        else:
            future.setdefault(row["customer"], set()).add(row["sku"])
    people = own.keys() & future.keys()
    by_self = np.mean([len({s for s, _ in own[p].most_common(5)} & future[p]) for p in people])
    by_all = np.mean([len(set(popular) & future[p]) for p in people])
    assert by_self > 1.5 * by_all


def test_the_truth_follows_the_kinds() -> None:
    made = shop(40_000)
    truth = made.truth
    for k, name in enumerate(KINDS):
        mine = truth.kind == k
        assert np.mean(truth.y0[mine] > 0) == pytest.approx(CHANCES[name][0], abs=0.02)
        assert np.mean(truth.y1[mine] > 0) == pytest.approx(CHANCES[name][1], abs=0.02)
    # One draw decides both: nobody is won and lost by chance alone.
    both = (truth.y0 > 0) & (truth.y1 > 0)
    assert np.array_equal(truth.y0[both], truth.y1[both])
    rows = truth_rows(shop(50))
    mean = np.mean([row["y1"] - row["y0"] for row in rows["people"].values()])
    assert rows["average"] == pytest.approx(mean)


def test_there_is_some_dirt() -> None:
    rows = history.events(shop(600))
    ids = Counter(row["message_id"] for row in rows)
    assert 0.003 < sum(n > 1 for n in ids.values()) / len(ids) < 0.03
    stamps = [row["occurred_at"] for row in rows]
    assert stamps != sorted(stamps)
    assert any(row["occurred_at"] > "2027" for row in rows)
    assert any(row.get("sku") == "unheard-of" for row in rows)
    assert any("anonymous_id" in row and "customer" in row for row in rows)


def test_a_grant_carries_its_evidence_and_silence_is_told_for_nobody() -> None:
    rows = consent_rows(shop(300))
    assert all(row["notice"] and row["language"] for row in rows if row["granted"])
    assert {row["purpose"] for row in rows} == {
        "analytics",
        "personalization",
        "marketing_email",
        "message_tracking",
        "partner_sharing",
    }
