"""Networks over the newest acts, as they are served: numpy alone, on weights drawn by chance or by hand."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from recommender.algorithms import storage
from recommender.algorithms.base import NotFitted
from recommender.algorithms.deep import LSTM, NextItem, SelfAttention, newest, normalized, softmax
from recommender.algorithms.deep_training import slots
from recommender.algorithms.interactions import FloatArray, History, Interactions, Queries, SingleArray
from recommender.algorithms.sequence import Vector, lstm_cell
from tests.recommender.algorithms.contract import AT, past, shop

pytestmark = pytest.mark.once
ITEMS = np.arange(10, 110, 10)
LENGTH, FACTORS, BLOCKS = 4, 6, 2
KINDS = (LSTM, SelfAttention)


def drawn(kind: type[NextItem], seed: int = 0) -> NextItem:
    """A model of ten items whose learnt arrays are drawn by chance."""
    rng, f = np.random.default_rng(seed), FACTORS
    shapes: dict[str, tuple[int, ...]] = {"vectors": (len(ITEMS), f), "bias": (len(ITEMS),)}
    if kind is LSTM:
        shapes |= {"weights": (4 * f, f), "recurrent": (4 * f, f), "gates": (4 * f,)}
    else:
        shapes |= {"positions": (LENGTH, f), "attention": (BLOCKS, 3, f, f), "inner": (BLOCKS, 2, f, f)}
        shapes |= {"inner_bias": (BLOCKS, 2, f), "norms": (BLOCKS, 2, 2, f), "last_norm": (2, f)}
    arrays = {name: rng.normal(0, 0.7, shape).astype(np.float32) for name, shape in shapes.items()}
    known = {"items": ITEMS, "popularity": np.ones(len(ITEMS), np.float32), "epoch": np.array(1)}
    model = kind(factors=FACTORS, length=LENGTH)
    model.restore(known | arrays)
    return model


def scores(model: NextItem, *items: int) -> SingleArray:
    found: SingleArray = model.scores([past(*items)], at=AT)[0]
    return found


@pytest.mark.parametrize("kind", KINDS)
class TestServed:
    def test_it_refuses_before_it_has_learnt(self, kind: type[NextItem]) -> None:
        with pytest.raises(NotFitted):
            kind().recommend([past(10)], 3, at=AT)

    def test_scores_are_chances_that_add_to_one(self, kind: type[NextItem]) -> None:
        found = drawn(kind).scores([past(10, 20, 30), past(40)], at=AT)
        assert found.dtype == np.float32
        assert (found > 0).all()
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)

    def test_a_stranger_gets_nought_and_so_what_is_popular(self, kind: type[NextItem]) -> None:
        model = drawn(kind)
        model.popularity_ = np.arange(len(ITEMS), dtype=np.float32)
        assert not model.scores([History.empty(), past(999)], at=AT).any()
        (ranking,) = model.recommend([past(999)], 3, at=AT)
        assert ranking.items.tolist() == [100, 90, 80]

    def test_the_newest_act_changes_the_answer(self, kind: type[NextItem]) -> None:
        model = drawn(kind)
        assert np.abs(scores(model, 10, 20, 30) - scores(model, 10, 20, 40)).max() > 1e-3
        assert np.abs(scores(model, 10, 20, 30) - scores(model, 10, 20)).max() > 1e-3

    def test_the_order_of_acts_changes_the_answer(self, kind: type[NextItem]) -> None:
        model = drawn(kind)
        assert np.abs(scores(model, 10, 20, 30) - scores(model, 20, 10, 30)).max() > 1e-3

    def test_of_one_moment_the_later_given_is_the_newer(self, kind: type[NextItem]) -> None:
        model, ones = drawn(kind), np.ones(3, np.float32)
        at_once, mixed = (
            History(np.array(items), ones, np.array(days))
            for items, days in (([10, 20, 30], [AT, AT, AT]), ([30, 10, 20], [AT - 1, AT - 3, AT - 2]))
        )
        found = model.scores([at_once, mixed, past(10, 20, 30)], at=AT)
        np.testing.assert_allclose(found[:2], found[[2, 2]], rtol=1e-5)

    def test_older_acts_than_it_reads_and_unknown_items_change_nothing(self, kind: type[NextItem]) -> None:
        model = drawn(kind)
        wanted = scores(model, 10, 20, 30, 40)
        for items in ((70, 10, 20, 30, 40), (50, 60, 70, 10, 20, 30, 40), (10, 999, 20, 30, 40, 999)):
            np.testing.assert_allclose(scores(model, *items), wanted, rtol=1e-5)
        assert np.abs(scores(model, 70, 20, 30, 40) - wanted).max() > 1e-4

    def test_shorter_histories_among_longer_ones_answer_as_alone(self, kind: type[NextItem]) -> None:
        model = drawn(kind)
        people = [past(10), past(), past(20, 30, 40, 50, 60), past(70, 80)]
        together = model.scores(people, at=AT)
        for row, history in zip(together, people, strict=True):
            np.testing.assert_allclose(model.scores([history], at=AT)[0], row, rtol=1e-5, atol=1e-9)

    def test_more_people_than_a_page_are_answered_each_as_alone(self, kind: type[NextItem]) -> None:
        model, rng = drawn(kind), np.random.default_rng(2)
        people = [past(*rng.choice(ITEMS, size)) for size in rng.integers(1, 7, 230)]
        together = model.scores(people, at=AT)
        for place in (0, 99, 100, 229):
            np.testing.assert_allclose(
                model.scores([people[place]], at=AT)[0], together[place], rtol=1e-5, atol=1e-9
            )

    def test_what_came_later_does_not_reach_back(self, kind: type[NextItem]) -> None:
        # What is known after each act, read at once, is what is known when the later acts are not there yet.
        model, sizes = drawn(kind), np.array([LENGTH])
        taken = model.vectors_[np.array([[1, 4, 2, 7]])]
        whole = model._read(taken, sizes)
        for other in (0, 9):
            changed = taken.copy()
            changed[:, 2:] = model.vectors_[other]
            np.testing.assert_array_equal(model._read(changed, sizes)[:, :2], whole[:, :2])
            assert np.abs(model._read(changed, sizes)[:, 2:] - whole[:, 2:]).max() > 1e-3

    def test_a_prefix_is_answered_as_of_then(self, kind: type[NextItem]) -> None:
        model, items = drawn(kind), (10, 50, 30, 80)
        for size in (1, 2, 3):
            (history,) = Interactions.of(
                np.ones(size, np.int64), np.array(items[:size]), np.arange(size, dtype=np.float64)
            ).histories(np.array([1]))
            np.testing.assert_allclose(
                model.scores([history], at=AT)[0], scores(model, *items[:size]), rtol=1e-5
            )

    def test_saved_and_read_back_it_answers_alike_to_the_last_bit(
        self, kind: type[NextItem], tmp_path: Path
    ) -> None:
        model = drawn(kind)
        sha256 = storage.save(tmp_path / "model.npz", model)
        restored = storage.load(tmp_path / "model.npz", sha256=sha256)
        assert type(restored) is kind
        assert restored.parameters == model.parameters
        assert scores(restored, 10, 30).tolist() == scores(model, 10, 30).tolist()

    def test_serving_never_loads_torch(self, kind: type[NextItem], tmp_path: Path) -> None:
        sha256 = storage.save(tmp_path / "model.npz", drawn(kind))
        asked = (
            "import sys; from pathlib import Path; import numpy as np\n"
            "from recommender.algorithms import storage; from recommender.algorithms.interactions import History\n"
            f"model = storage.load(Path({str(tmp_path / 'model.npz')!r}), sha256={sha256!r})\n"
            "history = History(np.array([10, 20]), np.ones(2, np.float32), np.array([1.0, 2.0]))\n"
            "assert model.scores([history], at=3.0).any(); print('torch' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "False"

    def test_it_does_not_claim_to_explain(self, kind: type[NextItem]) -> None:
        with pytest.raises(TypeError):
            drawn(kind).contributions(past(10, 20), 20, at=AT)

    def test_it_refuses_more_items_than_it_is_made_for(self, kind: type[NextItem]) -> None:
        with pytest.raises(ValueError, match="limit is 3"):
            kind(max_items=3).fit(shop(), at=AT)

    def test_nothing_to_learn_from_is_no_error(self, kind: type[NextItem]) -> None:
        none = np.empty(0, np.int64)
        model = kind().fit(Interactions.of(none, none, np.empty(0)), at=AT)
        (ranking,) = model.recommend([past(10)], 3, at=AT)
        assert len(ranking.items) == 0

    @pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed here")
    def test_without_torch_it_says_what_to_install(self, kind: type[NextItem]) -> None:
        with pytest.raises(ValueError, match=r"pip install -r requirements-deep\.txt"):
            kind().fit(shop(), at=AT)


def test_the_lstm_is_the_cell_by_hand() -> None:
    model = drawn(LSTM)
    assert isinstance(model, LSTM)
    state: Vector = np.zeros(FACTORS)
    cell: Vector = np.zeros(FACTORS)
    for item in (20, 10, 70):
        state, cell = lstm_cell(
            model.vectors_[item // 10 - 1].astype(np.float64) * FACTORS**0.5,
            state,
            cell,
            weights=model.weights_,
            recurrent=model.recurrent_,
            bias=model.gates_,
        )
    raised = np.exp(model.vectors_ @ state + model.bias_)
    np.testing.assert_allclose(scores(model, 20, 10, 70), raised / raised.sum(), rtol=1e-4)


def test_one_block_of_attention_act_by_act() -> None:
    model = drawn(SelfAttention)
    assert isinstance(model, SelfAttention)
    for name in ("attention", "inner", "inner_bias", "norms"):
        model.restore({name: getattr(model, f"{name}_")[:1]})

    def norm(x: FloatArray, scale: SingleArray, shift: SingleArray) -> FloatArray:
        level: FloatArray = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
        return level * scale + shift

    # Two acts: they stand at the last two of four places.
    acts = [
        model.vectors_[place].astype(np.float64) * FACTORS**0.5 + at
        for place, at in zip((1, 6), model.positions_[2:], strict=True)
    ]
    (query_by, key_by, value_by), norms = model.attention_[0], model.norms_[0]
    query = norm(acts[1], *norms[0]) @ query_by
    likeness = [query @ (norm(act, *norms[0]) @ key_by) / FACTORS**0.5 for act in acts]
    share = np.exp(likeness) / np.exp(likeness).sum()
    x = acts[1] + sum(part * (norm(act, *norms[0]) @ value_by) for part, act in zip(share, acts, strict=True))
    raised = np.maximum(norm(x, *norms[1]) @ model.inner_[0, 0] + model.inner_bias_[0, 0], 0)
    x = norm(x + raised @ model.inner_[0, 1] + model.inner_bias_[0, 1], *model.last_norm_)
    wanted = np.exp(model.vectors_ @ x + model.bias_)
    np.testing.assert_allclose(scores(model, 20, 70), wanted / wanted.sum(), rtol=1e-4)


def test_many_steps_of_the_cell_at_once_are_each_one_s_own() -> None:
    rng = np.random.default_rng(1)
    x, h, c = rng.normal(size=(5, 3)), rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    given = {
        "weights": rng.normal(size=(8, 3)),
        "recurrent": rng.normal(size=(8, 2)),
        "bias": rng.normal(size=8),
    }
    together = lstm_cell(x, h, c, **given)
    for place in range(5):
        for whole, one in zip(together, lstm_cell(x[place], h[place], c[place], **given), strict=True):
            np.testing.assert_allclose(whole[place], one, rtol=1e-12)


def test_the_newest_act_stands_at_the_last_place() -> None:
    assert slots(np.array([2, 4, 1]), 4, 5).tolist() == [[3, 4, 4, 4], [1, 2, 3, 4], [4, 4, 4, 4]]


def test_nothing_overflows_and_a_level_vector_is_no_division_by_nought() -> None:
    far = np.array([[-1e4, 0, 1e4]], np.float32)
    with np.errstate(all="raise", under="ignore"):
        assert softmax(far).tolist() == [[0, 0, 1]]
        level = normalized(np.full((1, 3), 7, np.float32), np.ones(3, np.float32), np.zeros(3, np.float32))
        assert level.tolist() == [[0, 0, 0]]
        h, _cell = lstm_cell(
            far[0],
            np.zeros(1, np.float32),
            np.zeros(1, np.float32),
            weights=np.tile(np.float32([[1, 0, 0]]), (4, 1)),
            recurrent=np.zeros((4, 1), np.float32),
            bias=np.zeros(4, np.float32),
        )
    assert h.tolist() == [0]


def test_histories_are_read_from_the_oldest_to_the_newest() -> None:
    # What `newest` gives is padded at the end, whatever the order acts are handed over in.
    histories = [History.empty(), past(30, 10, 20), past(999), past(40)]
    people, columns, sizes = newest(Queries.of(histories, ITEMS, at=AT), 2)
    assert (people.tolist(), sizes.tolist()) == ([1, 3], [2, 1])
    assert columns.tolist() == [[0, 1], [3, 0]]
