"""Several opinions, weighed."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from recommender.algorithms.base import Arrays, Mode, Recommender
from recommender.algorithms.interactions import History, Interactions, Queries, SingleArray

Weight = float | Mapping[Mode, float]


class Hybrid(Recommender):
    """score = Σ weight · (component's score / its greatest of the row): scales differ, so each is brought to 1 first.

    A weight is one number, or one a mode: what finds the new is seldom what knows the usual. A component that weighs
    nothing in the mode asked is not asked either. `weighing.learn_weights` learns them.
    """

    name = "hybrid"

    def __init__(self, components: Sequence[tuple[Weight, Recommender]]) -> None:
        self.components = list(components)

    @property
    def parameters(self) -> dict[str, Any]:
        return {
            "components": [
                {
                    "weight": dict(weight) if isinstance(weight, Mapping) else weight,
                    "algorithm": part.name,
                    "parameters": part.parameters,
                }
                for weight, part in self.components
            ]
        }

    @property
    def most_items(self) -> int | None:
        return min((part.most_items for _weight, part in self.components if part.most_items), default=None)

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        for _weight, part in self.components:
            part.fit(interactions, at=at, texts=texts)

    def refit(
        self, before: Interactions, after: Interactions, *, at: float, texts: Mapping[int, str] | None = None
    ) -> Self:
        """Each component in its own way. The weights are parameters, and stay."""
        self._count(after)
        for _weight, part in self.components:
            part.refit(before, after, at=at, texts=texts)
        return self

    def _asked(self, mode: Mode) -> list[tuple[float, Recommender]]:
        weighed = [
            (weight.get(mode, 0.0) if isinstance(weight, Mapping) else weight, part)
            for weight, part in self.components
        ]
        return [(weight, part) for weight, part in weighed if weight]

    def _parts(self, queries: Queries, mode: Mode) -> list[tuple[Recommender, SingleArray, SingleArray]]:
        """Each component with its (scores, factor a row): factor is weight over the row's greatest score."""
        found = []
        for weight, part in self._asked(mode):
            scores = part._score_for(queries, mode)  # noqa: SLF001 - its own kind
            found.append((part, scores, weight * scale(scores)))
        return found

    def _score(self, queries: Queries) -> SingleArray:
        return self._score_for(queries, "all")

    def _score_for(self, queries: Queries, mode: Mode) -> SingleArray:
        total = np.zeros((queries.n, queries.n_items), dtype=np.float32)
        for _part, scores, factor in self._parts(queries, mode):
            total += scores * factor[:, np.newaxis]
        return total

    def _contributions(self, history: History, column: int, *, at: float, mode: Mode = "all") -> SingleArray:
        out = np.zeros(len(history.items), dtype=np.float32)
        for part, _scores, factor in self._parts(Queries.of([history], self.items_, at=at), mode):
            try:
                out += factor[0] * part._contributions(history, column, at=at, mode=mode)  # noqa: SLF001 - its own kind
            except TypeError:  # a component that cannot be taken apart explains nothing
                continue
        return out

    def state(self) -> Arrays:
        self._require_fitted()
        own: Arrays = {"items": self.items_, "popularity": self.popularity_}
        for index, (_weight, part) in enumerate(self.components):
            own |= {f"{index}.{name}": value for name, value in part.state().items()}
        return own

    def restore(self, arrays: Arrays) -> "Hybrid":
        self.items_, self.popularity_ = arrays["items"], arrays["popularity"]
        for index, (_weight, part) in enumerate(self.components):
            prefix = f"{index}."
            part.restore(
                {
                    name.removeprefix(prefix): value
                    for name, value in arrays.items()
                    if name.startswith(prefix)
                }
            )
        return self


def scale(scores: SingleArray) -> SingleArray:
    """(n,): what brings each row's greatest score to 1; nought where no score is above nought."""
    greatest = scores.max(axis=1, initial=0.0)
    return np.divide(1.0, greatest, out=np.zeros_like(greatest), where=greatest > 0)
