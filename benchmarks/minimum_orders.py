"""How many buyers each arm needs before a confidence sequence may be shown (`campaigns.statistics.MINIMUM_ORDERS`).

    python -m benchmarks.minimum_orders --runs 2000 --seed 1 --people 10000 --spread 1

A/A runs: both arms drawn from the same shop, so the true effect is nought; a run misses when the sequence excludes
nought at any look from the first one on that has so many buyers in each arm. At most 5 % of runs may.
Ten in a hundred buy, one in five is held out, and baskets are log-normal: at a spread of 1 the mean is 1.65 times the
median, at 1.5 three times.
"""

import argparse
from collections.abc import Iterator

import numpy as np

from benchmarks.report import save
from campaigns.statistics import MINIMUM_ORDERS, confidence_sequence

BUYS, CONTROL, MEDIAN = 0.10, 0.20, 30.0
LOOKS = 56
THRESHOLDS = (1, 5, 10, 20, 30, 40, 50, 75, 100)
Look = tuple[int, bool]


def _shop(rng: np.random.Generator, people: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Money by person, nought for nine in ten, and who is treated."""
    money = np.exp(rng.normal(np.log(MEDIAN), spread, people)) * (rng.random(people) < BUYS)
    return money, rng.random(people) >= CONTROL


def _look(money: np.ndarray, treated: np.ndarray, planned: int) -> Look:
    """The smaller arm's buyers, and whether the sequence excludes nought."""
    a, b = money[treated], money[~treated]
    found = confidence_sequence(a, b, planned=planned)
    return min(int((a > 0).sum()), int((b > 0).sum())), found.verdict != "cannot_tell"


def arriving(rng: np.random.Generator, people: int, spread: float) -> Iterator[Look]:
    """People come one after another, each with all their money; looked at from 50 people on."""
    money, treated = _shop(rng, people, spread)
    for n in np.unique(np.geomspace(50, people, LOOKS).astype(int)):
        if 0 < treated[:n].sum() < n:
            yield _look(money[:n], treated[:n], people)


def planned_at_once(rng: np.random.Generator, people: int, spread: float) -> Iterator[Look]:
    """Everyone is planned on one day, as a campaign does, and the orders come in over a fortnight; four looks a day."""
    money, treated = _shop(rng, people, spread)
    day = rng.uniform(0, 14, people)
    for until in np.linspace(0.25, 14, LOOKS):
        yield _look(np.where(day <= until, money, 0.0), treated, people)


def missed(design: str, *, runs: int, seed: int, people: int, spread: float) -> dict[int, float]:
    """By least number of buyers: the share of runs in which a sequence shown from then on was ever wrong."""
    rng = np.random.default_rng(seed)
    wrong = dict.fromkeys(THRESHOLDS, 0)
    for _ in range(runs):
        looks = list(DESIGNS[design](rng, people, spread))
        for least in THRESHOLDS:
            wrong[least] += any(excludes for buyers, excludes in looks if buyers >= least)
    return {least: n / runs for least, n in wrong.items()}


DESIGNS = {"people arriving": arriving, "planned at once": planned_at_once}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--spread", type=float, default=1.0)
    options = parser.parse_args()
    print(
        f"{options.runs} runs of {options.people:,} people, spread {options.spread:g}, seed {options.seed}; shown from {MINIMUM_ORDERS} buyers in each arm on"
    )
    print(f"{'buyers in each arm':24}" + "".join(f"{least:>8}" for least in THRESHOLDS))
    found = {}
    for design in DESIGNS:
        shares = found[design] = missed(design, **vars(options))
        print(f"{design:24}" + "".join(f"{share:>8.1%}" for share in shares.values()))
    save("minimum_orders", vars(options), found)


if __name__ == "__main__":
    main()
