"""How good probabilities are: AUC, Brier score and log loss, with intervals by bootstrap over people."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from recommender.algorithms.interactions import BoolArray, FloatArray, IntArray
from recommender.algorithms.lifetime import NotEnoughData
from recommender.algorithms.tables import Table

LEAST_OF_EACH = 30
RESAMPLES = 300


@dataclass(frozen=True)
class Figures:
    """How good probabilities were on rows they had not seen; intervals are 95 %, by bootstrap over people."""

    algorithm: str
    auc: float
    auc_low: float
    auc_high: float
    brier: float
    brier_low: float
    brier_high: float
    log_loss: float
    told: float
    happened: float
    rows: int

    def as_dict(self) -> dict[str, Any]:
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }


def need_both(did: BoolArray, purpose: str) -> None:
    """Raise NotEnoughData where too few did, or too few did not."""
    yes, no = int(did.sum()), int(len(did) - did.sum())
    if min(yes, no) < LEAST_OF_EACH:
        raise NotEnoughData(
            f"{purpose.capitalize()}, {LEAST_OF_EACH} who did and {LEAST_OF_EACH} who did not are needed; "
            "there are fewer."
        )


def auc(scores: FloatArray, did: BoolArray, weights: FloatArray | None = None) -> float:
    """The chance that one who did has the higher score than one who did not; ties count a half. nan without both."""
    _levels, place = np.unique(scores, return_inverse=True)
    return _auc(place, did, np.ones(len(did)) if weights is None else weights)


def _auc(place: IntArray, did: BoolArray, weights: FloatArray) -> float:
    yes, no = np.bincount(place, weights * did), np.bincount(place, weights * ~did)
    total = yes.sum() * no.sum()
    return float((yes * (np.cumsum(no) - no / 2)).sum() / total) if total else float("nan")


def measure(name: str, told: FloatArray, table: Table, did: BoolArray, *, seed: int = 0) -> Figures:
    """The figures of probabilities on rows with known answers. Raises NotEnoughData."""
    need_both(did, "to measure on")
    _levels, place = np.unique(told, return_inverse=True)
    off = (told - did) ** 2
    draws = [(_auc(place, did, w), float(w @ off / w.sum())) for w in _resampled(table.people, seed)]
    (auc_low, brier_low), (auc_high, brier_high) = np.nanquantile(draws, (0.025, 0.975), axis=0).tolist()
    p = np.clip(told, 1e-12, 1 - 1e-12)
    return Figures(
        name, _auc(place, did, np.ones(len(did))), auc_low, auc_high, float(off.mean()), brier_low, brier_high,
        float(-np.where(did, np.log(p), np.log(1 - p)).mean()), float(told.mean()), float(did.mean()), len(did),
    )  # fmt: skip


def advantage(
    told: FloatArray, other: FloatArray, table: Table, did: BoolArray, *, seed: int = 0
) -> tuple[float, float, float]:
    """Difference of AUC and its 95 % interval, by bootstrap over the same people."""
    places = [np.unique(scores, return_inverse=True)[1] for scores in (told, other)]

    def difference(weights: FloatArray) -> float:
        return _auc(places[0], did, weights) - _auc(places[1], did, weights)

    draws = [difference(weights) for weights in _resampled(table.people, seed)]
    low, high = np.nanquantile(draws, (0.025, 0.975)).tolist()
    return difference(np.ones(len(did))), low, high


def _resampled(people: IntArray, seed: int) -> Any:
    """Row weights of samples of as many people, drawn with replacement: all rows of a person go together."""
    rng = np.random.default_rng(seed)
    names, rows = np.unique(people, return_inverse=True)
    for _ in range(RESAMPLES):
        yield np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))[rows].astype(float)
