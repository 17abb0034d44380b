"""Who: a rule in JSON, compiled to one query."""

from campaigns.segments.audience import explain, matches, matching, waterfall
from campaigns.segments.reading import Asked, InvalidRule
from campaigns.segments.rules import check, read
from campaigns.segments.withheld import Withheld

__all__ = ["Asked", "InvalidRule", "Withheld", "check", "explain", "matches", "matching", "read", "waterfall"]
