"""Noise that keeps people out of published sums, and its accounting. The only place that needs OpenDP.

OpenDP draws the noise and says what it costs: its measurements are proved with the finite numbers of a machine, which
floating-point noise written by hand is not (Mironov 2012). Neighbours differ by one person, added or removed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

SLACK = 1 + 1e-9
"""Scales are so much larger than they need be, for the map rounds up."""


class NoNoise(ValueError):
    """OpenDP is not installed."""


def opendp() -> Any:
    """The package, with the parts of it that its authors have proved. Raises NoNoise where it is not installed."""
    try:
        found = import_module("opendp.prelude")
    except ImportError as missing:
        raise NoNoise(
            "Noise is drawn by OpenDP, which is not installed here: pip install -r requirements-dp.txt"
        ) from missing
    found.enable_features("contrib")
    return found


@dataclass(frozen=True)
class Noised:
    """values : with noise, whole numbers · epsilon : as OpenDP's map has it · within : 95 times in 100 no further off"""

    values: list[int]
    epsilon: float
    scale: float
    within: float


def release(values: Sequence[int], *, most: int, epsilon: float) -> Noised:
    """Whole numbers with discrete Laplace noise; one person changes their sum of absolutes by `most` at the most.

    Raises NoNoise, and ValueError where the map says that it costs more than `epsilon`.
    """
    dp = opendp()
    scale = most / epsilon * SLACK
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64")
    noise = dp.m.make_laplace(*space, scale=scale)
    spent = float(noise.map(most))
    if spent > epsilon:
        raise ValueError(f"the noise costs {spent}, more than {epsilon}")
    within = float(dp.discrete_laplacian_scale_to_accuracy(scale, 0.05))
    return Noised([int(value) for value in noise([int(value) for value in values])], spent, scale, within)


@dataclass(frozen=True)
class Keyed:
    """counts : the keys that are told, with noise · threshold : no smaller count is told · epsilon, delta : the cost"""

    counts: dict[str, int]
    epsilon: float
    delta: float
    scale: float
    threshold: int


def release_keyed(counts: Mapping[str, int], *, most: int, epsilon: float, delta: float) -> Keyed:
    """Counts by keys that only people's data name: noise, and keys under a threshold are left out.

    One person adds 1 to at most `most` keys. The threshold is the least at which a key that one person alone has is told
    with a chance below `delta`, by OpenDP's map. Raises NoNoise.
    """
    dp = opendp()
    scale = most / epsilon * SLACK
    space = (
        dp.map_domain(dp.atom_domain(T=str), dp.atom_domain(T="i64")),
        dp.l01inf_distance(dp.absolute_distance(T="i64")),
    )

    def noise(threshold: int) -> Any:
        return dp.m.make_laplace_threshold(*space, scale=scale, threshold=threshold)

    at_most = (most, most, 1)  # keys, their sum, the largest
    threshold = int(dp.binary_search(lambda t: noise(t).map(at_most)[1] <= delta, bounds=(2, 10**9), T=int))
    measurement = noise(threshold)
    spent, chance = measurement.map(at_most)
    if spent > epsilon or chance > delta:
        raise ValueError(f"the noise costs ({spent}, {chance}), more than ({epsilon}, {delta})")
    # The order of the keys would tell in which order people came.
    found = measurement(dict(sorted(counts.items()))) if counts else {}
    return Keyed(dict(sorted(found.items())), float(spent), float(chance), scale, threshold)
