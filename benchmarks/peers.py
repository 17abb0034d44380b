"""Models of other libraries behind our door, so that one protocol measures all. Those not installed take no part."""

import importlib
import importlib.util
import logging
import warnings
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
import structlog
from scipy import sparse

from recommender.algorithms.base import Mode, Ranking, Recommender
from recommender.algorithms.interactions import BoolArray, History, Interactions, Queries, SingleArray


class Peer(NamedTuple):
    """What is fixed, and what the validation month may choose from. One thread, as ours have."""

    library: str
    fixed: dict[str, Any]
    choices: Sequence[dict[str, Any]]


NEIGHBOURS = [{"K": 20}, {"K": 50}, {"K": 200}]
PEERS: Mapping[str, Peer] = {
    "implicit ALS 64": Peer(
        "implicit",
        {"kind": "als.AlternatingLeastSquares", "factors": 64, "random_state": 0, "num_threads": 1},
        [{"alpha": alpha, "regularization": reg} for alpha in (1.0, 5.0, 20.0) for reg in (0.01, 1.0)],
    ),
    "implicit ALS 128": Peer(
        "implicit",
        {"kind": "als.AlternatingLeastSquares", "factors": 128, "random_state": 0, "num_threads": 1},
        [{"alpha": alpha, "regularization": reg} for alpha in (1.0, 5.0) for reg in (0.01, 1.0, 10.0)],
    ),
    "implicit item-cosine": Peer(
        "implicit", {"kind": "nearest_neighbours.CosineRecommender", "num_threads": 1}, NEIGHBOURS
    ),
    "implicit BM25": Peer(
        "implicit", {"kind": "nearest_neighbours.BM25Recommender", "num_threads": 1}, NEIGHBOURS
    ),
    "scikit-learn SVD": Peer("sklearn", {}, [{"factors": factors} for factors in (32, 64, 128)]),
    "LensKit ItemKNN": Peer(
        "lenskit",
        {"kind": "knn.ItemKNNScorer", "feedback": "implicit"},
        [{"max_nbrs": 20}, {"max_nbrs": 200}],
    ),
    "LensKit ImplicitMF": Peer(
        "lenskit",
        {"kind": "als.ImplicitMFScorer", "embedding_size": 64},
        [{"weight": 1.0}, {"weight": 5.0}],
    ),
    "LensKit EASE": Peer(
        "lenskit", {"kind": "knn.ease.EASEScorer"}, [{"regularization": 200.0}, {"regularization": 500.0}]
    ),
}


def installed() -> dict[str, str]:
    """The version of each library that can take part, by the name it is imported by."""
    names = {"implicit": "implicit", "sklearn": "scikit-learn", "lenskit": "lenskit"}
    return {library: version(name) for library, name in names.items() if importlib.util.find_spec(library)}


class Implicit(Recommender):
    """A model of `implicit`: weights are how often; people are known by their row."""

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

    def learnt(self) -> list[Any]:
        return [getattr(self.model, name, None) for name in ("user_factors", "item_factors", "similarity")]


class ScikitLearn(Recommender):
    """scikit-learn's TruncatedSVD of how often; a history is projected on the components and back."""

    name = "sklearn"

    def __init__(self, factors: int) -> None:
        self.factors = factors

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        from sklearn.decomposition import TruncatedSVD  # noqa: PLC0415 - only where it takes part

        self.model = TruncatedSVD(self.factors, random_state=0).fit(interactions.matrix())

    def _score(self, queries: Queries) -> SingleArray:
        scores: SingleArray = self.model.inverse_transform(self.model.transform(queries.matrix(None))).astype(
            np.float32
        )
        return scores

    def learnt(self) -> list[Any]:
        return [self.model.components_]


class LensKit(Recommender):
    """A scorer of LensKit, asked for one person after another, as its own batches do. It knows who has what once."""

    name = "lenskit"

    def __init__(self, kind: str, **settings: Any) -> None:
        # It logs each person it scores.
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
        module, _dot, name = kind.rpartition(".")
        self.scorer = getattr(importlib.import_module(f"lenskit.{module}"), name)(**settings)

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        data, pandas = importlib.import_module("lenskit.data"), importlib.import_module("pandas")
        options = importlib.import_module("lenskit.training").TrainingOptions(rng=0)
        had = interactions.binary().tocoo()
        frame = pandas.DataFrame({"user_id": interactions.users[had.row], "item_id": self.items_[had.col]})
        self.data = data
        self.scorer.train(data.from_interactions_df(frame), options)

    def _score(self, queries: Queries) -> SingleArray:
        every = self.data.ItemList(item_ids=self.items_)
        found = np.zeros((queries.n, len(self.items_)), dtype=np.float32)
        for row in range(queries.n):
            columns = np.unique(queries.columns[queries.rows == row])
            mine = self.data.ItemList(item_ids=self.items_[columns])
            asked = self.data.RecQuery(user_id=queries.people[row], user_items=mine)
            found[row] = np.nan_to_num(self.scorer(asked, every).scores())
        return found

    def learnt(self) -> list[Any]:
        return [value for value in vars(self.scorer).values() if hasattr(value, "nbytes")]


CLASSES: Mapping[str, type[Recommender]] = {"implicit": Implicit, "sklearn": ScikitLearn, "lenskit": LensKit}


def size(model: Recommender) -> int:
    """Bytes of everything it learnt."""
    arrays = model.learnt() if hasattr(model, "learnt") else model.state().values()
    return sum(_bytes(array) for array in arrays if array is not None)


def _bytes(array: Any) -> int:
    if sparse.issparse(array):
        return int(array.data.nbytes + array.indices.nbytes + array.indptr.nbytes)
    return int(array.nbytes)
