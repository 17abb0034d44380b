"""The other way round: how much each of many people likes a few items."""

from collections.abc import Iterator, Sequence

import numpy as np

from recommender.algorithms.base import LinearRecommender, Recommender
from recommender.algorithms.interactions import FloatArray, History, IntArray, Queries, SingleArray, places_of

CELLS = 10_000_000
"""How many scores are held at once (40 MB) where a model can only score whole rows."""


def known(model: Recommender, items: IntArray) -> IntArray:
    """The columns of those items that the model has seen."""
    places, is_known = places_of(np.unique(items), model.items_)
    return places[is_known]


class Question:
    """How much people like some columns of a model, made ready once and asked of one page of them after another.

    Linear models: one column of weights for all, so the work is linear in the acts. Others score whole rows, so many
    at a time that memory is bounded: people × items. Raises ValueError for no column.
    """

    def __init__(self, model: Recommender, columns: IntArray, *, at: float) -> None:
        if not len(columns):
            raise ValueError("no item is known to the model")
        self.model, self.columns, self.at = model, columns, at
        if isinstance(model, LinearRecommender):
            self.weights = np.zeros(len(model.items_))
            for column in columns:
                self.weights += model._column(int(column)) / len(columns)  # noqa: SLF001 - its own kind
        else:
            self.strange = model.scores([History.empty()], at=at)[0, columns]

    def likings(self, histories: Sequence[History]) -> FloatArray:
        """(len(histories),) the mean score of the columns, less a stranger's; nought for an empty history."""
        if isinstance(self.model, LinearRecommender):
            queries = Queries.of(histories, self.model.items_, at=self.at)
            faded = queries.of_acts(self.model._fade(queries))  # noqa: SLF001 - its own kind
            return np.asarray(faded @ self.weights).ravel()
        found = np.zeros(len(histories))
        for start, rows in blocks(self.model, histories, at=self.at):
            found[start : start + len(rows)] = (rows[:, self.columns] - self.strange).mean(axis=1)
        return found


def blocks(
    model: Recommender, histories: Sequence[History], *, at: float
) -> Iterator[tuple[int, SingleArray]]:
    """(where it begins, the scores of some histories), whole rows, at most CELLS scores at once."""
    size = max(1, CELLS // max(1, len(model.items_)))
    for start in range(0, len(histories), size):
        yield start, model.scores(histories[start : start + size], at=at)


def shares(
    model: Recommender, histories: Sequence[History], groups: Sequence[IntArray], *, at: float
) -> FloatArray:
    """(len(histories), len(groups)) the part of everything that suits each person that lies in each group of columns.

    Of positive scores only; 0 to 1, so that people and models compare; nought where nothing suits. People × items.
    """
    found = np.zeros((len(histories), len(groups)))
    for start, rows in blocks(model, histories, at=at):
        positive = np.maximum(rows, 0.0)
        total = positive.sum(axis=1, dtype=np.float64)
        inside = np.stack([positive[:, group].sum(axis=1, dtype=np.float64) for group in groups], axis=1)
        found[start : start + len(rows)] = np.divide(
            inside, total[:, np.newaxis], out=np.zeros_like(inside), where=total[:, np.newaxis] > 0
        )
    return found
