"""Our algorithms on Online Retail, against `implicit` where it is installed: one split, one metric, all items ranked.

The last 30 days are the future; lines with a customer, no cancellations, price and quantity above nought, ordinary
product codes; each product counts once an invoice.
"""

import argparse
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.report import save
from customers import histories
from customers.imports.retail import ONLINE_RETAIL, PRODUCT_CODE
from customers.imports.source import rows
from customers.imports.values import moment, number, whole_id
from recommender.algorithms import metrics
from recommender.algorithms.interactions import Interactions
from recommender.algorithms.presets import BY_LABEL
from recommender.algorithms.split import Split, global_split

try:
    from implicit.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
except ImportError:
    PEERS: Mapping[str, Callable[[], Any]] = {}
else:
    PEERS = {
        "implicit ALS 64": lambda: AlternatingLeastSquares(64, random_state=0, num_threads=1),
        "implicit item cosine": lambda: CosineRecommender(K=200, num_threads=1),
        "implicit BM25": lambda: BM25Recommender(K=200, num_threads=1),
    }

OURS = ("popularity", "frequency", "item_knn", "user_knn_cosine", "svd_truncated", "ease", "blend", "hybrid")
FILE = Path("online-retail") / "online_retail_2010_2011.csv.gz"
DEPTH, PAGE = 20, 256
Ranked = list[np.ndarray]


def read(path: Path) -> Interactions:
    acts: dict[tuple[str, str], tuple[str, float]] = {}
    for row in rows(path, ONLINE_RETAIL):
        invoice, code, customer = whole_id(row["InvoiceNo"]), row["StockCode"], whole_id(row["CustomerID"])
        if not customer or invoice.upper().startswith("C") or not PRODUCT_CODE.fullmatch(code):
            continue
        if number(row["Quantity"]) > 0 and number(row["UnitPrice"]) > 0:
            acts.setdefault((invoice, code), (customer, histories.day(moment(row["InvoiceDate"]))))
    _names, people = np.unique([customer for customer, _day in acts.values()], return_inverse=True)
    _codes, products = np.unique([code for _invoice, code in acts], return_inverse=True)
    return Interactions.of(people, products, np.array([day for _customer, day in acts.values()]))


def ours(label: str, split: Split) -> tuple[float, float, Ranked]:
    """Seconds to fit, seconds to rank for everyone, and the rankings."""
    began = time.perf_counter()
    model = BY_LABEL[label].make().fit(split.past, at=split.at)
    fitted = time.perf_counter()
    ranked = []
    for start in range(0, len(split.people), PAGE):
        page = model.recommend(split.histories[start : start + PAGE], DEPTH, at=split.at)
        ranked += [ranking.items for ranking in page]
    return fitted - began, time.perf_counter() - fitted, ranked


def peer(label: str, split: Split) -> tuple[float, float, Ranked]:
    """The same of a peer, which eats how often each person took each item."""
    matrix = sparse.csr_matrix(split.past.matrix())
    places = np.searchsorted(split.past.users, split.people)
    began = time.perf_counter()
    model = PEERS[label]()
    model.fit(matrix, show_progress=False)
    fitted = time.perf_counter()
    columns, _scores = model.recommend(places, matrix[places], N=DEPTH, filter_already_liked_items=False)
    seconds = time.perf_counter() - fitted
    return fitted - began, seconds, [split.past.items[row[row >= 0]] for row in columns]


def quality(ranked: Ranked, split: Split) -> dict[str, float]:
    hits = np.zeros((len(ranked), DEPTH), dtype=np.bool_)
    for n, (items, future) in enumerate(zip(ranked, split.future, strict=True)):
        hits[n, : len(items)] = np.isin(items, future)
    relevant = np.array([len(future) for future in split.future])
    per_person = metrics.ndcg(hits, relevant)
    low, high = metrics.bootstrap(per_person, rng=np.random.default_rng(0))
    return {
        "ndcg10": float(per_person.mean()),
        "ndcg10_low": low,
        "ndcg10_high": high,
        "recall20": float(metrics.recall(hits, relevant).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("DATA", "../shared/data")))
    parser.add_argument("--repetitions", type=int, default=3)
    asked = parser.parse_args()
    path = asked.data / FILE
    if not path.exists():
        print(f"algorithms: skipped, {path} is not there; name the folder by --data or DATA")
        return
    interactions = read(path)
    split = global_split(interactions)
    print(
        f"algorithms: Online Retail, {len(interactions):,} events, {len(interactions.users):,} people, "
        f"{len(interactions.items):,} items; measured on {len(split.people):,}"
    )
    if not PEERS:
        print("  implicit is not installed: ours alone")
    print(f"  {'algorithm':22s} {'fit s':>20s} {'users/s':>24s}   NDCG@10 (95 % interval)      Recall@20")
    found: dict[str, Any] = {}
    for label in (*OURS, *PEERS):
        fit, rank = [], []
        for _ in range(asked.repetitions):
            fit_s, rank_s, ranked = (peer if label in PEERS else ours)(label, split)
            fit.append(fit_s)
            rank.append(len(split.people) / rank_s)
        good = quality(ranked, split)
        found[label] = {"fit_seconds": sorted(fit), "users_a_second": sorted(rank), **good}
        middle = asked.repetitions // 2
        fits = f"{sorted(fit)[middle]:.2f} ({min(fit):.2f}..{max(fit):.2f})"
        ranks = f"{sorted(rank)[middle]:,.0f} ({min(rank):,.0f}..{max(rank):,.0f})"
        interval = f"{good['ndcg10']:.4f} ({good['ndcg10_low']:.4f}..{good['ndcg10_high']:.4f})"
        print(f"  {label:22s} {fits:>20s} {ranks:>24s}   {interval}   {good['recall20']:.4f}")
    sizes = {
        "events": len(interactions),
        "people": len(interactions.users),
        "items": len(interactions.items),
        "measured": len(split.people),
    }
    save("algorithms", sizes, found, also=["implicit"] if PEERS else [])


if __name__ == "__main__":
    main()
