"""How far two segments hold the same people."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.models import Segment
from campaigns.segments import sampling
from campaigns.segments.sampling import Estimate


@dataclass(frozen=True)
class Overlap:
    """Each part by itself; together they are everyone who stands in either."""

    only_first: Estimate
    both: Estimate
    only_second: Estimate


def overlap(first: Segment, second: Segment, *, at: datetime) -> Overlap:
    """Asked of everyone in a small shop, else of some drawn by chance, the same for all three. Raises InvalidRule."""
    drawn = sampling.draw()
    a, b = sampling.matched([first, second], drawn, at=at)
    return Overlap(*(sampling.estimated(len(part), drawn) for part in (a - b, a & b, b - a)))
