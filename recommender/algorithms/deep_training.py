"""How the networks of `deep` learn. The only place that needs torch, and it asks for it only when something is learnt."""

from importlib import import_module
from typing import Any, Protocol

import numpy as np

from recommender.algorithms.base import Arrays
from recommender.algorithms.interactions import IntArray
from recommender.algorithms.sequence import Walks

HELD_ONE_IN, MOST_HELD = 10, 500
MOST_BATCHES = 500
"""In an epoch: no training may outlast the lease of who does it, however many acts there are."""
STEEPEST = 5.0
"""The longest step a gradient may ask for: recurrent ones burst now and then."""
Tensor = Any


def torch() -> Any:
    """The package. Raises ValueError where it is not installed."""
    try:
        return import_module("torch")
    except ImportError as missing:
        raise ValueError(
            "lstm and attention are learnt with torch, which is not installed here: "
            "pip install -r requirements-deep.txt"
        ) from missing


def slots(sizes: IntArray, width: int, length: int) -> IntArray:
    """(m, width) int64 where each act stands among `length` places, the newest at the last; padding at the last too."""
    return np.minimum(length - sizes[:, np.newaxis] + np.arange(width), length - 1)


class Network(Protocol):
    """Weights of torch between the vectors of acts and what is known after each."""

    factors: int

    def weights(self) -> list[Tensor]: ...

    def read(self, taken: Tensor, sizes: IntArray, *, learning: bool) -> Tensor:
        """(m, w, factors) of (m, w, factors); padding stands at the end, so what looks back never sees it."""

    def arrays(self) -> Arrays:
        """As `deep` keeps them."""


class Memory:
    """One LSTM, its input and its output dropped out."""

    def __init__(self, factors: int, *, dropout: float, seed: int) -> None:
        self.torch, self.factors, self.dropout = torch(), factors, dropout
        with self.torch.random.fork_rng(devices=[]):
            self.torch.manual_seed(seed)
            self.cells = self.torch.nn.LSTM(factors, factors, batch_first=True)

    def weights(self) -> list[Tensor]:
        return list(self.cells.parameters())

    def read(self, taken: Tensor, sizes: IntArray, *, learning: bool) -> Tensor:
        dropped = self.torch.nn.functional.dropout
        states, _last = self.cells(dropped(taken, self.dropout, learning))
        return dropped(states, self.dropout, learning)

    def arrays(self) -> Arrays:
        enter, recurrent, one, two = (weight.detach().numpy() for weight in self.cells.parameters())
        # torch stacks the gates as i, f, g, o, and adds two biases.
        order = np.arange(4 * self.factors).reshape(4, -1)[[1, 0, 2, 3]].ravel()
        return {"weights": enter[order], "recurrent": recurrent[order], "gates": (one + two)[order]}


class Attention:
    """Blocks of one head of causal attention and two dense layers, normalized before either (`deep.SelfAttention`)."""

    def __init__(self, factors: int, *, length: int, blocks: int, dropout: float, seed: int) -> None:
        self.torch, self.factors, self.length, self.dropout = torch(), factors, length, dropout
        rng = np.random.default_rng(seed)

        def drawn(*shape: int) -> Tensor:
            return self.weight(rng.normal(0, factors**-0.5, shape))

        norm = np.stack([np.ones(factors), np.zeros(factors)])
        self.kept = {
            "positions": self.weight(rng.normal(0, 0.1, (length, factors))),
            "attention": drawn(blocks, 3, factors, factors),
            "inner": drawn(blocks, 2, factors, factors),
            "inner_bias": self.weight(np.zeros((blocks, 2, factors))),
            "norms": self.weight(np.broadcast_to(norm, (blocks, 2, 2, factors))),
            "last_norm": self.weight(norm),
        }

    def weight(self, start: Any) -> Tensor:
        return self.torch.tensor(start, dtype=self.torch.float32, requires_grad=True)

    def weights(self) -> list[Tensor]:
        return list(self.kept.values())

    def read(self, taken: Tensor, sizes: IntArray, *, learning: bool) -> Tensor:
        functional, kept = self.torch.nn.functional, self.kept

        def dropped(x: Tensor) -> Tensor:
            return functional.dropout(x, self.dropout, learning)

        def normalized(x: Tensor, norm: Tensor) -> Tensor:
            return functional.layer_norm(x, (self.factors,), norm[0], norm[1])

        places = self.torch.from_numpy(slots(sizes, taken.shape[1], self.length))
        x = dropped(taken + kept["positions"][places])
        for turn, inner, bias, norms in zip(
            kept["attention"], kept["inner"], kept["inner_bias"], kept["norms"], strict=True
        ):
            query, key, value = (normalized(x, norms[0]) @ matrix for matrix in turn)
            x = x + dropped(
                functional.scaled_dot_product_attention(
                    query, key, value, is_causal=True, dropout_p=self.dropout if learning else 0.0
                )
            )
            raised = functional.relu(normalized(x, norms[1]) @ inner[0] + bias[0])
            x = x + dropped(dropped(raised) @ inner[1] + bias[1])
        return normalized(x, kept["last_norm"])

    def arrays(self) -> Arrays:
        return {name: weight.detach().numpy() for name, weight in self.kept.items()}


