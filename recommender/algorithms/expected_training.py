"""How the calibration of `expected` is learnt in time order, and how good it was on the month it had not seen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recommender.algorithms import affinity
from recommender.algorithms.base import Recommender
from recommender.algorithms.expected import WINDOW, Asked, Expectation, membership
from recommender.algorithms.interactions import BoolArray, FloatArray, IntArray, Interactions, places_of
from recommender.algorithms.lifetime import NotEnoughData
from recommender.algorithms.metrics import interval
from recommender.algorithms.probabilities import advantage, measure
from recommender.algorithms.tables import Table

MOMENTS_BACK = (90.0, 60.0)
"""Days before the newest act: where the months begin that it learns from. The month after them is the test's."""
MINIMUM_PEOPLE = 20
MOST_PEOPLE = 3000
CATEGORIES, SETS, SINGLES = 30, 20, 20


@dataclass(frozen=True, eq=False)
class Group:
    """Products one asks about. kind : "everything", "category", "set" or "single" · items : sorted ids."""

    kind: str
    items: IntArray


@dataclass(frozen=True, eq=False)
class Learnt:
    """The calibration, and how good it was on the month it had not seen; `quality` is plain numbers."""

    expectation: Expectation
    quality: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return {**self.expectation.as_dict(), "quality": self.quality}


def learn(
    make: Callable[[], Recommender],
    acts: Interactions,
    category_of: Mapping[int, int],
    *,
    texts: Mapping[int, str] | None = None,
    check: Callable[[], None] | None = None,
    seed: int = 0,
) -> Learnt:
    """Calibrate on two months and measure on the third, each asked of a model that knows only what came before it.

    The recommender is fitted three times. Groups are the whole catalogue, categories, sets and single products drawn by
    the seed; of more than MOST_PEOPLE people a sample is asked. `check` is called between the months, and stops it by
    raising. Raises NotEnoughData.
    """
    day = float(acts.days.max(initial=0.0))
    rng = np.random.default_rng(seed)
    months = []
    for back in (*MOMENTS_BACK, WINDOW):
        if check is not None:
            check()
        months.append(_month(make, acts, category_of, at=day - back, texts=texts, rng=rng))
    *before, test = months
    found = Expectation(seed=seed).fit(
        [month.asked.features() for month in before],
        [month.did for month in before],
        [month.people for month in before],
    )
    return Learnt(found, _measured(found, test))


@dataclass(frozen=True, eq=False)
class _Month:
    people: IntArray
    groups: list[Group]
    asked: Asked
    did: BoolArray


def _month(
    make: Callable[[], Recommender],
    acts: Interactions,
    category_of: Mapping[int, int],
    *,
    at: float,
    texts: Mapping[int, str] | None,
    rng: np.random.Generator,
) -> _Month:
    past = acts.chosen(acts.days <= at)
    after = acts.chosen((acts.days > at) & (acts.days <= at + WINDOW))
    again = int(np.isin(after.users, past.users).sum())
    if again < MINIMUM_PEOPLE:
        raise NotEnoughData(
            f"not enough data yet: fewer than {MINIMUM_PEOPLE} people who had bought before bought again in each of the "
            "last three months"
        )
    model = make().fit(past, at=at, texts=texts)
    people = past.users
    if len(people) > MOST_PEOPLE:
        people = np.sort(rng.choice(people, MOST_PEOPLE, replace=False))
    groups = groups_of(model, category_of, rng=rng)
    columns = [affinity.known(model, group.items) for group in groups]
    lately = bought(past.chosen(past.days > at - WINDOW), past.users, groups)
    rate = (lately.sum(axis=0) + 0.5) / (len(past.users) + 1.0)
    asked = Asked.of(model, past.histories(people), columns, rate, at=at)
    return _Month(people, groups, asked, bought(after, people, groups))


def groups_of(model: Recommender, category_of: Mapping[int, int], *, rng: np.random.Generator) -> list[Group]:
    """The whole catalogue, up to CATEGORIES categories, SETS sets of any size and SINGLES products that are bought."""
    items = model.items_
    of_item = np.fromiter((category_of.get(int(item), -1) for item in items), np.int64, len(items))
    names = np.unique(of_item[of_item >= 0])
    names = np.sort(rng.choice(names, min(CATEGORIES, len(names)), replace=False))
    found = [Group("everything", items), *(Group("category", items[of_item == name]) for name in names)]
    most = max(np.log(len(items) / 4), 0.0)
    for _ in range(SETS):
        size = max(1, round(float(np.exp(rng.uniform(min(np.log(3), most), most)))))
        found.append(Group("set", np.sort(rng.choice(items, size, replace=False))))
    chance = model.popularity_ / model.popularity_.sum(dtype=np.float64)
    singles = rng.choice(items, min(SINGLES, int((chance > 0).sum())), replace=False, p=chance)
    return [*found, *(Group("single", np.array([item])) for item in np.sort(singles))]


