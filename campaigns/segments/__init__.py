"""Who: a rule in JSON, compiled to one query."""

from campaigns.segments.audience import explain, matches, matching, matching_one, waterfall
from campaigns.segments.reading import Asked, InvalidRule
from campaigns.segments.rules import check, read
from campaigns.segments.withheld import Declared, Withheld

__all__ = [
    "Asked",
    "Declared",
    "InvalidRule",
    "Withheld",
    "check",
    "explain",
    "matches",
    "matching",
    "matching_one",
    "read",
    "waterfall",
]
