"""The table of every candidate on one split."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recommender.algorithms import metrics
from recommender.algorithms.base import Mode, Recommender
from recommender.algorithms.interactions import FloatArray
from recommender.algorithms.registry import make
from recommender.algorithms.split import Split, Target

DEPTH = 20
TARGETS: tuple[Target, ...] = ("all", "again", "new")
PAGE = 500
MOST_PEOPLE = 5000


@dataclass(frozen=True)
class Candidate:
    """A name for the table, and what to make."""

    label: str
    algorithm: str
    parameters: Mapping[str, Any]

    def make(self) -> Recommender:
        return make(self.algorithm, self.parameters)


@dataclass(frozen=True, eq=False)
class Row:
    """One candidate's figures; `per_person` holds each person's NDCG@10, for paired comparison.

    `people` were measured, drawn from the `people_in_all` who could be.
    """

    candidate: Candidate
    people: int
    people_in_all: int
    ndcg10: float
    ndcg10_low: float
    ndcg10_high: float
    recall20: float
    hitrate10: float
    mrr: float
    coverage10: float
    gini: float
    novelty: float
    fit_seconds: float
    per_person: FloatArray

    def as_dict(self) -> dict[str, Any]:
        plain = {name: value for name, value in vars(self).items() if name not in ("candidate", "per_person")}
        figures = {
            name: round(value, 4) if isinstance(value, float) else value for name, value in plain.items()
        }
        return {"algorithm": self.candidate.label, "parameters": dict(self.candidate.parameters), **figures}


def sampled(split: Split, most: int, *, seed: int = 0) -> Split:
    """At most so many of the split's people, drawn by chance, the same for the same people and seed, in their order.

    A mean over 5,000 people is known to about 1/70 of the spread between them; the past stays whole.
    """
    if len(split.people) <= most:
        return split
    chosen = np.sort(np.random.default_rng(seed).choice(len(split.people), most, replace=False))
    return Split(
        split.past,
        split.at,
        split.people[chosen],
        [split.histories[place] for place in chosen],
        [split.future[place] for place in chosen],
    )


def measure(
    candidate: Candidate,
    split: Split,
    *,
    target: Target = "all",
    texts: Mapping[int, str] | None = None,
    fitted: Recommender | None = None,
    fit_seconds: float | None = None,
    seed: int = 0,
    most_people: int = MOST_PEOPLE,
    check: Callable[[], None] | None = None,
) -> Row:
    """Fit on the split's past (unless already fitted on it, in `fit_seconds`) and rank for its people, or a sample. Full ranking.

    `check` is called between pages of people, and stops the measuring by raising.
    """
    began = time.perf_counter()
    model = fitted or candidate.make().fit(split.past, at=split.at, texts=texts)
    seconds = time.perf_counter() - began if fit_seconds is None else fit_seconds
    split = split.restricted(target)
    in_all = len(split.people)
    split = sampled(split, most_people, seed=seed)
    mode: Mode = target
    hits = np.zeros((len(split.people), DEPTH), dtype=np.bool_)
    shown = []
    for start in range(0, len(split.people), PAGE):
        if check is not None:
            check()
        page = model.recommend(split.histories[start : start + PAGE], DEPTH, at=split.at, mode=mode)
        for offset, ranking in enumerate(page):
            hits[start + offset, : len(ranking.items)] = np.isin(ranking.items, split.future[start + offset])
            shown.append(ranking.items[:10])
    relevant = np.fromiter((len(items) for items in split.future), dtype=np.int64, count=len(split.future))
    first = np.concatenate(shown) if shown else np.empty(0, np.int64)
    per_person = metrics.ndcg(hits, relevant)
    low, high = metrics.bootstrap(per_person, rng=np.random.default_rng(seed))

    def mean(values: FloatArray) -> float:
        return float(values.mean()) if len(values) else 0.0

    known = np.searchsorted(model.items_, first)
    return Row(
        candidate=candidate,
        people=len(split.people),
        people_in_all=in_all,
        ndcg10=mean(per_person),
        ndcg10_low=low,
        ndcg10_high=high,
        recall20=mean(metrics.recall(hits, relevant)),
        hitrate10=mean(metrics.hit_rate(hits)),
        mrr=mean(metrics.reciprocal_rank(hits)),
        coverage10=metrics.coverage(first, len(model.items_)),
        gini=metrics.gini(first, len(model.items_)),
        novelty=metrics.novelty(model.popularity_[known].astype(np.float64), len(split.past.users)),
        fit_seconds=seconds,
        per_person=per_person,
    )


def measure_apart(
    candidate: Candidate,
    split: Split,
    *,
    texts: Mapping[int, str] | None = None,
    check: Callable[[], None] | None = None,
) -> dict[Target, Row]:
    """Fitted once, measured on everything, on what people had before, and on what was new to them."""
    began = time.perf_counter()
    model = candidate.make().fit(split.past, at=split.at, texts=texts)
    seconds = time.perf_counter() - began
    return {
        target: measure(candidate, split, target=target, fitted=model, fit_seconds=seconds, check=check)
        for target in TARGETS
    }


def compare(
    candidates: Sequence[Candidate],
    split: Split,
    *,
    target: Target = "all",
    texts: Mapping[int, str] | None = None,
    progress: Callable[[Candidate], None] | None = None,
    check: Callable[[], None] | None = None,
) -> list[Row]:
    """Every candidate's row, in the order given."""
    rows = []
    for candidate in candidates:
        if progress is not None:
            progress(candidate)
        rows.append(measure(candidate, split, target=target, texts=texts, check=check))
    return rows


def difference(better: Row, worse: Row, *, seed: int = 0) -> tuple[float, float, float]:
    """Mean difference of NDCG@10 and its 95 % interval, by paired bootstrap over the same people."""
    values = better.per_person - worse.per_person
    low, high = metrics.bootstrap(values, rng=np.random.default_rng(seed))
    return (float(values.mean()) if len(values) else 0.0), low, high