def bought(acts: Interactions, people: IntArray, groups: Sequence[Group]) -> BoolArray:
    """(len(people), len(groups)) whether each person has any of these acts in each group."""
    places = [places_of(group.items, acts.items) for group in groups]
    inside = membership([place[known] for place, known in places], len(acts.items))
    found = np.zeros((len(people), len(groups)), dtype=np.bool_)
    rows, known = places_of(people, acts.users)
    if known.any():
        found[known] = np.asarray((acts.binary() @ inside).todense())[rows[known]] > 0
    return found


def _measured(found: Expectation, month: _Month) -> dict[str, Any]:
    """The figures of the test month, everything beside "all buy it at the group's rate"; sets `off_` by the way."""
    told, did = found.probabilities(month.asked.features()), month.did
    simple = np.broadcast_to(month.asked.rate, told.shape)
    found.off_ = _off(told, did)
    n, g = told.shape
    nothing = np.zeros(n * g)
    table = Table(np.repeat(month.people, g), nothing, nothing, {}, {})
    truth = did.ravel()
    rows = [
        measure("expected", told.ravel(), table, truth),
        measure("the group's rate", simple.ravel(), table, truth),
    ]
    more = advantage(told.ravel(), simple.ravel(), table, truth)
    less = ((told - did) ** 2 - (simple - did) ** 2).mean(axis=1)
    kinds = [group.kind for group in month.groups]
    return {
        "people": n,
        "groups": g,
        "test": [row.as_dict() for row in rows],
        "auc_difference": _rounded(*more),
        "brier_difference": _rounded(float(less.mean()), *interval(less)),
        "ratio": _rounded(*ratio(told, did)),
        "ratio_of_kinds": {
            kind: _rounded(*ratio(told[:, of], did[:, of]))
            for kind in dict.fromkeys(kinds)
            if did[:, of := np.array(kinds) == kind].any()
        },
        "deciles": deciles(told, did),
    }


def _off(told: FloatArray, did: BoolArray) -> float:
    """How far groups' sums are off beyond chance, as a share: Σ(O−E)² = Σ(V + off²·E²), by moments; nought at least."""
    expected, happened = told.sum(axis=0), did.sum(axis=0)
    by_chance = (told * (1 - told)).sum(axis=0)
    beyond = float(((happened - expected) ** 2 - by_chance).sum() / (expected**2).sum())
    return float(np.sqrt(max(beyond, 0.0)))


def ratio(told: FloatArray, did: BoolArray) -> tuple[float, float, float]:
    """Expected over happened with its 95 % interval (log scale, people as the units; nan where nothing happened).

    told, did : (n people, …).
    """
    told, done = told.reshape(len(told), -1).sum(axis=1), did.reshape(len(did), -1).sum(axis=1)
    if not done.sum():
        return float("nan"), float("nan"), float("nan")
    found = float(told.sum() / done.sum())
    spread = np.sqrt(((told - found * done) ** 2).sum()) / told.sum()
    return found, found * float(np.exp(-1.96 * spread)), found * float(np.exp(1.96 * spread))


def deciles(told: FloatArray, did: BoolArray) -> list[dict[str, float]]:
    """Ten parts of the answers by what was told, from the least: its sum, what happened, and their ratio's interval."""
    edges = np.quantile(told, np.linspace(0, 1, 11)[1:-1])
    part = np.searchsorted(edges, told, side="right")
    found = []
    for number in range(10):
        here = part == number
        expected, happened = float((told * here).sum()), int((did & here).sum())
        _ratio, low, high = ratio(told * here, did & here)
        one = {"told": round(expected, 1), "happened": happened}
        found.append(one if np.isnan(low) else {**one, "low": round(low, 3), "high": round(high, 3)})
    return found


def _rounded(*values: float) -> list[float]:
    return [round(value, 4) for value in values]
