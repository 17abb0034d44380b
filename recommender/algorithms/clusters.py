"""Groups of people who behave alike."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from recommender.algorithms.base import Arrays
from recommender.algorithms.features import RHYTHM, Categories, rhythm, shares
from recommender.algorithms.interactions import FloatArray, IntArray, Interactions
from recommender.algorithms.metrics import interval

SAMPLE = 2000


class Clusters:
    """k-means over standardised rhythm and category shares; k by the silhouette (Rousseeuw 1987) on a sample.

    `centers_` : (k, n_features) in standard units · `mean_`, `scale_` : (n_features,).
    `silhouette_` : (4,) its mean over the sample, 95 % interval, and what k-means finds where there is nothing to find:
    in the same sample with every column shuffled by itself (the idea of a reference: Tibshirani et al. 2001).
    """

    def __init__(self, *, most: int = 8, half_life: float = 90.0, seed: int = 0) -> None:
        self.most = most
        self.half_life = half_life
        self.seed = seed
        self.centers_: FloatArray
        self.mean_: FloatArray
        self.scale_: FloatArray
        self.categories_: IntArray
        self.silhouette_: FloatArray

    @property
    def parameters(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.endswith("_")}

    def fit(self, interactions: Interactions, category_of: Mapping[int, int], *, at: float) -> Self:
        """Raises ValueError for fewer than 30 people."""
        from sklearn.cluster import KMeans
        from sklearn.metrics import silhouette_samples, silhouette_score

        if len(interactions.users) < 30:
            raise ValueError("Clusters need at least 30 people.")
        self.categories_ = Categories.of(interactions.items, category_of).names
        features = self._features(interactions, category_of, at=at)
        self.mean_, self.scale_ = features.mean(axis=0), features.std(axis=0) + 1e-9
        x = (features - self.mean_) / self.scale_
        sample = x[np.random.default_rng(self.seed).permutation(len(x))[:SAMPLE]]
        best = -1.0
        for k in range(2, min(self.most, len(x) // 10) + 1):
            model = KMeans(k, n_init=4, random_state=self.seed).fit(sample)
            quality = float(silhouette_score(sample, model.labels_)) if len(set(model.labels_)) > 1 else -1.0
            if quality > best:
                best, self.centers_ = quality, model.cluster_centers_
        of_each = np.full(len(sample), best)
        if best > -1.0:
            nearest = (
                ((sample[:, np.newaxis, :] - self.centers_[np.newaxis, :, :]) ** 2).sum(axis=2).argmin(axis=1)
            )
            of_each = silhouette_samples(sample, nearest)
        shuffled = np.random.default_rng(self.seed).permuted(sample, axis=0)
        chance = KMeans(len(self.centers_), n_init=4, random_state=self.seed).fit(shuffled)
        by_chance = (
            float(silhouette_score(shuffled, chance.labels_)) if len(set(chance.labels_)) > 1 else -1.0
        )
        self.silhouette_ = np.array([best, *interval(of_each), by_chance])
        return self

    def assign(self, interactions: Interactions, category_of: Mapping[int, int], *, at: float) -> IntArray:
        """(len(interactions.users),): each person's cluster, from 0."""
        x = (self._features(interactions, category_of, at=at) - self.mean_) / self.scale_
        distances = ((x[:, np.newaxis, :] - self.centers_[np.newaxis, :, :]) ** 2).sum(axis=2)
        return distances.argmin(axis=1)

    def marks(self, cluster: int, names: Mapping[int, str], *, top: int = 3) -> list[str]:
        """What sets a cluster apart: its strongest features with their sign, in standard units."""
        labels = [*(names.get(int(category), str(category)) for category in self.categories_), *RHYTHM]
        center = self.centers_[cluster]
        strongest = np.argsort(-np.abs(center))[:top]
        return [f"{'+' if center[place] > 0 else '−'} {labels[place]}" for place in strongest]

    def _features(
        self, interactions: Interactions, category_of: Mapping[int, int], *, at: float
    ) -> FloatArray:
        places = {int(name): place for place, name in enumerate(self.categories_)}
        of_item = np.fromiter(
            (places.get(category_of.get(int(i), -1), -1) for i in interactions.items),
            np.int64,
            len(interactions.items),
        )
        taste = shares(interactions, Categories(self.categories_, of_item), at=at, half_life=self.half_life)
        return np.hstack([taste, rhythm(interactions, at=at)])

    def state(self) -> Arrays:
        return {name[:-1]: value for name, value in vars(self).items() if name.endswith("_")}

    def restore(self, arrays: Arrays) -> Self:
        for name, value in arrays.items():
            setattr(self, f"{name}_", value)
        return self
