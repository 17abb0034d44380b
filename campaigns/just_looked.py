"""What a page has just worked out of everyone, for the press that follows it: at a million people that takes seconds.

It holds for two minutes, and only while nothing of the campaign has changed. It decides nothing about anybody: each
person is asked again when they are planned, and when they are sent to.
"""

import hashlib
import json
from datetime import datetime
from typing import Any

import structlog
from django.core.cache import cache
from redis.exceptions import RedisError

from campaigns import checks, contents, fairness
from campaigns.models import Campaign, FairnessCheck
from customers import sensitive

log = structlog.get_logger()
HOLDS_S = 120


def note_people(campaign: Campaign, people: int) -> None:
    """How many people its audiences reach, each once, counted exactly just now."""
    _note(campaign, "people", people)


def recipients(campaign: Campaign, *, at: datetime) -> int:
    """As `checks.recipients`: the number that was shown just now, else counted."""
    shown = _noted(campaign, "people")
    return checks.recipients(campaign, at=at) if shown is None else int(shown)


def note_look(look: FairnessCheck) -> None:
    _note(look.campaign, _fairness(), look.figures)


def look(campaign: Campaign, *, by: str, at: datetime) -> FairnessCheck:
    """As `fairness.look`: what was shown just now, else looked at anew."""
    shown = _noted(campaign, _fairness())
    if shown is None:
        return fairness.look(campaign, by=by, at=at)
    return fairness.look_again(campaign, shown, by=by, at=at)


def _fairness() -> str:
    """What is compared by may be declared anew meanwhile."""
    return f"fairness:{','.join(sorted(sensitive.declared()))}"


def _note(campaign: Campaign, what: str, told: Any) -> None:
    try:
        cache.set(_key(campaign, what), json.dumps(told), HOLDS_S)
    except (OSError, RedisError) as error:
        log.warning("what was looked at is not noted", reason=type(error).__name__)


def _noted(campaign: Campaign, what: str) -> Any:
    try:
        told = cache.get(_key(campaign, what))
    except (OSError, RedisError) as error:
        log.warning("what was looked at is not read", reason=type(error).__name__)
        return None
    return None if told is None else json.loads(told)


def _key(campaign: Campaign, what: str) -> str:
    named = hashlib.sha256(what.encode()).hexdigest()
    return f"looked:{campaign.pk}:{contents.fingerprint(campaign)}:{named}"
