"""What every recommender is: parameters in, `fit` learns, `recommend` ranks for the newest histories."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal, Self

import numpy as np

from recommender.algorithms.interactions import (
    BoolArray,
    History,
    IntArray,
    Interactions,
    Queries,
    SingleArray,
    places_of,
)

Mode = Literal["all", "again", "new"]
Arrays = dict[str, np.ndarray[Any, Any]]


class NotFitted(Exception):
    """The algorithm has learnt nothing yet: call `fit` or restore a state."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """items : (k,) int64 ids, best first · scores : (k,) float32, not increasing. Nought is "nothing known"."""

    items: IntArray
    scores: SingleArray


class Recommender(ABC):
    """The constructor stores parameters; learnt names end in `_`; the learnt arrays are the whole state.

    `items_` : (n_items,) int64, sorted · `popularity_` : (n_items,) float32, how many people acted on each.
    """

    name: ClassVar[str]
    items_: IntArray
    popularity_: SingleArray

    @property
    def parameters(self) -> dict[str, Any]:
        """What the constructor was given, as JSON."""
        return {name: value for name, value in vars(self).items() if not name.endswith("_")}

    @property
    def most_items(self) -> int | None:
        """How many items it can learn from; None for any number."""
        return None

    def fit(self, interactions: Interactions, *, at: float, texts: Mapping[int, str] | None = None) -> Self:
        """Learn. `at` is the present, in days since the epoch; `texts` (item id -> text) is read by `content` only."""
        self._count(interactions)
        self._learn(interactions, at=at, texts=texts or {})
        return self

    def refit(
        self, before: Interactions, after: Interactions, *, at: float, texts: Mapping[int, str] | None = None
    ) -> Self:
        """Fitted on `before`, become what `fit(after)` would be: people gone, come, or with more acts.

        An algorithm that can do it sooner than by learning anew says how.
        """
        return self.fit(after, at=at, texts=texts)

    def _count(self, interactions: Interactions) -> None:
        self.items_ = interactions.items
        self.popularity_ = np.bincount(
            interactions.binary().indices, minlength=len(interactions.items)
        ).astype(np.float32)

    @abstractmethod
    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None: ...

    @abstractmethod
    def _score(self, queries: Queries) -> SingleArray:
        """(queries.n, n_items) float32; nought where nothing speaks for the item."""

    def _score_for(self, queries: Queries, mode: Mode) -> SingleArray:
        """As `_score`, by one who ranks otherwise for what is new than for what was had."""
        return self._score(queries)

    def scores(self, histories: Sequence[History], *, at: float, mode: Mode = "all") -> SingleArray:
        """(len(histories), n_items) float32, columns as `items_`. Raises NotFitted.

        `mode` only says what the scores are for; items of every kind have theirs.
        """
        self._require_fitted()
        queries = Queries.of(histories, self.items_, at=at)
        if not len(self.items_):
            return np.zeros((len(histories), 0), dtype=np.float32)
        return self._score_for(queries, mode)

    def recommend(
        self,
        histories: Sequence[History],
        k: int,
        *,
        at: float,
        mode: Mode = "all",
        allowed: BoolArray | None = None,
    ) -> list[Ranking]:
        """The best k items for each history: by score, then popularity, then id. Fewer only if fewer are allowed.

        mode : "again" ranks only what the history holds, "new" only what it does not.
        allowed : (n_items,) bool over `items_`, None for all.
        Raises NotFitted; ValueError for k < 1.
        """
        if k < 1:
            raise ValueError("k must be at least 1")
        scores = self.scores(histories, at=at, mode=mode)

        @cache
        def by_popularity() -> IntArray:  # sorts the whole catalogue, which a full list never needs
            return np.lexsort((self.items_, -self.popularity_))

        rankings = []
        for row, history in zip(scores, histories, strict=True):
            open_items = np.ones(len(self.items_), dtype=np.bool_) if allowed is None else allowed.copy()
            if mode != "all":
                held = np.zeros(len(self.items_), dtype=np.bool_)
                places, known = places_of(history.items, self.items_)
                held[places[known]] = True
                open_items &= held if mode == "again" else ~held
            rankings.append(self._top(row, open_items, by_popularity, k))
        return rankings

    def _top(
        self, row: SingleArray, open_items: BoolArray, by_popularity: Callable[[], IntArray], k: int
    ) -> Ranking:
        # Nonzero first: argpartition on a mostly-zero vector is fifty times slower (numpy 2.4).
        scored = np.flatnonzero((row != 0) & open_items)
        positive = scored[row[scored] > 0]
        if len(positive) > k:
            threshold = np.partition(row[positive], len(positive) - k)[len(positive) - k]
            positive = positive[row[positive] >= threshold]
        best = positive[np.lexsort((self.items_[positive], -self.popularity_[positive], -row[positive]))][:k]
        if len(best) < k:
            order = by_popularity()
            rest = order[open_items[order] & (row[order] <= 0)]
            rest = rest[np.argsort(-row[rest], kind="stable")]
            best = np.concatenate([best, rest[: k - len(best)]])
        return Ranking(self.items_[best], row[best])

    def contributions(self, history: History, item: int, *, at: float, mode: Mode = "all") -> SingleArray:
        """(len(history.items),) float32: how much each past act speaks for the item; they add up to its score.

        Exact for models that are linear in the history. Raises NotFitted, KeyError for an unknown item and
        TypeError where the model is not linear.
        """
        self._require_fitted()
        column = int(np.searchsorted(self.items_, item))
        if column == len(self.items_) or self.items_[column] != item:
            raise KeyError(item)
        return self._contributions(history, column, at=at, mode=mode)

    def _contributions(self, history: History, column: int, *, at: float, mode: Mode = "all") -> SingleArray:
        raise TypeError(f"{self.name} is not linear in the history")

    def _require_fitted(self) -> None:
        if not hasattr(self, "items_"):
            raise NotFitted(f"{self.name} has learnt nothing yet")

    def state(self) -> Arrays:
        """Every learnt array by name, without the trailing underscore. Raises NotFitted."""
        self._require_fitted()
        return {name[:-1]: value for name, value in vars(self).items() if name.endswith("_")}

    def restore(self, arrays: Arrays) -> Self:
        """Take learnt arrays back in; answers as the model that gave them."""
        for name, value in arrays.items():
            setattr(self, f"{name}_", value)
        return self


class LinearRecommender(Recommender):
    """score = (faded history) · W: exact contributions come with it.

    Acts fade by their age in days, in acts, or by a rule of their own (`_fade`). On clicks and ratings, where a whole
    history falls into one sitting, days say nothing and places nearly all.
    """

    half_life: float | None = None
    half_life_acts: float | None = None

    def _fade(self, queries: Queries) -> SingleArray:
        """(n_acts,) float32: what each act counts."""
        return queries.faded(self.half_life, self.half_life_acts)

    @abstractmethod
    def _column(self, column: int) -> SingleArray:
        """(n_items,) float32: what one unit of each past item adds to this item's score."""

    def _contributions(self, history: History, column: int, *, at: float, mode: Mode = "all") -> SingleArray:
        out = np.zeros(len(history.items), dtype=np.float32)
        queries = Queries.of([history], self.items_, at=at)
        _places, known = places_of(history.items, self.items_)
        out[known] = self._column(column)[queries.columns] * self._fade(queries)
        return out