class Windows:
    """Everyone's acts that another one follows, cut into stretches of `length`, the newest stretch full.

    acts : (n, length) int64 places in `walks`, the oldest first, −1 for the padding at the end · sizes : (n,).
    """

    def __init__(self, walks: Walks, length: int) -> None:
        self.walks = walks
        followed = np.flatnonzero(walks.after > 0)
        back = walks.after[followed] - 1
        stretches = np.stack([walks.rows[followed], back // length], axis=1)
        _ids, row = np.unique(stretches, axis=0, return_inverse=True)
        self.sizes: IntArray = np.bincount(row)
        self.acts: IntArray = np.full((len(self.sizes), length), -1)
        self.acts[row, self.sizes[row] - 1 - back % length] = followed

    def batches(
        self, size: int, *, rng: np.random.Generator, most: int = MOST_BATCHES
    ) -> list[tuple[IntArray, IntArray]]:
        """All of them, or as many as fit, in a random order: (acts, sizes) of up to `size` stretches of a like size."""
        order = np.lexsort((rng.random(len(self.sizes)), self.sizes))
        parts = [order[start : start + size] for start in range(0, len(order), size)]
        found = []
        for place in rng.permutation(len(parts))[:most]:
            sizes = self.sizes[parts[place]]
            found.append((self.acts[parts[place], : sizes.max()], sizes))
        return found

    def later(self, acts: IntArray, half_life: float | None, *, rng: np.random.Generator) -> IntArray:
        """(n,) the column of an act after each of these: the next one, or drawn among all later ones."""
        steps = np.ones(len(acts), np.int64)
        if half_life is not None:
            after, fading = self.walks.after[acts], 2.0 ** (-1.0 / half_life)
            chance = rng.random(len(acts)) * (
                1 - fading**after
            )  # below the chance that it is among those there are
            steps = np.minimum(1 + np.floor(np.log1p(-chance) / np.log(fading)).astype(np.int64), after)
        return self.walks.columns[acts + steps]


def held_out(
    walks: Walks, length: int, *, rng: np.random.Generator
) -> tuple[Walks, IntArray, IntArray, IntArray]:
    """The walks without the newest act of a tenth of the people, and these people's acts before it.

    (m, w) int64 columns, the oldest first, padded at the end · (m,) how many · (m,) the column of the newest act.
    """
    newest = np.flatnonzero(walks.after == 0)
    asked = newest[np.isin(walks.rows[newest], walks.rows[walks.after == 1])]
    chosen = np.sort(rng.choice(asked, min(MOST_HELD, len(asked) // HELD_ONE_IN), replace=False))
    is_held = np.isin(walks.rows, walks.rows[chosen])
    kept = ~(is_held & (walks.after == 0))
    rest = Walks(walks.rows[kept], walks.columns[kept], walks.weights[kept], (walks.after - is_held)[kept])
    sizes = np.minimum(np.bincount(walks.rows)[walks.rows[chosen]] - 1, length)
    places = (chosen - sizes)[:, np.newaxis] + np.arange(int(sizes.max(initial=0)))
    columns = walks.columns[np.minimum(places, chosen[:, np.newaxis] - 1)]
    return rest, columns, sizes, walks.columns[chosen]


def learn(
    network: Network,
    walks: Walks,
    n_items: int,
    *,
    length: int,
    epochs: int,
    patience: int,
    batch: int,
    learning_rate: float,
    future_half_life: float | None,
    negatives: int,
    seed: int,
) -> Arrays:
    """The learnt arrays by the names that `deep` gives them. What it does: `deep.NextItem`."""
    library, rng = torch(), np.random.default_rng(seed)
    rest, columns, sizes, wanted = held_out(walks, length, rng=rng)
    windows = Windows(rest, length)
    counts = np.bincount(rest.columns, minlength=n_items)
    threads = library.get_num_threads()
    library.set_num_threads(1)  # more of them add up in another order each time
    try:
        with library.random.fork_rng(devices=[]):
            library.manual_seed(seed)
            course = Course(network, n_items, counts, learning_rate=learning_rate, rng=rng)
            best, kept, epoch_kept = np.inf, course.arrays(), 0
            for epoch in range(1, epochs + 1):
                for acts, stretch_sizes in windows.batches(batch, rng=rng):
                    real = acts >= 0
                    targets = windows.later(acts[real], future_half_life, rng=rng)
                    course.step(rest.columns[acts], stretch_sizes, real, targets, negatives)
                loss = course.loss(columns, sizes, wanted) if len(wanted) else -epoch
                if loss < best:
                    best, kept, epoch_kept = loss, course.arrays(), epoch
                elif epoch - epoch_kept >= patience:
                    break
    finally:
        library.set_num_threads(threads)
    return {**kept, "epoch": np.array(epoch_kept)}


class Course:
    """A network, the items' vectors and biases, and who moves them."""

    def __init__(
        self,
        network: Network,
        n_items: int,
        counts: IntArray,
        *,
        learning_rate: float,
        rng: np.random.Generator,
    ) -> None:
        self.torch, self.network, self.n_items, self.rng = torch(), network, n_items, rng
        start = rng.normal(0, 0.5 * network.factors**-0.5, (n_items, network.factors))
        self.vectors = self.torch.tensor(start, dtype=self.torch.float32, requires_grad=True)
        popular = np.log(counts + 1.0)
        self.bias = self.torch.tensor(popular - popular.mean(), dtype=self.torch.float32, requires_grad=True)
        self.weights = [self.vectors, self.bias, *network.weights()]
        self.optimizer = self.torch.optim.Adam(self.weights, lr=learning_rate)

    def known(self, columns: IntArray, sizes: IntArray, *, learning: bool) -> Tensor:
        taken = self.torch.nn.functional.embedding(self.torch.from_numpy(columns), self.vectors)
        return self.network.read(taken * self.network.factors**0.5, sizes, learning=learning)

    def step(self, columns: IntArray, sizes: IntArray, real: Any, targets: IntArray, negatives: int) -> float:
        """Move all weights once, for these stretches and what each of their acts is to foretell; answers the loss before."""
        functional, tensor = self.torch.nn.functional, self.torch.from_numpy
        known = self.known(columns, sizes, learning=True)[tensor(real)]
        wanted = tensor(targets)
        if negatives >= self.n_items:
            loss = functional.cross_entropy(known @ self.vectors.T + self.bias, wanted)
        else:
            # Each drawn item stands for several: their sum estimates that of all. One that is the target stands for none.
            drawn = tensor(self.rng.choice(self.n_items, negatives, replace=False))
            others = known @ self.vectors[drawn].T + self.bias[drawn] + np.log(self.n_items / negatives)
            others = others.masked_fill(drawn == wanted[:, None], -np.inf)
            own = (known * functional.embedding(wanted, self.vectors)).sum(1) + self.bias[wanted]
            both = self.torch.cat([own[:, None], others], dim=1)
            loss = (both.logsumexp(1) - own).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.torch.nn.utils.clip_grad_norm_(self.weights, STEEPEST)
        self.optimizer.step()
        return float(loss.detach())

    def loss(self, columns: IntArray, sizes: IntArray, wanted: IntArray) -> float:
        """Mean cross-entropy of the wanted item after the newest act, against all items."""
        with self.torch.no_grad():
            known = self.known(columns, sizes, learning=False)[np.arange(len(sizes)), sizes - 1]
            scores = known @ self.vectors.T + self.bias
            return float(self.torch.nn.functional.cross_entropy(scores, self.torch.from_numpy(wanted)))

    def arrays(self) -> Arrays:
        own = {"vectors": self.vectors.detach().numpy(), "bias": self.bias.detach().numpy()}
        return {name: array.copy() for name, array in (own | self.network.arrays()).items()}
