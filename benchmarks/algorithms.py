"""Online Retail by the protocol: chosen on the validation month, measured on the test month, beside other libraries.

    python -m benchmarks.algorithms [FILE] [--targets new]

Everyone's last 30 days are the test, the 30 days before them the validation. Each model is fitted on what came before
and ranks every item, those had before too. Same split, same metrics, same histories and one thread for everyone. What can
be imported of implicit, scikit-learn and LensKit takes part (`peers`), each model with the best of a few settings on the
validation month. Memory is what the process, which holds the data already, grows by at its peak while it fits.
"""

import argparse
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import peers
from benchmarks.report import save, spread, timed
from config.processes import BASE_DIR
from customers import histories as acts_of
from customers.imports.retail import ONLINE_RETAIL, PRODUCT_CODE
from customers.imports.source import rows as lines_of
from customers.imports.values import moment, number, whole_id
from recommender.algorithms.base import Recommender
from recommender.algorithms.compare import PAGE, TARGETS, Candidate, Row, difference, measure
from recommender.algorithms.interactions import Interactions
from recommender.algorithms.presets import BY_LABEL
from recommender.algorithms.split import Split, Target, global_split, validation_split
from recommender.algorithms.weighing import weighed

FILE = BASE_DIR.parent / "shared/data/online-retail/online_retail_2010_2011.csv.gz"
OURS = (
    "popularity", "frequency", "item_knn", "user_knn_cosine", "svd_truncated", "als", "ease", "ease_sparse", "blend", "hybrid", "learnt", "learnt_ease",
)  # fmt: skip


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


SINGLE = 200  # single requests timed a repetition


class Entry(NamedTuple):
    """What takes part, under the settings that the validation month chose."""

    candidate: Candidate
    validation: float


def make(candidate: Candidate) -> Recommender:
    theirs = peers.CLASSES.get(candidate.algorithm)
    return theirs(**candidate.parameters) if theirs else candidate.make()


def judged(candidate: Candidate, split: Split, target: Target) -> Row:
    return measure(candidate, split, target=target, fitted=make(candidate).fit(split.past, at=split.at))


def entries(split: Split, target: Target, *, libraries: Collection[str]) -> list[Entry]:
    ours = [weighed(BY_LABEL[label], split) for label in OURS]
    found = [Entry(candidate, judged(candidate, split, target).ndcg10) for candidate in ours]
    for label, peer in peers.PEERS.items():
        if peer.library in libraries:
            tried = [Candidate(label, peer.library, {**peer.fixed, **choice}) for choice in peer.choices]
            best = max((judged(candidate, split, target) for candidate in tried), key=lambda row: row.ndcg10)
            found.append(Entry(best.candidate, best.ndcg10))
    return found


def rank(model: Recommender, split: Split, target: Target) -> None:
    for start in range(0, len(split.people), PAGE):
        model.recommend(split.histories[start : start + PAGE], 10, at=split.at, mode=target)


def one_by_one(model: Recommender, split: Split, target: Target) -> dict[str, float]:
    """Milliseconds of single requests, one person after another: median and 95th percentile."""
    times = []
    for history in split.histories[:SINGLE]:
        began = time.perf_counter()
        model.recommend([history], 10, at=split.at, mode=target)
        times.append((time.perf_counter() - began) * 1e3)
    return dict(zip(("p50", "p95"), np.percentile(times, (50, 95)).tolist(), strict=True))


def grown(work: Callable[[], object]) -> float | None:
    """MiB by which this process grows at its peak while it does the work; None where the system does not tell."""
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    except OSError:
        return None
    before = _memory("VmRSS")
    work()
    return (_memory("VmHWM") - before) / 1024


