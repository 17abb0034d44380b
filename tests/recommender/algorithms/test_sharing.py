"""Counts for another shop: bounded, noised by OpenDP's account, and added to the other's own."""

import json
from pathlib import Path

import numpy as np
import pytest

from recommender.algorithms import noise, sharing, storage
from recommender.algorithms.base import Recommender
from recommender.algorithms.interactions import Interactions
from recommender.algorithms.item_knn import ItemKNN
from recommender.algorithms.registry import make
from recommender.algorithms.sharing import SharedItemKNN
from tests.recommender.algorithms.contract import Contract

NAMES = ["a", "b", "c", "d"]


def acts(*baskets: tuple[int, ...]) -> Interactions:
    who = [person for person, items in enumerate(baskets) for _item in items]
    what = [item for items in baskets for item in items]
    return Interactions.of(np.array(who), np.array(what, dtype=np.int64), np.zeros(len(who)))


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


class TestSharedItemKNN(Contract):
    def make(self) -> Recommender:
        return SharedItemKNN(neighbours=3)


def test_n2_one_person_counts_for_so_many_products_and_no_more() -> None:
    taken = sharing.bounded(acts((0, 1, 2, 3), (0, 1), (2,)), 2, rng=rng())
    assert taken.sum(axis=1).ravel().tolist() == [[2, 2, 1]]
    counts = sharing.counted(sharing.bounded(acts((0, 1, 2, 3)), 3, rng=rng()), NAMES)
    # Of one person: themselves once, and three products with their three pairs.
    assert (counts.pop(sharing.EVERYONE), len(counts), set(counts.values())) == (1, sharing.pairs_of(3), {1})


def test_all_products_of_a_person_are_drawn_alike() -> None:
    drawn = sharing.bounded(acts(*[(0, 1, 2, 3)] * 4000), 1, rng=rng()).sum(axis=0)
    assert np.asarray(drawn).ravel() == pytest.approx([1000] * 4, abs=150)


def test_pairs_are_counted_by_the_names_both_shops_know() -> None:
    counts = sharing.counted(acts((0, 1), (0, 1), (1, 2)).binary(), ["x", "", "y"])
    assert counts == {"*": 3, '["x", "x"]': 2, '["y", "y"]': 1}


def test_n2_the_cost_is_what_opendp_s_map_says() -> None:
    dp = pytest.importorskip(
        "opendp.prelude", reason="opendp is an extra (requirements-dp.txt), and is not installed"
    )
    found = noise.release_keyed({"a": 5000, "b": 2}, most=16, epsilon=1.0, delta=1e-6)
    space = (
        dp.map_domain(dp.atom_domain(T=str), dp.atom_domain(T="i64")),
        dp.l01inf_distance(dp.absolute_distance(T="i64")),
    )
    measurement = dp.m.make_laplace_threshold(*space, scale=found.scale, threshold=found.threshold)
    assert measurement.map((16, 16, 1)) == (found.epsilon, found.delta)
    assert found.epsilon <= 1.0
    assert found.delta <= 1e-6
    assert found.scale == pytest.approx(16, rel=1e-6)
    lower = dp.m.make_laplace_threshold(*space, scale=found.scale, threshold=found.threshold - 1)
    assert lower.map((16, 16, 1))[1] > 1e-6, "no lower threshold would do"
    assert list(found.counts) == ["a"]
    assert found.counts["a"] == pytest.approx(5000, abs=16 * 20)


def test_n2_what_few_have_is_not_told() -> None:
    pytest.importorskip(
        "opendp.prelude", reason="opendp is an extra (requirements-dp.txt), and is not installed"
    )
    told = sharing.tell(
        acts(*[(0, 1)] * 3000, *[(2, 3)] * 19), NAMES, most_items=2, epsilon=1.0, delta=1e-6, rng=rng()
    )
    assert {(a, b) for a, b, _n in told.pairs} == {("a", "a"), ("a", "b"), ("b", "b")}
    assert told.people == pytest.approx(3000, abs=100)
    assert told.people % 100 == 0


def file(tmp_path: Path, pairs: list[tuple[str, str, int]]) -> list[str]:
    path = tmp_path / "told.npz"
    return [
        str(path),
        storage.write_arrays(path, {}, sharing.as_arrays(pairs, {name: n for n, name in enumerate(NAMES)})),
    ]


def test_told_counts_of_weight_one_are_as_if_the_people_were_here(tmp_path: Path) -> None:
    mine, theirs = [(0, 1), (1, 2), (0, 1, 3)], [(0, 2), (0, 2), (1, 3), (0, 1, 2, 3)]
    counts = sharing.counted(acts(*theirs).binary(), NAMES)
    counts.pop(sharing.EVERYONE)
    told = file(tmp_path, [(*json.loads(key), n) for key, n in counts.items()])
    merged = SharedItemKNN(files=[told]).fit(acts(*mine), at=0.0)
    whole = ItemKNN().fit(acts(*mine, *theirs), at=0.0)
    for column in range(4):
        assert merged._column(column) == pytest.approx(whole._column(column), rel=1e-6)


def test_a_file_that_is_gone_counts_nothing_and_a_torn_one_is_refused(tmp_path: Path) -> None:
    mine = acts((0, 1), (1, 2), (0, 1, 3))
    path, sha256 = file(tmp_path, [("a", "d", 500), ("a", "a", 600), ("nowhere", "a", 7)])
    with_it = SharedItemKNN(files=[[path, sha256]]).fit(mine, at=0.0)
    with pytest.raises(storage.TornModel):
        SharedItemKNN(files=[[path, "0" * 64]]).fit(mine, at=0.0)
    Path(path).unlink()
    without, own = SharedItemKNN(files=[[path, sha256]]).fit(mine, at=0.0), ItemKNN().fit(mine, at=0.0)
    assert without.values_.tolist() == own.values_.tolist()
    assert with_it.values_.tolist() != own.values_.tolist()


def test_it_is_made_by_its_name_and_its_parameters(tmp_path: Path) -> None:
    told = file(tmp_path, [("a", "d", 500)])
    parameters = SharedItemKNN(weight=0.3, files=[told]).parameters
    assert json.loads(json.dumps(parameters)) == parameters
    assert make("item_knn_shared", parameters).parameters == parameters
