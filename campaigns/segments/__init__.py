"""Who: a rule in JSON, compiled to one query."""

from campaigns.segments.audience import explain, matching, waterfall
from campaigns.segments.rules import InvalidRule, check

__all__ = ["InvalidRule", "check", "explain", "matching", "waterfall"]
