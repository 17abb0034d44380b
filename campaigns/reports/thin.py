"""Which cells stay blank so that nobody is told by a number (N1): the small ones, and more where subtracting betrays them."""

from collections.abc import Callable, Collection, Hashable, Mapping
from typing import TypeVar

from customers.few import FEWEST_ORDERS, FEWEST_PEOPLE, is_small

__all__ = ["FEWEST_ORDERS", "FEWEST_PEOPLE", "blank", "is_small"]
T = TypeVar("T", bound=Hashable)


def blank(
    sizes: Mapping[T, int],
    thin: Collection[T],
    *,
    fewest: int = FEWEST_PEOPLE,
    is_safe: Callable[[Collection[T]], bool] = lambda _hidden: True,
) -> set[T]:
    """The thin cells of a row whose total is known, and the next smallest until what they sum to may be known.

    Subtracting the shown cells from the total tells the sum of the hidden ones, so that sum is a cell like any other:
    of nobody or of `fewest` people at the least, and `is_safe` besides. Two of a few people each do not hide each other.
    A cell of nobody hides nobody. Ties go to whichever comes first.
    """
    hidden = set(thin)
    rest = sorted((name for name in sizes if name not in hidden), key=lambda name: sizes[name])
    while any(sizes[name] for name in hidden) and rest:
        alone = sum(sizes[name] > 0 for name in hidden) == 1
        if not alone and sum(sizes[name] for name in hidden) >= fewest and is_safe(hidden):
            break
        hidden.add(rest.pop(0))
    return hidden
