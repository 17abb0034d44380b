"""Online Retail by the protocol: chosen on the validation month, measured on the test month, beside `implicit`.

    python -m benchmarks.algorithms [FILE] [--target new]

Everyone's last 30 days are the test, the 30 days before them the validation. Each model is fitted on what came before
and ranks every item, those had before too. Same split, same metrics and same histories for everyone. Where the library
`implicit` can be imported it takes part, with the best of a few settings on the validation month.
"""

import argparse
import importlib
import importlib.util
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.report import save, spread, timed, told
from config.processes import BASE_DIR
from customers import histories as acts_of
from customers.imports.retail import ONLINE_RETAIL, PRODUCT_CODE
from customers.imports.source import rows as lines_of
from customers.imports.values import moment, number, whole_id
from recommender.algorithms.base import Mode, Ranking, Recommender
from recommender.algorithms.compare import PAGE, TARGETS, Candidate, Row, difference, measure
from recommender.algorithms.interactions import BoolArray, History, Interactions, Queries, SingleArray
from recommender.algorithms.presets import BY_LABEL
from recommender.algorithms.split import Split, Target, global_split, validation_split
from recommender.algorithms.weighing import weighed

FILE = BASE_DIR.parent / "shared/data/online-retail/online_retail_2010_2011.csv.gz"
OURS = (
    "popularity", "frequency", "item_knn", "user_knn_cosine", "svd_truncated", "ease", "blend", "hybrid", "learnt", "learnt_ease",
)  # fmt: skip
# Theirs: the class, what is fixed, and what the validation month may choose from. One thread, as ours have.
PEERS: Mapping[str, tuple[str, dict[str, Any], Sequence[dict[str, Any]]]] = {
    "implicit ALS 64": (
        "als.AlternatingLeastSquares",
        {"factors": 64, "random_state": 0, "num_threads": 1},
        [{"alpha": alpha, "regularization": reg} for alpha in (1.0, 5.0, 20.0) for reg in (0.01, 1.0)],
    ),
    "implicit ALS 128": (
        "als.AlternatingLeastSquares",
        {"factors": 128, "random_state": 0, "num_threads": 1},
        [{"alpha": alpha, "regularization": reg} for alpha in (1.0, 5.0) for reg in (0.01, 1.0, 10.0)],
    ),
    "implicit item-cosine": (
        "nearest_neighbours.CosineRecommender",
        {"num_threads": 1},
        [{"K": 20}, {"K": 50}, {"K": 200}],
    ),
    "implicit BM25": (
        "nearest_neighbours.BM25Recommender",
        {"num_threads": 1},
        [{"K": 20}, {"K": 50}, {"K": 200}],
    ),
}


def read(path: Path) -> Interactions:
    """Sales with a customer and a real product's code; each product of an invoice once."""
    acts: dict[tuple[str, str], tuple[int, float]] = {}
    for line in lines_of(path, ONLINE_RETAIL):
        invoice, code, customer = whole_id(line["InvoiceNo"]), line["StockCode"], whole_id(line["CustomerID"])
        sale = customer and not invoice.upper().startswith("C") and PRODUCT_CODE.fullmatch(code)
        if sale and number(line["Quantity"]) > 0 and number(line["UnitPrice"]) > 0:
            acts.setdefault((invoice, code), (int(customer), acts_of.day(moment(line["InvoiceDate"]))))
    _codes, products = np.unique([code for _invoice, code in acts], return_inverse=True)
    people, days = zip(*acts.values(), strict=True)
    return Interactions.of(np.array(people), products, np.array(days))


class Implicit(Recommender):
    """A model of `implicit` behind our door: weights are how often; people are known by their row."""

    name = "implicit"

    def __init__(self, kind: str, **settings: Any) -> None:
        module, _dot, name = kind.partition(".")
        self.model = getattr(importlib.import_module(f"implicit.{module}"), name)(**settings)

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        self.acts, self.people = interactions.matrix(), interactions.users
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its kNN models warn of a conversion that they make themselves
            self.model.fit(self.acts, show_progress=False)

    def _score(self, queries: Queries) -> SingleArray:
        raise NotImplementedError("it ranks by itself")

    def recommend(
        self,
        histories: Sequence[History],
        k: int,
        *,
        at: float,
        mode: Mode = "all",
        allowed: BoolArray | None = None,
    ) -> list[Ranking]:
        rows = np.searchsorted(self.people, [history.person for history in histories])
        ids, scores = self.model.recommend(
            rows, self.acts[rows], N=k, filter_already_liked_items=mode == "new"
        )
        found = []
        for columns, values in zip(ids, scores, strict=True):
            real = (columns >= 0) & (values > np.finfo(np.float32).min)  # shorter lists are padded
            found.append(Ranking(self.items_[columns[real]], values[real]))
        return found


class Entry(NamedTuple):
    """What takes part, under the settings that the validation month chose."""

    candidate: Candidate
    validation: float


