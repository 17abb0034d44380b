"""What comes next, by a small neural network over the newest acts: learnt with torch, asked with numpy alone."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from recommender.algorithms import deep_training
from recommender.algorithms.base import Recommender
from recommender.algorithms.interactions import IntArray, Interactions, Queries, SingleArray
from recommender.algorithms.sequence import Walks, lstm_cell

PAGE = 100


def newest(queries: Queries, length: int) -> tuple[IntArray, IntArray, IntArray]:
    """The newest `length` acts of each history that holds any known item.

    (m,) whose · (m, w) int64 columns, the oldest first, padded at the end · (m,) how many there are.
    """
    near = queries.places < length
    people, row = np.unique(queries.rows[near], return_inverse=True)
    sizes = np.bincount(row, minlength=len(people))
    columns = np.zeros((len(people), int(sizes.max(initial=0))), np.int64)
    columns[row, sizes[row] - 1 - queries.places[near]] = queries.columns[near]
    return people, columns, sizes


def normalized(x: SingleArray, scale: SingleArray, shift: SingleArray) -> SingleArray:
    """Each vector to mean 0 and variance 1, then scaled and shifted. Source: Ba et al. 2016, Layer Normalization."""
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + 1e-5) * scale + shift


def softmax(x: SingleArray) -> SingleArray:
    raised = np.exp(x - x.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


class NextItem(Recommender):
    """score(i) = softmax_i(h·v_i + b_i): how likely the next act is on i, h what a network makes of the newest acts.

    An item has one vector, going in (times √factors) and coming out. Of an act only its item and its place count, not its
    weight and not its age in days; of a history the newest `length` acts on known items. Nobody's history, no score.
    Learnt by Adam on the cross-entropy of a later act after each act: the next one, or with `future_half_life` the s-th
    next with a chance ∝ 2^(−s/half-life), drawn anew in each epoch. Against `negatives` items drawn for each batch,
    against all where there are no more. An epoch is all acts, or 500 batches of them. After each epoch the newest act of
    a tenth of the people (at most 500), which is not learnt from, is asked for; the best epoch is kept, and `patience`
    epochs without a better one end it.
    One thread and one seed: the same acts give the same numbers on the same machine.

    `fit` takes O(epochs · acts · factors · (length + factors + negatives)) time. ValueError above `max_items`, and where
    the package torch is not installed.
    `vectors_` : (n_items, factors) float32 · `bias_` : (n_items,) float32 · `epoch_` : () int64, the one kept, from 1.
    """

    vectors_: SingleArray
    bias_: SingleArray
    epoch_: IntArray

    def __init__(
        self,
        factors: int = 64,
        length: int = 50,
        epochs: int = 30,
        patience: int = 2,
        batch: int = 64,
        learning_rate: float = 0.002,
        dropout: float = 0.2,
        future_half_life: float | None = None,
        negatives: int = 1000,
        seed: int = 0,
        max_items: int = 20_000,
    ) -> None:
        self.factors = factors
        self.length = length
        self.epochs = epochs
        self.patience = patience
        self.batch = batch
        self.learning_rate = learning_rate
        self.dropout = dropout
        self.future_half_life = future_half_life
        self.negatives = negatives
        self.seed = seed
        self.max_items = max_items

    @property
    def most_items(self) -> int:
        return self.max_items

    @abstractmethod
    def _network(self) -> deep_training.Network:
        """What learns. Raises ValueError where torch is not installed."""

    @abstractmethod
    def _read(self, taken: SingleArray, sizes: IntArray) -> SingleArray:
        """(m, w, factors): what is known after each act; taken : (m, w, factors), of each row the first `sizes` count."""

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        n = len(interactions.items)
        if n > self.max_items:
            raise ValueError(f"{n} items take too long to learn; the limit is {self.max_items} items")
        if not n:
            self.vectors_, self.bias_ = np.zeros((0, self.factors), np.float32), np.zeros(0, np.float32)
            return
        learnt = deep_training.learn(
            self._network(),
            Walks.of(interactions),
            n,
            length=self.length,
            epochs=self.epochs,
            patience=self.patience,
            batch=self.batch,
            learning_rate=self.learning_rate,
            future_half_life=self.future_half_life,
            negatives=self.negatives,
            seed=self.seed,
        )
        self.restore(learnt)

    def _score(self, queries: Queries) -> SingleArray:
        scores = np.zeros((queries.n, queries.n_items), np.float32)
        people, columns, sizes = newest(queries, self.length)
        for start in range(0, len(people), PAGE):
            page = slice(start, start + PAGE)
            width = int(sizes[page].max())
            taken = self.vectors_[columns[page, :width]] * np.float32(self.factors**0.5)
            known = self._read(taken, sizes[page])[np.arange(len(taken)), sizes[page] - 1]
            scores[people[page]] = softmax(known @ self.vectors_.T + self.bias_)
        return scores


class LSTM(NextItem):
    """h is the state of one long short-term memory after the newest act (`sequence.lstm_cell`).

    `weights_`, `recurrent_` : (4 · factors, factors) float32 · `gates_` : (4 · factors,) float32, its bias.
    Source: Hochreiter & Schmidhuber 1997; as a recommender: Hidasi et al. 2016, Session-based Recommendations with
    Recurrent Neural Networks (there with a GRU).
    """

    name = "lstm"
    weights_: SingleArray
    recurrent_: SingleArray
    gates_: SingleArray

    def _network(self) -> deep_training.Network:
        return deep_training.Memory(self.factors, dropout=self.dropout, seed=self.seed)

    def _read(self, taken: SingleArray, sizes: IntArray) -> SingleArray:
        states = np.empty_like(taken)
        state = cell = np.zeros_like(taken[:, 0])
        for place in range(taken.shape[1]):
            state, cell = lstm_cell(
                taken[:, place],
                state,
                cell,
                weights=self.weights_,
                recurrent=self.recurrent_,
                bias=self.gates_,
            )
            states[:, place] = state
        return states


class SelfAttention(NextItem):
    """h is the newest act's vector after `blocks` of attention to the acts before it (SASRec).

    An act enters as its item's vector plus that of its place, which counts back from the newest. A block adds to x
    softmax(QKᵀ/√factors)·V of the normalized x, each act seeing itself and what was before it, and then W₂·relu(W₁·x + b₁) + b₂
    of the normalized x; after the last block x is normalized once more. One head.

    `positions_` : (length, factors), the newest act's last · `attention_` : (blocks, 3, factors, factors) for Q, K, V ·
    `inner_` : (blocks, 2, factors, factors) · `inner_bias_` : (blocks, 2, factors) · `norms_` : (blocks, 2, 2, factors),
    scale and shift before either step · `last_norm_` : (2, factors). All float32; vectors are rows, times a matrix.
    Source: Kang & McAuley 2018, Self-Attentive Sequential Recommendation; the loss is ours (`NextItem`).
    """

    name = "attention"
    positions_: SingleArray
    attention_: SingleArray
    inner_: SingleArray
    inner_bias_: SingleArray
    norms_: SingleArray
    last_norm_: SingleArray

    def __init__(self, *, blocks: int = 2, **others: Any) -> None:
        super().__init__(**others)
        self.blocks = blocks

    def _network(self) -> deep_training.Network:
        return deep_training.Attention(
            self.factors, length=self.length, blocks=self.blocks, dropout=self.dropout, seed=self.seed
        )

    def _read(self, taken: SingleArray, sizes: IntArray) -> SingleArray:
        width = taken.shape[1]
        x = taken + self.positions_[deep_training.slots(sizes, width, self.length)]
        later = np.triu(np.full((width, width), -np.inf, np.float32), 1)
        for turn, inner, bias, norms in zip(
            self.attention_, self.inner_, self.inner_bias_, self.norms_, strict=True
        ):
            query, key, value = (normalized(x, *norms[0]) @ matrix for matrix in turn)
            likeness = query @ key.transpose(0, 2, 1) / np.float32(self.factors**0.5)
            x = x + softmax(likeness + later) @ value
            raised = np.maximum(normalized(x, *norms[1]) @ inner[0] + bias[0], 0)
            x = x + raised @ inner[1] + bias[1]
        return normalized(x, *self.last_norm_)
