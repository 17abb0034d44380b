"""How likely each person is to act in each category soon."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from recommender.algorithms.base import Arrays, NotFitted
from recommender.algorithms.features import Categories, rhythm, shares
from recommender.algorithms.interactions import FloatArray, IntArray, Interactions

MINIMUM_EXAMPLES = 20


class Interests:
    """One logistic regression a category, over the person's category shares, rhythm and words of what they took.

    Learnt on what people did in the window before last, calibrated (Platt 1999) on the last window, which the
    regression did not see. A category with under 20 people acting (or not acting) in a window is left out.
    `categories_` : (n,) int64 · `weights_` : (n, n_features) · `bias_`, `slope_`, `offset_` : (n,).
    """

    def __init__(
        self, *, half_life: float = 60.0, window: float = 30.0, text_factors: int = 16, seed: int = 0
    ) -> None:
        self.half_life = half_life
        self.window = window
        self.text_factors = text_factors
        self.seed = seed
        self.categories_: IntArray
        self.weights_: FloatArray
        self.bias_: FloatArray
        self.slope_: FloatArray
        self.offset_: FloatArray
        self.mean_: FloatArray
        self.scale_: FloatArray
        self.items_: IntArray
        self.item_categories_: IntArray
        self.all_categories_: IntArray
        self.item_words_: FloatArray

    @property
    def parameters(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.endswith("_")}

    def fit(
        self,
        interactions: Interactions,
        category_of: Mapping[int, int],
        *,
        at: float,
        texts: Mapping[int, str],
    ) -> Self:
        """Learn from acts before `at`. Raises ValueError when no category has enough examples."""
        from sklearn.linear_model import LogisticRegression

        known = Categories.of(interactions.items, category_of)
        self.items_, self.item_categories_, self.all_categories_ = (
            interactions.items,
            known.of_item,
            known.names,
        )
        if not len(known.names):
            raise ValueError("No product that was bought has a category.")
        self.item_words_ = self._words(texts)
        learn_at, check_at = at - 2 * self.window, at - self.window
        past, truth = self._slice(interactions, learn_at)
        check, later = self._slice(interactions, check_at)
        x, x_check = self._features(past, at=learn_at), self._features(check, at=check_at)
        self.mean_, self.scale_ = x.mean(axis=0), x.std(axis=0) + 1e-9
        x, x_check = (x - self.mean_) / self.scale_, (x_check - self.mean_) / self.scale_
        kept, weights, bias, slopes, offsets = [], [], [], [], []
        for column, category in enumerate(known.names):
            y, y_check = truth[:, column], later[:, column]
            counts = (y.sum(), len(y) - y.sum(), y_check.sum(), len(y_check) - y_check.sum())
            if min(counts) < MINIMUM_EXAMPLES:
                continue
            model = LogisticRegression(C=0.1, max_iter=500).fit(x, y)
            raw = x_check @ model.coef_[0] + model.intercept_[0]
            platt = LogisticRegression(C=1e6).fit(raw[:, np.newaxis], y_check)
            kept.append(category)
            weights.append(model.coef_[0])
            bias.append(model.intercept_[0])
            slopes.append(platt.coef_[0, 0])
            offsets.append(platt.intercept_[0])
        if not kept:
            raise ValueError(f"No category has {MINIMUM_EXAMPLES} people who acted, and as many who did not.")
        self.categories_ = np.array(kept, dtype=np.int64)
        self.weights_, self.bias_ = np.array(weights), np.array(bias)
        self.slope_, self.offset_ = np.array(slopes), np.array(offsets)
        return self

    def probabilities(self, interactions: Interactions, *, at: float) -> FloatArray:
        """(len(interactions.users), len(categories_)): the calibrated probability of acting in the next window."""
        if not hasattr(self, "categories_"):
            raise NotFitted("interests have learnt nothing yet")
        x = (self._features(interactions, at=at) - self.mean_) / self.scale_
        raw = x @ self.weights_.T + self.bias_
        return 1 / (1 + np.exp(-(raw * self.slope_ + self.offset_)))

    def truth(self, interactions: Interactions, users: Sequence[int] | IntArray, *, at: float) -> FloatArray:
        """(len(users), len(categories_)): 1 where the person acted in the category in the window after `at`."""
        everything = self._acted(interactions, np.asarray(users), at=at)
        return everything[:, np.searchsorted(self.all_categories_, self.categories_)]

    def _slice(self, interactions: Interactions, at: float) -> tuple[Interactions, FloatArray]:
        past = interactions.chosen(interactions.days <= at)
        if not len(past):
            raise ValueError("There is no past before the two windows.")
        return past, self._acted(interactions, past.users, at=at)

    def _acted(self, interactions: Interactions, users: IntArray, *, at: float) -> FloatArray:
        soon = (interactions.days > at) & (interactions.days <= at + self.window)
        columns = self._category_columns(interactions)[interactions.columns[soon]]
        people = interactions.users[interactions.rows[soon]]
        places = np.minimum(np.searchsorted(users, people), max(len(users) - 1, 0))
        ours = (users[places] == people) & (columns >= 0) if len(users) else np.zeros(len(people), dtype=bool)
        table = np.zeros((len(users), len(self.all_categories_)))
        table[places[ours], columns[ours]] = 1.0
        return table

    def _category_columns(self, interactions: Interactions) -> IntArray:
        return self._of_items(interactions.items, self.item_categories_, -1)

    def _of_items(self, items: IntArray, values: IntArray, default: int) -> IntArray:
        places = np.minimum(np.searchsorted(self.items_, items), len(self.items_) - 1)
        return np.where(self.items_[places] == items, values[places], default)

    def _words(self, texts: Mapping[int, str]) -> FloatArray:
        """(n_items, text_factors): the items' texts in a few dimensions."""
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        described = [texts.get(int(item), "") for item in self.items_]
        width = min(self.text_factors, max(len(described) - 1, 1))
        if not any(text.strip() for text in described) or len(described) < 3:
            return np.zeros((len(described), 1))
        vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), max_features=20_000).fit_transform(
            described
        )
        width = min(width, vectors.shape[1] - 1)
        out: FloatArray = TruncatedSVD(width, random_state=self.seed).fit_transform(vectors)
        return out

    def _features(self, past: Interactions, *, at: float) -> FloatArray:
        categories = Categories(self.all_categories_, self._category_columns(past))
        taste = shares(past, categories, at=at, half_life=self.half_life)
        places = np.minimum(np.searchsorted(self.items_, past.items), len(self.items_) - 1)
        words = self.item_words_[places] * (self.items_[places] == past.items)[:, np.newaxis]
        amounts = past.matrix(at=at, half_life=self.half_life)
        total = np.asarray(amounts.sum(axis=1)).ravel()
        total[total == 0] = 1.0
        said = np.asarray(amounts @ words) / total[:, np.newaxis]
        return np.hstack([taste, rhythm(past, at=at), said])

    def state(self) -> Arrays:
        return {name[:-1]: value for name, value in vars(self).items() if name.endswith("_")}

    def restore(self, arrays: Arrays) -> Self:
        for name, value in arrays.items():
            setattr(self, f"{name}_", value)
        return self
