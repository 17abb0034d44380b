"""Journeys: steps, waits and exits that people go through, begun by what they do."""

from campaigns.journeys.advancing import advance, advance_all, end_cancelled
from campaigns.journeys.definition import Definition, NotSound, Problem, check
from campaigns.journeys.entering import Call, Entered, enter
from campaigns.journeys.leaving import take_out
from campaigns.journeys.standing import Standing, saying, standing
from campaigns.journeys.versions import (
    Inside,
    NeedsApproval,
    Outdated,
    newest,
    publish,
    run_of,
    why_not_published,
    would_move,
)
from campaigns.journeys.waking import is_over, wake

__all__ = [
    "Call",
    "Definition",
    "Entered",
    "Inside",
    "NeedsApproval",
    "NotSound",
    "Outdated",
    "Problem",
    "Standing",
    "advance",
    "advance_all",
    "check",
    "end_cancelled",
    "enter",
    "is_over",
    "newest",
    "publish",
    "run_of",
    "saying",
    "standing",
    "take_out",
    "wake",
    "why_not_published",
    "would_move",
]
