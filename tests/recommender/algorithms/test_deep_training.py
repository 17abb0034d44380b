"""What the networks learn, and that numpy answers as torch does. Only the reading of walks is tested without torch."""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import pytest

from recommender.algorithms import deep_training
from recommender.algorithms.deep import LSTM, NextItem, SelfAttention
from recommender.algorithms.deep_training import Attention, Memory, Windows, held_out
from recommender.algorithms.interactions import Interactions
from recommender.algorithms.sequence import Walks
from tests.recommender.algorithms.contract import AT, Contract, past

pytestmark = pytest.mark.once


@pytest.fixture
def torch():
    return pytest.importorskip(
        "torch", reason="torch is an extra (requirements-deep.txt), and is not installed"
    )


@pytest.fixture
def one_thread(torch) -> Iterator[None]:
    """As `learn` has it: for arrays so small, threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def in_time(*walks: tuple[int, ...]) -> Interactions:
    """One person a walk, an act a day; person and item ids are places."""
    people = np.repeat(np.arange(len(walks)), [len(walk) for walk in walks])
    days = np.concatenate([np.arange(len(walk)) for walk in walks]).astype(np.float64)
    return Interactions.of(people, np.concatenate(walks), days)


def round_and_round(people: int, items: int, steps: int) -> Interactions:
    """Everyone goes from item i to item i + 1, and from the last to the first."""
    return in_time(*(tuple((start + step) % items for step in range(steps)) for start in range(people)))


@pytest.mark.usefixtures("torch")
class TestLSTM(Contract):
    linear: ClassVar[bool] = False

    def make(self) -> NextItem:
        return LSTM(factors=4, length=3, epochs=2, batch=2)


@pytest.mark.usefixtures("torch")
class TestSelfAttention(Contract):
    linear: ClassVar[bool] = False

    def make(self) -> NextItem:
        return SelfAttention(factors=4, length=3, epochs=2, batch=2)


@pytest.mark.usefixtures("torch")
class TestSelfAttentionDrawn(Contract):
    linear: ClassVar[bool] = False

    def make(self) -> NextItem:
        return SelfAttention(factors=4, length=3, epochs=2, batch=2, future_half_life=2.0, negatives=3)


@pytest.mark.parametrize("kind", [LSTM, SelfAttention])
@pytest.mark.parametrize("negatives", [20, 8])
def test_it_learns_what_always_follows(torch, kind: type[NextItem], negatives: int) -> None:
    model = kind(factors=16, length=8, epochs=20, batch=8, learning_rate=0.02, negatives=negatives)
    model.fit(round_and_round(60, 20, 10), at=AT)
    # The chance that what follows is said first, over walks it was not given: 20 of 20 items.
    histories = [past(*((start + step) % 20 for step in range(5))) for start in range(20)]
    first = [ranking.items[0] for ranking in model.recommend(histories, 1, at=AT)]
    hits = np.mean([item == (start + 5) % 20 for start, item in enumerate(first)])
    assert hits >= 0.95


@pytest.mark.parametrize("kind", [LSTM, SelfAttention])
def test_it_learns_from_more_than_the_newest_act(torch, kind: type[NextItem]) -> None:
    # After 0 comes what was before it: only who remembers can tell.
    rng = np.random.default_rng(3)
    walks = []
    for _person in range(150):
        pairs = rng.integers(1, 5, 5)
        walks.append(tuple(item for kept in pairs for item in (kept, 0, kept)))
    model = kind(factors=16, length=12, epochs=20, patience=20, batch=16, learning_rate=0.01, dropout=0.0)
    model.fit(in_time(*walks), at=AT)
    found = model.scores([past(2, 2, 0, 2, kept, 0) for kept in (1, 3, 4)], at=AT)
    assert found.argmax(axis=1).tolist() == [1, 3, 4]
    assert found.max(axis=1).min() > 0.8


@pytest.mark.parametrize("kind", [LSTM, SelfAttention])
def test_numpy_answers_as_torch_does(torch, kind: type[NextItem]) -> None:
    rng = np.random.default_rng(4)
    acts = in_time(*(tuple(rng.integers(0, 30, size)) for size in rng.integers(2, 20, 60)))
    model = kind(factors=8, length=6, epochs=2, batch=16, learning_rate=0.01).fit(acts, at=AT)
    network = model._network()
    if isinstance(network, Memory):
        order = np.arange(32).reshape(4, 8)[[1, 0, 2, 3]].ravel()  # its own inverse: f and i change places
        given = [
            model.weights_[order],
            model.recurrent_[order],
            model.gates_[order],
            np.zeros(32, np.float32),
        ]
        with torch.no_grad():
            for weight, array in zip(network.weights(), given, strict=True):
                weight.copy_(torch.from_numpy(array))
    else:
        assert isinstance(network, Attention)
        network.kept = {name: torch.from_numpy(getattr(model, f"{name}_")) for name in network.kept}
    columns, sizes = rng.integers(0, 30, (5, 6)), np.array([6, 1, 3, 5, 2])
    taken = model.vectors_[columns] * np.float32(8**0.5)
    with torch.no_grad():
        theirs = network.read(torch.from_numpy(taken), sizes, learning=False).numpy()
    ours = model._read(taken, sizes)
    for row, size in enumerate(sizes):
        np.testing.assert_allclose(ours[row, :size], theirs[row, :size], atol=1e-5)
        asked = torch.from_numpy(theirs[row, size - 1]) @ torch.from_numpy(model.vectors_.T)
        chances = torch.softmax(asked + torch.from_numpy(model.bias_), 0).numpy()
        np.testing.assert_allclose(
            model.scores([past(*columns[row, :size])], at=AT)[0], chances, rtol=1e-4, atol=1e-6
        )


def test_the_seed_alone_decides_and_nobody_else_s_chance_is_touched(torch) -> None:
    acts = round_and_round(30, 6, 9)

    def learnt(seed: int) -> np.ndarray:
        return LSTM(factors=4, length=5, epochs=2, seed=seed).fit(acts, at=AT).vectors_

    torch.manual_seed(7)
    wanted = torch.rand(3).tolist()
    torch.manual_seed(7)
    threads = torch.get_num_threads()
    one = learnt(0)
    assert torch.rand(3).tolist() == wanted
    assert torch.get_num_threads() == threads
    assert (learnt(0) == one).all()
    assert (learnt(1) != one).any()


def test_it_stops_when_the_newest_acts_are_told_no_better(torch) -> None:
    # Walks by chance: after a while whatever is learnt is learnt by heart.
    rng = np.random.default_rng(6)
    acts = in_time(*(tuple(rng.integers(0, 25, 12)) for _person in range(100)))
    given = {"factors": 16, "length": 12, "batch": 16, "learning_rate": 0.02, "dropout": 0.0}
    stopped = LSTM(**given, epochs=60, patience=1).fit(acts, at=AT)
    kept = int(stopped.epoch_)
    assert kept < 30
    # The epoch that is kept is what learning so long, and no longer, gives.
    short = LSTM(**given, epochs=kept, patience=60).fit(acts, at=AT)
    assert int(short.epoch_) == kept
    np.testing.assert_array_equal(short.vectors_, stopped.vectors_)


def test_drawn_items_estimate_the_loss_against_all(torch, one_thread) -> None:
    # The gradient's own question: with half of the items drawn, the sum over all is met on average.
    rng = np.random.default_rng(5)
    course = deep_training.Course(
        Memory(4, dropout=0.0, seed=0), 40, rng.integers(1, 50, 40), learning_rate=0.0, rng=rng
    )
    columns, sizes, real = np.arange(12).reshape(3, 4), np.full(3, 4), np.ones((3, 4), np.bool_)
    targets = rng.integers(0, 40, 12)
    whole = course.step(columns, sizes, real, targets, 40)
    sampled = [course.step(columns, sizes, real, targets, 20) for _ in range(400)]
    assert np.mean(sampled) == pytest.approx(whole, rel=0.01)
    assert np.std(sampled) > 0.001


def test_walks_are_cut_into_stretches_from_the_newest_back() -> None:
    walks = Walks.of(in_time((0, 1, 2, 3, 4, 5), (6, 7), (8,)))
    windows = Windows(walks, 3)
    # Each act that is followed once; 5, 7 and 8 are followed by nothing.
    found = [walks.columns[acts[acts >= 0]].tolist() for acts in windows.acts]
    assert sorted(found) == [[0, 1], [2, 3, 4], [6]]
    assert all(
        (acts >= 0).tolist() == [place < size for place in range(3)]
        for acts, size in zip(windows.acts, windows.sizes, strict=True)
    )


def test_a_batch_holds_stretches_of_a_like_size_and_all_come_once() -> None:
    walks = Walks.of(in_time(*(tuple(range(size)) for size in (2, 9, 3, 5, 2, 4, 9))))
    windows = Windows(walks, 4)
    batches = windows.batches(3, rng=np.random.default_rng(0))
    assert len(windows.batches(3, rng=np.random.default_rng(0), most=2)) == 2 < len(batches)
    acts = np.concatenate([acts[acts >= 0] for acts, _sizes in batches])
    assert sorted(acts.tolist()) == np.flatnonzero(walks.after > 0).tolist()
    for acts, sizes in batches:
        assert acts.shape == (len(sizes), sizes.max())
        assert ((acts >= 0).sum(axis=1) == sizes).all()


def test_what_is_to_be_foretold_is_the_next_act_or_a_later_one_of_the_same_person() -> None:
    walks = Walks.of(in_time((0, 1, 2, 3), (4, 5)))
    windows, rng = Windows(walks, 4), np.random.default_rng(1)
    acts = np.flatnonzero(walks.after > 0)
    assert dict(zip(walks.columns[acts].tolist(), windows.later(acts, None, rng=rng).tolist(), strict=True)) == {
        0: 1, 1: 2, 2: 3, 4: 5,
    }  # fmt: skip
    # From 0, one, two or three steps ahead as 1 : 1/2 : 1/4.
    first = np.full(20_000, acts[walks.columns[acts] == 0][0])
    drawn = np.bincount(windows.later(first, 1.0, rng=rng), minlength=4)
    np.testing.assert_allclose(drawn / len(first), [0, 4 / 7, 2 / 7, 1 / 7], atol=0.02)


def test_the_newest_acts_that_are_asked_for_are_not_learnt_from() -> None:
    acts = in_time(*((start, start + 1, start + 2, 60 + start) for start in range(40)), (50,))
    walks = Walks.of(acts)
    rest, columns, sizes, wanted = held_out(walks, 2, rng=np.random.default_rng(2))
    items = acts.items
    assert len(wanted) == 4
    assert (items[wanted] >= 60).all()
    assert sizes.tolist() == [2] * 4
    start = items[wanted] - 60
    assert items[columns].tolist() == np.stack([start + 1, start + 2], axis=1).tolist()
    assert len(rest.rows) == len(walks.rows) - 4
    assert not np.isin(wanted, rest.columns).any()
    # Each person's acts still count down to nought.
    for row in np.unique(rest.rows):
        mine = rest.after[rest.rows == row]
        assert mine.tolist() == list(range(len(mine)))[::-1]
