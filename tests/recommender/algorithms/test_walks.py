"""On walks whose next step is known to follow from the last, models of order win by a wide margin."""

import numpy as np
import pytest

from benchmarks.sequences import walks
from recommender.algorithms.compare import Row, compare, difference
from recommender.algorithms.interactions import Interactions, newest_first
from recommender.algorithms.presets import BY_LABEL
from recommender.algorithms.split import leave_last

pytestmark = pytest.mark.once
TIMELESS = ("popularity", "item_knn", "ease")
OF_ORDER = ("sequential_rules", "slit_pruned", "sequence")


def table(acts: Interactions, *labels: str) -> dict[str, Row]:
    rows = compare([BY_LABEL[label] for label in labels], leave_last(acts), target="new")
    return {row.candidate.label: row for row in rows}


def test_models_of_order_find_what_follows() -> None:
    rows = table(walks(400, 300, mean=60, seed=3), *TIMELESS, *OF_ORDER, "ease_sequence")
    best = max((rows[label] for label in TIMELESS), key=lambda row: row.ndcg10)
    for label in OF_ORDER:
        assert rows[label].ndcg10 > 2.5 * best.ndcg10, label
        assert rows[label].ndcg10 > 0.25, label
    assert difference(rows["ease_sequence"], best)[1] > 0


def test_without_an_order_there_is_nothing_for_them_to_find() -> None:
    acts = walks(400, 300, mean=60, seed=3)
    rng = np.random.default_rng(5)
    order = newest_first(acts.rows, rng.permutation(len(acts)).astype(np.float64))
    shuffled = Interactions.of(acts.rows[order], acts.columns[order], np.zeros(len(acts)))
    rows = table(shuffled, "ease", "sequential_rules", "slit_pruned")
    assert max(row.ndcg10 for row in rows.values()) < 1.5 * rows["ease"].ndcg10
