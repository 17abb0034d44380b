"""Who: a rule in JSON, compiled to one query; in words, counted, explained, and over time."""

from campaigns.segments.audience import explain, matches, matching, matching_one
from campaigns.segments.everyone import TookTooLong, large_questions, waterfall
from campaigns.segments.membership import members
from campaigns.segments.names import Names
from campaigns.segments.overlaps import overlap
from campaigns.segments.reading import Asked, InvalidRule
from campaigns.segments.reasons import verdicts
from campaigns.segments.rules import check, read
from campaigns.segments.sampling import estimate, estimate_reach, estimates
from campaigns.segments.sizes import history, measure_due
from campaigns.segments.suggestions import suggest
from campaigns.segments.withheld import Declared, Withheld
from campaigns.segments.words import in_words, lines

__all__ = [
    "Asked",
    "Declared",
    "InvalidRule",
    "Names",
    "TookTooLong",
    "Withheld",
    "check",
    "estimate",
    "estimate_reach",
    "estimates",
    "explain",
    "history",
    "in_words",
    "large_questions",
    "lines",
    "matches",
    "matching",
    "matching_one",
    "measure_due",
    "members",
    "overlap",
    "read",
    "suggest",
    "verdicts",
    "waterfall",
]
