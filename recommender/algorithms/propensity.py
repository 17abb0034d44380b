"""Who will do it: a classifier over a table of what was known beforehand, chosen and measured in time order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from recommender.algorithms.base import Arrays, NotFitted
from recommender.algorithms.interactions import BoolArray, FloatArray, IntArray
from recommender.algorithms.probabilities import auc, need_both
from recommender.algorithms.tables import Leak, Table

MOST_TO_LEARN_FROM = 40_000
RARE = 20
KNOWS_THE_ANSWER = 0.995


def _models(seed: int) -> dict[str, tuple[Any, int]]:
    """Name -> (scikit-learn classifier, percent of the columns that are kept). All weigh both answers alike."""
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression, RidgeClassifier
    from sklearn.svm import LinearSVC
    from sklearn.tree import DecisionTreeClassifier

    even: dict[str, Any] = {"class_weight": "balanced"}
    chance: dict[str, Any] = {"random_state": seed, **even}
    return {
        "linear_regression": (RidgeClassifier(alpha=10.0, **even), 100),
        "logistic_regression": (LogisticRegression(C=0.1, max_iter=1000, **even), 100),
        "logistic_regression_selected": (LogisticRegression(C=0.1, max_iter=1000, **even), 50),
        "linear_svm": (LinearSVC(C=0.01, **chance), 100),
        "decision_tree": (DecisionTreeClassifier(max_depth=5, min_samples_leaf=40, **chance), 100),
        "random_forest": (RandomForestClassifier(100, min_samples_leaf=15, **chance), 100),
        "boosting": (
            HistGradientBoostingClassifier(
                max_iter=80, learning_rate=0.06, max_leaf_nodes=15, min_samples_leaf=30, **chance
            ),
            100,
        ),
    }


CANDIDATES = (
    "linear_regression",
    "logistic_regression",
    "logistic_regression_selected",
    "linear_svm",
    "decision_tree",
    "random_forest",
    "boosting",
)


class Classifier:
    """One candidate as a pipeline: fill in, scale, one-hot, select, classify; then its raw score as a probability.

    Missing numbers become the median, with a column that says so; rare and unseen categories are one level.
    """

    def __init__(self, name: str, *, columns: Sequence[str] | None = None, seed: int = 0) -> None:
        if name not in CANDIDATES:
            raise ValueError(f"no classifier {name!r}; there are {', '.join(CANDIDATES)}")
        self.name = name
        self.columns = columns
        self.seed = seed
        self.platt_: FloatArray

    def fit(self, table: Table, did: BoolArray) -> Self:
        """Learn from rows whose answers are known. Raises NotEnoughData, Leak."""
        need_both(did, "to learn from")
        rows = _sample(len(table), self.seed)
        table, did = table.chosen(rows), did[rows]
        self._numbers = [name for name in table.numbers if self.columns is None or name in self.columns]
        self._words = [name for name in table.words if self.columns is None or name in self.columns]
        refuse_answers({name: table.numbers[name] for name in self._numbers}, did)
        self._levels = {name: np.unique(table.words[name]) for name in self._words}
        self._pipeline = self._made().fit(self._matrix(table), did)
        return self

    def calibrate(self, table: Table, did: BoolArray) -> Self:
        """Platt scaling on rows that `fit` did not see: p = σ(slope · raw + offset). Source: Platt 1999."""
        from sklearn.linear_model import LogisticRegression

        need_both(did, "to calibrate on")
        found = LogisticRegression(C=1e6, max_iter=1000).fit(self.raw(table)[:, np.newaxis], did)
        self.platt_ = np.array([found.coef_[0, 0], found.intercept_[0]])
        return self

    def probabilities(self, table: Table) -> FloatArray:
        """(n,) calibrated."""
        if not hasattr(self, "platt_"):
            raise NotFitted(f"{self.name} has not been calibrated")
        slope, offset = self.platt_
        return 1 / (1 + np.exp(-(slope * self.raw(table) + offset)))

    def raw(self, table: Table) -> FloatArray:
        """(n,) greater is likelier; on the scale of log-odds where the model knows one."""
        if not hasattr(self, "_pipeline"):
            raise NotFitted(f"{self.name} has learnt nothing yet")
        if not len(table):
            return np.zeros(0)
        if hasattr(self._pipeline, "decision_function"):
            return self._pipeline.decision_function(self._matrix(table))
        p = np.clip(self._pipeline.predict_proba(self._matrix(table))[:, 1], 1e-4, 1 - 1e-4)
        return np.log(p / (1 - p))

    def weights(self) -> dict[str, float]:
        """Of a linear model: the weight of each prepared column, in standard units; empty for trees."""
        model = self._pipeline[-1]
        if not hasattr(model, "coef_"):
            return {}
        names = [self._told(str(name)) for name in self._pipeline[:-1].get_feature_names_out(self._named())]
        return dict(zip(names, model.coef_[0].tolist(), strict=True))

    def _told(self, column: str) -> str:
        """`kind_2.0`, a prepared column, as `kind_eager`: places of levels are nothing to read."""
        name, _, place = column.rpartition("_")
        if name not in self._levels or not place.replace(".", "").isdigit():
            return column
        return f"{name}_{self._levels[name][int(float(place))] or 'missing'}"

    def state(self) -> Arrays:
        """Without pickle: the calibration, and a linear model's weights with their names. Trees are not kept."""
        weights = self.weights()
        return {
            "platt": self.platt_,
            "columns": np.array(list(weights), dtype=np.str_),
            "weights": np.array(list(weights.values())),
        }

    def _named(self) -> list[str]:
        return [*self._numbers, *self._words]

    def _matrix(self, table: Table) -> FloatArray:
        """(n, columns): numbers as they are, categories as the place of their level, −1 for one never seen."""
        columns = [np.asarray(table.numbers[name], dtype=np.float64) for name in self._numbers]
        for name in self._words:
            levels, given = self._levels[name], table.words[name]
            places = np.minimum(np.searchsorted(levels, given), len(levels) - 1)
            columns.append(np.where(levels[places] == given, places, -1).astype(np.float64))
        return np.column_stack(columns)

    def _made(self) -> Any:
        from sklearn.compose import ColumnTransformer
        from sklearn.feature_selection import SelectPercentile, VarianceThreshold
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
        one_hot = OneHotEncoder(min_frequency=RARE, handle_unknown="infrequent_if_exist", sparse_output=False)
        n = len(self._numbers)
        prepare = ColumnTransformer(
            [
                ("number", make_pipeline(fill, StandardScaler()), list(range(n))),
                ("word", one_hot, list(range(n, n + len(self._words)))),
            ],
            verbose_feature_names_out=False,
        )
        model, percent = _models(self.seed)[self.name]
        percent = percent if len(self._named()) > 3 else 100  # half of one column is none
        return make_pipeline(prepare, VarianceThreshold(), SelectPercentile(percentile=percent), model)


