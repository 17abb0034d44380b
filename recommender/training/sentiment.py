"""Whether a review is favourable, learnt from the ratings that people gave with their words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db.models import Q

from catalog.models import Review
from customers import consent
from recommender import reviews
from recommender.algorithms.interactions import FloatArray, IntArray
from recommender.algorithms.sentiment import TextClassifier, TooFewTexts, auc, folds, wilson
from recommender.algorithms.words import cleaned
from recommender.evaluation import TooLittle
from recommender.models import ModelVersion, Task, TrainingRun
from recommender.training.publishing import Progress, publish, retire

MOST = 100_000
"""The newest reviews it learns from: more cost memory and hardly teach more."""
FOLDS = 5
DATED = 0.9
ENOUGH_TO_LEARN, ENOUGH_TO_MEASURE = 20, 10
"""Reviews of each side that a rehearsal learns from and is measured on, at least."""
GOOD, BAD = (4, 5), (1, 2)


@dataclass(frozen=True, eq=False)
class Rated:
    """Aligned: what reviews say, 1 for good and 0 for bad, when (days since the epoch, NaN for not known), by whom."""

    texts: Sequence[str]
    labels: IntArray
    days: FloatArray
    users: IntArray
    """The different people among the authors who are known."""

    def __len__(self) -> int:
        return len(self.texts)


def learnable() -> Rated:
    """The newest rated reviews whose authors allow personalization, or are nobody known. Three stars say neither.

    What somebody of the staff read in a review counts before its stars.
    """
    rows = (
        Review.objects.filter(Q(rating__in=(*GOOD, *BAD)) | ~Q(corrected_by=""))
        .exclude(title="", text="")
        .filter(Q(author_id__isnull=True) | consent.may("personalization", person="author_id"))
        .order_by("-pk")
        .values_list("title", "text", "rating", "author_id", "written_at", "sentiment", "corrected_by")[:MOST]
    )
    texts, labels, days, authors = [], [], [], set()
    for title, text, rating, author, written, told, corrected in rows.iterator(chunk_size=5000):
        texts.append(reviews.said(title, text))
        labels.append(int((told or 0.0) > 0.5 if corrected else rating in GOOD))
        days.append(written.timestamp() / 86400 if written else np.nan)
        if author is not None:
            authors.add(author)
    return Rated(
        texts, np.array(labels, np.int64), np.array(days, np.float64), np.array(sorted(authors), np.int64)
    )


def sentiment(run: TrainingRun, progress: Progress, at: datetime) -> dict[str, Any]:
    """Measure on reviews it did not see, learn from all, and write down what every review says.

    Whatever comes of it, a model that knows people who have left serves no longer (D4).
    """
    known_consents = consent.newest_record()
    rated = learnable()
    good = int(rated.labels.sum())
    model = TextClassifier()
    if min(good, len(rated) - good) < model.minimum:
        retire(Task.SENTIMENT)
        raise TooLittle(
            f"There are {good} favourable and {len(rated) - good} unfavourable rated reviews that may be learnt from; "
            f"it needs {model.minimum} of each."
        )
    try:
        metrics = measure(rated, progress)
        progress(0.6, "learning from every rated review")
        model.fit(rated.texts, rated.labels)
    except TooFewTexts as reason:
        retire(Task.SENTIMENT)
        raise TooLittle(str(reason)) from reason
    metrics |= {"good": good, "bad": len(rated) - good}
    better = metrics["accuracy_low"] > metrics["baseline"]
    why = f"{'' if better else 'not surely '}better than always saying the commoner"
    version = publish(
        run, Task.SENTIMENT, "sentiment", model.parameters, model.state(), rated,
        metrics=metrics, promote=better, reason=why, at=at, consents_until=known_consents,
    )  # fmt: skip
    if not better:
        retire(Task.SENTIMENT)
    judged = _judge(version, model, progress) if better else 0
    return {"model": version.pk, "promoted": better, "reason": why, "judged": judged, **metrics}


def _judge(version: ModelVersion, model: TextClassifier, progress: Progress) -> int:
    many = max(Review.objects.count(), 1)
    return reviews.judge_all(
        reviews.Judge(version.pk, model),
        tell=lambda done: progress(0.7 + 0.3 * min(done / many, 1.0), "writing down what reviews say"),
    )


def measure(rated: Rated, progress: Progress) -> dict[str, Any]:
    """Accuracy with its 95 % interval beside the commoner answer's: in time order where most are dated, else in folds."""
    sides = _in_time(rated)
    how = "the newest fifth" if sides else f"{FOLDS} folds"
    if not sides:
        parts = folds(rated.texts, FOLDS)
        sides = [(np.flatnonzero(parts != part), np.flatnonzero(parts == part)) for part in range(FOLDS)]
    truth, told, common = [], [], []
    for number, (past, unseen) in enumerate(sides):
        progress(0.6 * number / len(sides), f"measuring: {how}")
        model = TextClassifier(minimum=ENOUGH_TO_LEARN).fit(
            [rated.texts[n] for n in past], rated.labels[past]
        )
        truth.append(rated.labels[unseen])
        told.append(model.probabilities([rated.texts[n] for n in unseen])[:, 1])
        common.append(np.full(len(unseen), rated.labels[past].mean() >= 0.5, dtype=np.int64))
    happened, probability = np.concatenate(truth), np.concatenate(told)
    right = (probability > 0.5) == happened
    low, high = wilson(int(right.sum()), len(right))
    figures = {
        "accuracy": float(right.mean()),
        "accuracy_low": low,
        "accuracy_high": high,
        "baseline": float((np.concatenate(common) == happened).mean()),
        "auc": auc(happened, probability),
        "brier": float(((probability - happened) ** 2).mean()),
    }
    return {
        **{name: round(value, 4) for name, value in figures.items()},
        "measured_how": how,
        "measured_on": len(right),
    }


def _in_time(rated: Rated) -> list[tuple[IntArray, IntArray]]:
    """The past and the newest fifth, without what the past says in the same words; empty where that tells too little."""
    dated = np.flatnonzero(~np.isnan(rated.days))
    if len(dated) < DATED * len(rated):
        return []
    cut = np.quantile(rated.days[dated], 1 - 1 / FOLDS)
    past, newest = dated[rated.days[dated] <= cut], dated[rated.days[dated] > cut]
    known = {cleaned(rated.texts[n]) for n in past}
    unseen = np.array([n for n in newest if cleaned(rated.texts[n]) not in known], dtype=np.int64)
    for side, enough in ((past, ENOUGH_TO_LEARN), (unseen, ENOUGH_TO_MEASURE)):
        good = int(rated.labels[side].sum())
        if min(good, len(side) - good) < enough:
            return []
    return [(past, unseen)]
