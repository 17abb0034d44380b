"""What is told of how many people, on every floor: never a number of a few (N1).

Reports keep what they have shown and are compared with it (`campaigns.disclosure`). What is counted anew each time it is
looked at is told in tens: a number and the same number less one person then read alike, as do the parts of a whole.
"""

import math

from django.db.models import Case, F, IntegerField, Value, When
from django.utils.translation import gettext as _

# No number is told of fewer people, nor of fewer who bought or clicked; nor is a change of fewer between two reports.
FEWEST_PEOPLE, FEWEST_ORDERS = 20, 10
TEN = 10


def is_small(n: int | None, fewest: int = FEWEST_PEOPLE) -> bool:
    """A cell of nobody hides nobody; one of a few hides each of them."""
    return n is not None and 0 < n < fewest


def in_tens(n: int) -> int:
    """The nearest ten, half upwards."""
    return (n + TEN // 2) // TEN * TEN


def sum_in_tens(total: float, people: int) -> float:
    """A sum of what so many people brought, to the worth of ten of them, as 1, 2 or 5 of a power of ten.

    One person more who brings as much as others is not told by it; one who brings as much as ten others is.
    """
    if not people or not total:
        return 0.0
    worth = TEN * abs(total) / people
    power = 10.0 ** math.floor(math.log10(worth))
    step = next(n * power for n in (1, 2, 5, 10) if n * power >= worth * (1 - 1e-9))
    return round(total / step) * step


def two_digits(value: float) -> float:
    """A mean, a spread or a sum to two digits: one person more or less of some hundreds does not change it."""
    return float(f"{value:.2g}")


def percent_done(done: int, of: int) -> int:
    """How far something is, of the numbers as they are told: the length of a bar is a number too."""
    if of < FEWEST_PEOPLE:
        return 100 if done == of else 0
    return min(100, round(100 * (0 if is_small(done) else in_tens(done)) / in_tens(of)))


def told(n: int, fewest: int = FEWEST_PEOPLE) -> str:
    """A number that is kept as it was shown: of a few only that they are fewer."""
    return _("fewer than %s") % fewest if is_small(n, fewest) else f"{n:,}"


def told_in_tens(n: int, fewest: int = FEWEST_PEOPLE) -> str:
    """A number that is counted anew at each look. Nobody is fewer too: whoever asks may have asked of one person."""
    return _("fewer than %s") % fewest if n < fewest else _("about %s") % f"{in_tens(n):,}"


def short(n: int, fewest: int = FEWEST_PEOPLE) -> str:
    """The same where there is little room; nobody is told of where nobody could have asked about one person."""
    return "0" if not n else f"< {fewest}" if n < fewest else f"≈ {in_tens(n):,}"


def order_in_tens(field: str, fewest: int = FEWEST_PEOPLE) -> Case:
    """What a column sorts by, for `shown(order=…)`: an exact order would tell what is told in tens."""
    tens = (F(field) + TEN // 2) / TEN
    return Case(When(**{f"{field}__lt": fewest}, then=Value(0)), default=tens, output_field=IntegerField())