def _memory(name: str) -> int:
    """kB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{name}:")))


def tested(entry: Entry, split: Split, target: Target, repetitions: int) -> tuple[Row, dict[str, Any]]:
    wall, cpu, rates, single = [], [], [], []
    for _ in range(repetitions):
        model = make(entry.candidate)
        seconds, busy = timed(partial(model.fit, split.past, at=split.at))
        wall.append(seconds)
        cpu.append(busy)
        rates.append(len(split.people) / timed(partial(rank, model, split, target))[0])
        single.append(one_by_one(model, split, target))
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
        "one_request_p50_ms": spread([times["p50"] for times in single]),
        "one_request_p95_ms": spread([times["p95"] for times in single]),
        "fit_grows_mib": grown(lambda: make(entry.candidate).fit(split.past, at=split.at)),
        "model_mib": peers.size(model) / 2**20,
    }


def compared(rows: Mapping[str, Row], figures: Mapping[str, Any], chosen: str) -> dict[str, Any]:
    """The chosen one by each other: ratios, and the difference of NDCG@10 with its paired interval."""
    found = {}
    mine = figures[chosen]
    for label, row in rows.items():
        if label == chosen:
            continue
        theirs = figures[label]
        found[label] = {
            "ratio": round(rows[chosen].ndcg10 / row.ndcg10, 3),
            "difference": [round(value, 4) for value in difference(rows[chosen], row)],
            **{
                name: round(mine[name]["median"] / theirs[name]["median"], 3)
                for name in ("fit_seconds", "people_ranked_a_second", "one_request_p50_ms")
            },
            **{name: _by(mine[name], theirs[name]) for name in ("fit_grows_mib", "model_mib")},
        }
    return found


def _by(mine: float | None, theirs: float | None) -> float | None:
    """None where one was not measured, or is too small to divide by."""
    return round(mine / theirs, 2) if mine and theirs and theirs >= 0.01 else None


def tell(field: Sequence[Entry], rows: Mapping[str, Row], figures: Mapping[str, Any]) -> None:
    print(
        f"  {'':22}{'NDCG@10':>8}{'95 % interval':>19}{'valid.':>8}{'fit s':>8}{'people/s':>10}{'one, ms':>9}{'fit +MiB':>9}"
        f"{'model MiB':>10}"
    )
    for entry in field:
        label = entry.candidate.label
        row, found = rows[label], figures[label]
        print(
            f"  {label:22}{row.ndcg10:8.4f}{f'[{row.ndcg10_low:.4f}, {row.ndcg10_high:.4f}]':>19}{entry.validation:8.4f}"
            f"{found['fit_seconds']['median']:8.2f}{found['people_ranked_a_second']['median']:10,.0f}"
            f"{found['one_request_p50_ms']['median']:9.2f}{found['fit_grows_mib'] or 0:9.0f}{found['model_mib']:10.1f}"
        )


def tell_ratios(against: Mapping[str, Any]) -> None:
    print(
        f"    {'':22}{'NDCG@10':>8}{'difference':>30}{'fit':>8}{'people/s':>9}{'one':>7}{'memory':>8}{'size':>8}"
    )
    for label, found in against.items():
        mean, low, high = found["difference"]
        memory, size = (
            f"{value:.2f}" if (value := found[name]) is not None else "–"
            for name in ("fit_grows_mib", "model_mib")
        )
        print(
            f"    {label:22}{found['ratio']:8.3f}{f'{mean:+.4f} [{low:+.4f}, {high:+.4f}]':>30}{found['fit_seconds']:8.2f}"
            f"{found['people_ranked_a_second']:9.2f}{found['one_request_p50_ms']:7.2f}{memory:>8}{size:>8}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path, default=FILE, help="Online Retail as .csv.gz")
    parser.add_argument(
        "--targets", nargs="+", choices=TARGETS, default=["all", "new"], help="new: what people had not had"
    )
    parser.add_argument("--repetitions", type=int, default=3)
    asked = parser.parse_args()
    if not asked.file.exists():
        print(f"algorithms: the Online Retail file is not at {asked.file}; nothing is measured.")
        return
    libraries = peers.installed()
    for missing in {peer.library for peer in peers.PEERS.values()} - libraries.keys():
        print(
            f"algorithms: {missing} is not installed and takes no part (benchmarks/README.md says how).",
        )
    acts = read(asked.file)
    for target in asked.targets:
        one_target(acts, target, asked.repetitions, libraries)


def one_target(acts: Interactions, target: Target, repetitions: int, libraries: Mapping[str, str]) -> None:
    """Everyone chosen, fitted and measured on one target, told and saved."""
    field = entries(validation_split(acts), target, libraries=libraries)
    split = global_split(acts)
    people = len(split.restricted(target).people)
    print(f"algorithms: {len(acts):,} acts, {people:,} people measured on {target}, {repetitions} fits each")
    rows, figures = {}, {}
    for entry in field:
        label = entry.candidate.label
        rows[label], figures[label] = tested(entry, split, target, repetitions)
    tell(field, rows, figures)
    chosen = max(field, key=lambda entry: entry.validation).candidate.label
    against = compared(rows, figures, chosen)
    print(f"  chosen on the validation month: {chosen}; its figures on the test month, as ratios to")
    tell_ratios(against)
    sizes = {"acts": len(acts), "people": people, "target": target, "chosen": chosen, **libraries}
    save(
        "algorithms" if target == "all" else f"algorithms_{target}",
        sizes,
        {"models": figures, "chosen_against": against},
        also=("scikit-learn",),
    )


if __name__ == "__main__":
    main()
