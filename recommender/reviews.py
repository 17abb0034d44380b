"""What a review says, by the live sentiment model. It is told of the words, for the product: nobody is looked up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import structlog
from django.conf import settings
from django.db import transaction

from catalog.models import Review
from recommender.algorithms import storage
from recommender.algorithms.sentiment import TextClassifier
from recommender.models import ModelVersion, Task

PAGE = 500
log = structlog.get_logger()


def said(title: str, text: str) -> str:
    """All that a review says."""
    return f"{title} {text}".strip()


@dataclass(frozen=True)
class Judge:
    """A sentiment model and the number of its version."""

    version: int
    model: TextClassifier

    def sentiments(self, texts: Sequence[str]) -> list[float | None]:
        """The probability that each is favourable; None for one that says nothing."""
        told = self.model.probabilities(texts)[:, int(np.searchsorted(self.model.classes_, 1))]
        return [round(value, 4) if text else None for text, value in zip(texts, told.tolist(), strict=True)]


@lru_cache(maxsize=2)
def _loaded(file: str, sha256: str) -> TextClassifier:
    manifest, arrays = storage.read_arrays(settings.MODEL_DIR / file, sha256=sha256)
    return TextClassifier(**manifest["parameters"]).restore(arrays)


def live() -> Judge | None:
    """The live sentiment model; None where there is none, or its file is torn. One query."""
    version = ModelVersion.objects.filter(task=Task.SENTIMENT, state=ModelVersion.State.LIVE).first()
    if version is None:
        return None
    try:
        return Judge(version.pk, _loaded(version.file, version.sha256))
    except storage.TornModel as torn:
        log.error("model refused", model=version.pk, reason=str(torn))
        return None


def judge_all(judge: Judge, *, tell: Callable[[int], None] | None = None) -> int:
    """Write the sentiment of every review that this model has not judged yet, a page at a time; answers how many.

    Each page is a transaction of its own: after a crash, asked again, it goes on with the rest.
    """
    done, last = 0, 0
    while True:
        with transaction.atomic():
            # Held, so that nothing is written to a review that changes or is erased meanwhile.
            page = list(
                Review.objects.select_for_update()
                .filter(pk__gt=last, corrected_by="")
                .exclude(sentiment_model=judge.version)
                .only("pk", "title", "text")
                .order_by("pk")[:PAGE]
            )
            told = judge.sentiments([said(review.title, review.text) for review in page])
            for review, sentiment in zip(page, told, strict=True):
                review.sentiment, review.sentiment_model = sentiment, judge.version
            Review.objects.bulk_update(page, ["sentiment", "sentiment_model"])
        if not page:
            return done
        done, last = done + len(page), page[-1].pk
        if tell is not None:
            tell(done)
