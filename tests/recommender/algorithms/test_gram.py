"""Counting pairs: by hand, against numpy's product, and the same however people are dealt."""

import numpy as np
import pytest
from scipy import sparse

from recommender.algorithms import gram as pairs
from recommender.algorithms.gram import gram

pytestmark = pytest.mark.once


def taken(people: int, items: int, share: float = 0.05) -> sparse.csr_matrix:
    rng = np.random.default_rng(3)
    return sparse.csr_matrix((rng.random((people, items)) < share).astype(np.float32))


@pytest.fixture(params=["one block", "many blocks"])
def blocks(request, monkeypatch):
    if request.param == "many blocks":
        monkeypatch.setattr(pairs, "BLOCK", 7)
        monkeypatch.setattr(pairs, "PAGE", 16)


def test_pairs_are_counted_as_by_hand():
    # Anna took tea and pot, Boris tea and cup, Clara all three.
    x = sparse.csr_matrix(np.array([[1, 1, 0], [1, 0, 1], [1, 1, 1]], dtype=np.float32))
    found = gram(x)
    assert found.tolist() == [[3, 2, 2], [2, 2, 1], [2, 1, 2]]
    assert found.dtype == np.float32
    assert found.flags.c_contiguous


@pytest.mark.parametrize("share", [0.02, 0.9])
def test_it_is_numpys_product_whether_sparse_or_dense(blocks, share):
    x = taken(90, 40, share)
    dense = x.toarray()
    assert np.array_equal(gram(x), dense.T @ dense)
    assert np.array_equal(gram(x, dtype=np.float64), dense.T.astype(np.float64) @ dense)


def test_whole_weights_are_counted_exactly_too(blocks):
    x = taken(60, 30)
    x.data = np.random.default_rng(0).integers(1, 50, x.nnz).astype(np.float32)
    dense = x.toarray().astype(np.int64)
    assert np.array_equal(gram(x), dense.T @ dense)


@pytest.mark.parametrize("shards", [1, 2, 7])
def test_the_numbers_are_the_same_however_people_are_dealt(blocks, shards):
    x = taken(101, 45)
    whole = gram(x)
    added = np.zeros_like(whole)
    packed = []
    items = np.arange(45) * 10
    for place in range(shards):
        shard = x[place::shards]
        pairs.add(added, shard)
        packed.append(pairs.pack(gram(shard), items))
    assert np.array_equal(added, whole)
    total, of = pairs.summed(iter(packed))
    assert np.array_equal(total, whole)
    assert np.array_equal(of, items)


def test_shards_of_other_items_are_refused():
    x = taken(20, 5)
    shards = [pairs.pack(gram(x), np.arange(5)), pairs.pack(gram(x), np.arange(1, 6))]
    with pytest.raises(ValueError, match="same items"):
        pairs.summed(iter(shards))


def test_nobody_and_nothing_are_no_error(blocks):
    assert gram(sparse.csr_matrix((0, 3), dtype=np.float32)).tolist() == [[0.0] * 3] * 3
    assert gram(sparse.csr_matrix((3, 0), dtype=np.float32)).shape == (0, 0)


def test_it_stops_between_blocks_when_told(blocks):
    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    for share in (0.02, 0.9):
        with pytest.raises(Stopped):
            gram(taken(90, 40, share), check=stop)


def test_a_count_beyond_what_single_precision_holds_is_refused_and_nothing_added():
    x = sparse.csr_matrix(np.array([[4097.0]], dtype=np.float32))  # its square is above 2^24
    total = np.ones((1, 1), dtype=np.float32)
    with pytest.raises(ValueError, match="use float64"):
        pairs.add(total, x)
    assert total.tolist() == [[1.0]]
    assert gram(x, dtype=np.float64).tolist() == [[4097.0**2]]
