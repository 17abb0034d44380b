"""What reviews say, month by month, which words decided it, and the correction of a wrong one.

Only of texts and their products: nobody is looked up.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from catalog.models import Review
from customers import few
from recommender import reviews
from recommender.algorithms.sentiment import wilson

Mood = Literal["positive", "neutral", "negative"]
MOODS: tuple[Mood, ...] = ("positive", "neutral", "negative")
SURE_FROM = 0.6
"""From here on a review is called favourable, and below 1 − this unfavourable; between, neither is said."""
NEWEST = 5000
"""So many of the newest reviews are looked at for the months."""
MONTHS = 12
MOST_WORDS = 60
NAMED = 3
_WORDS = re.compile(r"[^\W_]+", re.UNICODE)
_UNSPACED = re.compile(r"[\u2e80-\uffff]")


def mood(sentiment: float) -> Mood:
    if sentiment >= SURE_FROM:
        return "positive"
    return "negative" if sentiment <= 1 - SURE_FROM else "neutral"


@dataclass(frozen=True)
class Share:
    """A part of the reviews of a month, with its 95 % interval."""

    mood: Mood
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Month:
    """`shares` are empty where fewer than twenty reviews were judged."""

    begins: date
    reviews: int
    shares: tuple[Share, ...] = ()


def monthly(rows: QuerySet[Review]) -> list[Month]:
    """The newest months of these reviews, newest first, of those that are judged. One query, of bounded length."""
    counts: dict[date, dict[Mood, int]] = {}
    judged = rows.filter(sentiment__isnull=False).order_by("-pk")
    for sentiment, written, created in judged.values_list("sentiment", "written_at", "created_at")[:NEWEST]:
        if sentiment is None:
            continue
        begins = _month(written or created)
        counts.setdefault(begins, dict.fromkeys(MOODS, 0))[mood(sentiment)] += 1
    return [_told(begins, counts[begins]) for begins in sorted(counts, reverse=True)[:MONTHS]]


def _month(moment: datetime) -> date:
    return timezone.localtime(moment).date().replace(day=1)


def _told(begins: date, counts: dict[Mood, int]) -> Month:
    n = sum(counts.values())
    if n < few.FEWEST_PEOPLE:
        return Month(begins, n)
    return Month(begins, n, tuple(_share(one, counts[one], n) for one in MOODS))


def _share(of: Mood, count: int, n: int) -> Share:
    low, high = wilson(count, n)
    return Share(of, count / n, max(low, 0.0), min(high, 1.0))


# --- which words decided -------------------------------------------------------------------------------------------


def decided_by(judge: reviews.Judge, texts: Sequence[str]) -> list[list[str]]:
    """For each text up to three words, most first, without which its sentiment would be less what it is.

    Each word is left out in turn and the text judged again: right for any linear or other model. All at once.
    """
    words = [_words(text) for text in texts]
    asked = [
        variant
        for text, found in zip(texts, words, strict=True)
        for variant in (text, *(text.replace(word, " ") for word in found))
    ]
    if not asked:
        return []
    told = judge.model.decision(asked)[:, 0].tolist()
    answers, place = [], 0
    for found in words:
        whole, without = told[place], told[place + 1 : place + 1 + len(found)]
        place += 1 + len(found)
        weights = {
            word: (whole - rest) * (1 if whole > 0 else -1) for word, rest in zip(found, without, strict=True)
        }
        answers.append(sorted((w for w in found if weights[w] > 1e-9), key=lambda w: -weights[w])[:NAMED])
    return answers


def _words(text: str) -> list[str]:
    """The different words of a text; where a script has no spaces, each two signs."""
    found: dict[str, None] = {}
    for word in _WORDS.findall(text):
        if _UNSPACED.search(word):
            found |= dict.fromkeys(word[n : n + 2] for n in range(max(len(word) - 1, 1)))
        else:
            found[word] = None
    return list(found)[:MOST_WORDS]


# --- a wrong one ------------------------------------------------------------------------------------------------------


def correct(review_id: Any, *, favourable: bool, by: str) -> Review | None:
    """Somebody read it: it says so from now on, whatever a model says, and the next training learns from it.

    None where there is no such review. New words of its author are judged anew.
    """
    with transaction.atomic():
        row = Review.objects.select_for_update().filter(pk=review_id).first()
        if row is not None:
            row.sentiment, row.corrected_by = float(favourable), by[:150]
            row.save(update_fields=["sentiment", "corrected_by"])
    return row
