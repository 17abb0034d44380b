"""Who is offered what: on what it may depend (C15), what came of it by group (N3), and that nothing else matters."""

from campaigns.fairness.dependence import Dependence, of, published, withheld
from campaigns.fairness.flips import Flipped, flip
from campaigns.fairness.looks import (
    NotAnswered,
    after,
    answer,
    before,
    look,
    look_again,
    look_back_due,
    name_of,
    why_not_approved,
)

__all__ = [
    "Dependence",
    "Flipped",
    "NotAnswered",
    "after",
    "answer",
    "before",
    "flip",
    "look",
    "look_again",
    "look_back_due",
    "name_of",
    "of",
    "published",
    "why_not_approved",
    "withheld",
]