def make(candidate: Candidate) -> Recommender:
    if candidate.algorithm == "implicit":
        return Implicit(**candidate.parameters)
    return candidate.make()


def judged(candidate: Candidate, split: Split, target: Target) -> Row:
    return measure(candidate, split, target=target, fitted=make(candidate).fit(split.past, at=split.at))


def entries(split: Split, target: Target, *, with_peers: bool) -> list[Entry]:
    ours = [weighed(BY_LABEL[label], split) for label in OURS]
    found = [Entry(candidate, judged(candidate, split, target).ndcg10) for candidate in ours]
    for label, (kind, fixed, choices) in PEERS.items() if with_peers else ():
        tried = [Candidate(label, "implicit", {"kind": kind, **fixed, **choice}) for choice in choices]
        best = max((judged(candidate, split, target) for candidate in tried), key=lambda row: row.ndcg10)
        found.append(Entry(best.candidate, best.ndcg10))
    return found


def rank(model: Recommender, split: Split, target: Target) -> None:
    for start in range(0, len(split.people), PAGE):
        model.recommend(split.histories[start : start + PAGE], 10, at=split.at, mode=target)


def tested(entry: Entry, split: Split, target: Target, repetitions: int) -> tuple[Row, dict[str, Any]]:
    wall, cpu, rates = [], [], []
    for _ in range(repetitions):
        model = make(entry.candidate)
        seconds, busy = timed(partial(model.fit, split.past, at=split.at))
        wall.append(seconds)
        cpu.append(busy)
        rates.append(len(split.people) / timed(partial(rank, model, split, target))[0])
    row = measure(entry.candidate, split, target=target, fitted=model)
    return row, {
        "parameters": dict(entry.candidate.parameters),
        "validation_ndcg10": round(entry.validation, 4),
        "ndcg10": round(row.ndcg10, 4),
        "ndcg10_interval": [round(row.ndcg10_low, 4), round(row.ndcg10_high, 4)],
        "recall20": round(row.recall20, 4),
        "fit_seconds": spread(wall),
        "fit_cpu_seconds": spread(cpu),
        "people_ranked_a_second": spread(rates),
    }


def compared(rows: Mapping[str, Row], chosen: str) -> dict[str, Any]:
    """The chosen one against each other: ratio of NDCG@10, and the difference with its paired interval."""
    found = {}
    for label, row in rows.items():
        if label != chosen:
            found[label] = {
                "ratio": round(rows[chosen].ndcg10 / row.ndcg10, 3),
                "difference": [round(value, 4) for value in difference(rows[chosen], row)],
            }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path, default=FILE, help="Online Retail as .csv.gz")
    parser.add_argument("--target", choices=TARGETS, default="all", help="new: only what people had not had")
    parser.add_argument("--repetitions", type=int, default=3)
    asked = parser.parse_args()
    if not asked.file.exists():
        print(f"algorithms: the Online Retail file is not at {asked.file}; nothing is measured.")
        return
    with_peers = importlib.util.find_spec("implicit") is not None
    if not with_peers:
        print("algorithms: `implicit` is not installed and takes no part (benchmarks/README.md says how).")
    acts = read(asked.file)
    field = entries(validation_split(acts), asked.target, with_peers=with_peers)
    split = global_split(acts)
    people = len(split.restricted(asked.target).people)
    print(
        f"algorithms: {len(acts):,} acts, {people:,} people measured on {asked.target}, {asked.repetitions} fits each"
    )
    print(f"  {'':22}{'NDCG@10':>8}{'95 % interval':>19}{'valid.':>8}  {'fit s':22} people/s")
    rows, figures = {}, {}
    for entry in field:
        label = entry.candidate.label
        row, figures[label] = tested(entry, split, asked.target, asked.repetitions)
        rows[label], fit = row, told(figures[label]["fit_seconds"], 2)
        print(
            f"  {label:22}{row.ndcg10:8.4f}{f'[{row.ndcg10_low:.4f}, {row.ndcg10_high:.4f}]':>19}"
            f"{entry.validation:8.4f}  {fit:22} {told(figures[label]['people_ranked_a_second'], 0)}"
        )
    chosen = max(field, key=lambda entry: entry.validation).candidate.label
    against = compared(rows, chosen)
    print(f"  chosen on the validation month: {chosen}; its NDCG@10 on the test month is")
    for label, found in against.items():
        mean, low, high = found["difference"]
        print(f"    {found['ratio']:6.3f} times that of {label:22} {mean:+.4f} [{low:+.4f}, {high:+.4f}]")
    sizes = {"acts": len(acts), "people": people, "target": asked.target, "chosen": chosen}
    sizes["implicit"] = version("implicit") if with_peers else None
    save(
        "algorithms" if asked.target == "all" else f"algorithms_{asked.target}",
        sizes,
        {"models": figures, "chosen_against": against},
        also=("scikit-learn",),
    )


if __name__ == "__main__":
    main()
