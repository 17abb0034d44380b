"""Several opinions, weighed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recommender.algorithms.base import Arrays, Recommender
from recommender.algorithms.interactions import History, Interactions, Queries, SingleArray


class Hybrid(Recommender):
    """score = Σ weight · (component's score / its greatest of the row): scales differ, so each is brought to 1 first."""

    name = "hybrid"

    def __init__(self, components: Sequence[tuple[float, Recommender]]) -> None:
        self.components = list(components)

    @property
    def parameters(self) -> dict[str, Any]:
        return {
            "components": [
                {"weight": weight, "algorithm": part.name, "parameters": part.parameters}
                for weight, part in self.components
            ]
        }

    @property
    def most_items(self) -> int | None:
        return min((part.most_items for _weight, part in self.components if part.most_items), default=None)

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        for _weight, part in self.components:
            part.fit(interactions, at=at, texts=texts)

    def _parts(self, queries: Queries) -> list[tuple[SingleArray, SingleArray]]:
        """Each component's (scores, factor a row): factor is weight over the row's greatest score."""
        found = []
        for weight, part in self.components:
            scores = part._score(queries)  # noqa: SLF001 - its own kind
            greatest = scores.max(axis=1, initial=0.0)
            factor = np.divide(weight, greatest, out=np.zeros_like(greatest), where=greatest > 0)
            found.append((scores, factor))
        return found

    def _score(self, queries: Queries) -> SingleArray:
        total = np.zeros((queries.n, queries.n_items), dtype=np.float32)
        for scores, factor in self._parts(queries):
            total += scores * factor[:, np.newaxis]
        return total

    def _contributions(
        self, history: History, single: Sequence[History], column: int, *, at: float
    ) -> SingleArray:
        out = np.zeros(len(history.items), dtype=np.float32)
        factors = [factor[0] for _scores, factor in self._parts(Queries.of([history], self.items_, at=at))]
        for (_weight, part), factor in zip(self.components, factors, strict=True):
            try:
                out += factor * part._contributions(history, single, column, at=at)  # noqa: SLF001 - its own kind
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
