"""What the future holds changes nothing that was learnt from the past, whatever the algorithm."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from recommender.algorithms.compare import Candidate
from recommender.algorithms.interactions import Interactions
from recommender.algorithms.presets import BY_LABEL
from recommender.algorithms.registry import CLASSES
from recommender.algorithms.split import Split, global_split, leave_last, validation_split

pytestmark = pytest.mark.once
SPLITS: dict[str, Callable[[Interactions], Split]] = {
    "global": global_split,
    "validation": validation_split,
    "leave-last": leave_last,
}


def acts() -> Interactions:
    rng = np.random.default_rng(8)
    n = 1200
    return Interactions.of(rng.integers(0, 60, n), rng.integers(0, 40, n), np.round(rng.uniform(0, 200, n)))


def is_future(name: str, given: Interactions) -> np.ndarray:
    """Acts the model must not see, found without the code under test."""
    if name != "leave-last":
        return np.asarray(given.days > given.days.max() - (30 if name == "global" else 60))
    last = {}
    for place, (row, day) in enumerate(zip(given.rows.tolist(), given.days.tolist(), strict=True)):
        if row not in last or day >= given.days[last[row]]:
            last[row] = place
    return np.isin(np.arange(len(given)), list(last.values()))


def with_another_future(name: str, given: Interactions, how: str) -> Interactions:
    rng = np.random.default_rng(9)
    future = np.flatnonzero(is_future(name, given))
    columns = given.columns.copy()
    taken = columns[future]
    columns[future] = rng.permutation(taken) if how == "shuffled" else taken.max() - taken
    assert (columns != given.columns).any()
    return replace(given, columns=columns)


@pytest.mark.parametrize("how", ["shuffled", "replaced"])
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("algorithm", CLASSES)
def test_nothing_learnt_hangs_on_the_future(algorithm: str, split: str, how: str) -> None:
    if algorithm in ("lstm", "attention"):
        pytest.importorskip("torch", reason="torch is an extra (requirements-deep.txt), and is not installed")
    presets = (candidate for candidate in BY_LABEL.values() if candidate.algorithm == algorithm)
    candidate = next(presets, Candidate(algorithm, algorithm, {}))
    given = acts()
    one, two = (SPLITS[split](each) for each in (given, with_another_future(split, given, how)))
    assert [a.tolist() for a in one.future] != [b.tolist() for b in two.future]
    texts = {item: f"thing {item % 7} {item}" for item in range(40)}
    first, second = (candidate.make().fit(each.past, at=each.at, texts=texts) for each in (one, two))
    learnt, other = first.state(), second.state()
    assert learnt.keys() == other.keys()
    for name, array in learnt.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)
    asked = [model.recommend(each.histories, 5, at=each.at) for model, each in ((first, one), (second, two))]
    assert [r.items.tolist() for r in asked[0]] == [r.items.tolist() for r in asked[1]]
