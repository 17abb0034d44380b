"""Who: a rule in JSON, compiled to one query."""

from campaigns.segments.audience import explain, matches, matching, waterfall
from campaigns.segments.reading import InvalidRule
from campaigns.segments.rules import check

__all__ = ["InvalidRule", "check", "explain", "matches", "matching", "waterfall"]