@dataclass(frozen=True, eq=False)
class Choice:
    """The winner, calibrated, and the table it was chosen by: (name, AUC on the window of choosing), best first."""

    winner: Classifier
    compared: list[tuple[str, float]]


def choose(
    past: tuple[Table, BoolArray],
    check: tuple[Table, BoolArray],
    *,
    names: Sequence[str] = CANDIDATES,
    seed: int = 0,
) -> Choice:
    """Every candidate learns from the past; the one that ranks the later window best wins, and is calibrated on it.

    Raises Leak where the windows overlap in time, NotEnoughData.
    """
    if len(past[0]) and len(check[0]) and past[0].moments.max() >= check[0].moments.min():
        raise Leak("what is learnt from must lie before what it is chosen by")
    need_both(check[1], "to choose by")
    fitted = [Classifier(name, seed=seed).fit(*past) for name in names]
    found = [(auc(model.raw(check[0]), check[1]), model) for model in fitted]
    found.sort(key=lambda pair: -pair[0])
    return Choice(found[0][1].calibrate(*check), [(model.name, score) for score, model in found])


def refuse_answers(numbers: Mapping[str, FloatArray], did: BoolArray) -> None:
    """Raise Leak for a column that by itself parts who did from who did not: it was written down afterwards."""
    for name, column in numbers.items():
        known = np.isfinite(column)
        alone = auc(column[known], did[known])
        if max(alone, 1 - alone) > KNOWS_THE_ANSWER and min(did[known].sum(), (~did[known]).sum()) >= 10:
            raise Leak(f"{name!r} alone tells who did (AUC {alone:.3f}): it was known only afterwards")


def _sample(n: int, seed: int) -> IntArray:
    if n <= MOST_TO_LEARN_FROM:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, MOST_TO_LEARN_FROM, replace=False))
