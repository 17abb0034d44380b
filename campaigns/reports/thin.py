"""Which cells stay blank so that nobody is told by a number (N1): the small ones, and one more where it would betray one."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def blank(sizes: Mapping[T, int], thin: set[T]) -> set[T]:
    """The thin cells of a row whose total is known; a single one takes the next smallest along.

    A cell of nobody hides nobody. Ties go to whichever comes first.
    """
    hidden = set(thin)
    shown = [name for name in sizes if name not in thin]
    if sum(sizes[name] > 0 for name in thin) == 1 and shown:
        hidden.add(min(shown, key=lambda name: sizes[name]))
    return hidden
