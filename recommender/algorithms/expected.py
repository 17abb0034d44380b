"""How many people will buy one of some products soon: what a model says of them, calibrated on months it had not seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy import sparse

from recommender.algorithms import affinity
from recommender.algorithms.base import Recommender
from recommender.algorithms.interactions import (
    BoolArray,
    FloatArray,
    History,
    IntArray,
    Queries,
)
from recommender.algorithms.lifetime import NotEnoughData

WINDOW = 30.0
MOST_ACTS = 200
DRAWS = 20
COLUMNS = ("constant", "lift", "rate", "silence", "acts", "had", "had × rate")


@dataclass(frozen=True, eq=False)
class Asked:
    """n people and g groups of products, as they stood at one moment.

    shares : (n, g) the part of all that suits the person that lies in the group · had : (n, g) their acts in it
    habit : (g,) the group's part of all acts · rate : (g,) the part of people who bought of it in the window before
    silence : (n,) days since the newest act · acts : (n,) how many
    """

    shares: FloatArray
    had: FloatArray
    habit: FloatArray
    rate: FloatArray
    silence: FloatArray
    acts: FloatArray

    @classmethod
    def of(
        cls,
        model: Recommender,
        histories: Sequence[History],
        columns: Sequence[IntArray],
        rate: FloatArray,
        *,
        at: float,
    ) -> Self:
        """Of people who have a history, and groups as columns of the model."""
        done = Queries.of(histories, model.items_, at=at).matrix(None)
        done.data[:] = 1.0
        inside = membership(columns, len(model.items_))
        popularity = model.popularity_.astype(np.float64)
        lengths = np.fromiter((len(history.items) for history in histories), np.float64, len(histories))
        newest = np.fromiter((history.days.max() for history in histories), np.float64, len(histories))
        return cls(
            affinity.shares(model, histories, columns, at=at),
            np.asarray((done @ inside).todense(), dtype=np.float64),
            (popularity @ inside) / max(popularity.sum(), 1.0),
            rate,
            np.maximum(at - newest, 0.0),
            lengths,
        )

    def features(self) -> FloatArray:
        """(n, g, len(COLUMNS)): all that the calibration sees.

        lift is the log of how much more of what suits this person lies in the group than of what all bought, with a
        tenth of the latter added to both, so that nought is a number.
        """
        people, groups = self.shares.shape
        habit = np.maximum(self.habit, 1e-9)
        lift = np.log((self.shares + 0.1 * habit) / (1.1 * habit))
        rate = np.broadcast_to(np.log(self.rate / (1 - self.rate)), (people, groups))
        had = np.log1p(np.minimum(self.had, MOST_ACTS))
        silence = np.broadcast_to(np.log1p(self.silence)[:, np.newaxis], (people, groups))
        acts = np.broadcast_to(np.log1p(np.minimum(self.acts, MOST_ACTS))[:, np.newaxis], (people, groups))
        return np.stack([np.ones((people, groups)), lift, rate, silence, acts, had, had * rate], axis=2)


class Expectation:
    """P(buys at least one of the group's products in the next 30 days) = σ(features · weights).

    `weights_` : (len(COLUMNS),) by maximum likelihood with a trace of a ridge · `draws_` : (DRAWS, len(COLUMNS)) the
    same from people drawn with replacement · `off_` : by how much, as a share, the sum for a group was off on the test
    month beyond what chance explains. All are plain numbers.
    """

    def __init__(self, *, draws: int = DRAWS, seed: int = 0) -> None:
        self.draws = draws
        self.seed = seed
        self.weights_: FloatArray
        self.draws_: FloatArray
        self.off_ = 0.0

    def fit(self, asked: Sequence[FloatArray], did: Sequence[BoolArray], people: Sequence[IntArray]) -> Self:
        """Learn from months: features (n, g, k), who did (n, g) and who they are (n,) of each."""
        groups = [answers.shape[1] for answers in did]
        rows = np.concatenate([x.reshape(-1, x.shape[2]) for x in asked])
        truth = np.concatenate([answers.ravel() for answers in did]).astype(np.float64)
        who = np.concatenate([np.repeat(ids, g) for ids, g in zip(people, groups, strict=True)])
        names, place = np.unique(who, return_inverse=True)
        self.weights_ = _logistic(rows, truth, np.ones(len(truth)), np.zeros(rows.shape[1]))
        rng = np.random.default_rng(self.seed)
        drawn = []
        for _ in range(self.draws):
            often = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))
            drawn.append(_logistic(rows, truth, often[place].astype(np.float64), self.weights_))
        self.draws_ = np.array(drawn)
        return self

    def probabilities(self, features: FloatArray) -> FloatArray:
        """One for each row of features, in their shape."""
        return _sigmoid(features @ self.weights_)

    def drawn(self, features: FloatArray) -> FloatArray:
        """As `probabilities`, by each of the draws: (…, DRAWS)."""
        return _sigmoid(features @ self.draws_.T)

    def as_dict(self) -> dict[str, Any]:
        return {
            "weights": [round(value, 6) for value in self.weights_.tolist()],
            "draws": [[round(value, 6) for value in row] for row in self.draws_.tolist()],
            "off": round(self.off_, 4),
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Self:
        """Raises ValueError for numbers of another set of columns."""
        found = cls()
        found.weights_, found.draws_ = np.array(kept["weights"]), np.array(kept["draws"])
        found.off_ = float(kept["off"])
        if found.weights_.shape != (len(COLUMNS),) or found.draws_.shape[1:] != (len(COLUMNS),):
            raise ValueError("what was kept was learnt from other columns; train again")
        return found


def membership(columns: Sequence[IntArray], n_items: int) -> sparse.csr_matrix:
    """(n_items, len(columns)) one where the item is of the group."""
    lengths = [len(group) for group in columns]
    inside = np.concatenate([*columns, np.empty(0, np.int64)]).astype(np.int64)
    groups = np.repeat(np.arange(len(columns)), lengths)
    return sparse.csr_matrix(
        (np.ones(len(inside)), (inside, groups)), shape=(n_items, len(columns)), dtype=np.float64
    )


def _sigmoid(raw: FloatArray) -> FloatArray:
    return 1 / (1 + np.exp(-np.clip(raw, -30.0, 30.0)))


def _logistic(rows: FloatArray, truth: FloatArray, often: FloatArray, start: FloatArray) -> FloatArray:
    """(k,) the weights, by Newton's method (iteratively reweighted least squares), with a ridge of 0.001 of a row."""
    weights, ridge = start.copy(), 1e-3
    for _ in range(50):
        told = _sigmoid(rows @ weights)
        curved = often * told * (1 - told)
        bend = (rows * curved[:, np.newaxis]).T @ rows + ridge * np.eye(rows.shape[1])
        step = np.linalg.solve(bend, rows.T @ (often * (truth - told)) - ridge * weights)
        weights = weights + step
        if np.abs(step).max() < 1e-6:
            break
    if not np.isfinite(weights).all():
        raise NotEnoughData("who buys cannot be told from who does not yet")
    return weights
