"""How likely each person is to act in each category, learnt and written down."""

from datetime import datetime
from typing import Any

from django.db import transaction

from catalog.models import Product
from customers import consent
from recommender import evaluation
from recommender.algorithms.interactions import Interactions
from recommender.algorithms.interest import Interests
from recommender.algorithms.metrics import interval
from recommender.evaluation import TooLittle
from recommender.models import Interest, RefusedInterest, Task, TrainingRun
from recommender.training.publishing import Progress, bulk, publish


def interests(run: TrainingRun, progress: Progress, at: datetime) -> dict[str, Any]:
    progress(0.0, "reading what people did")
    known_consents = consent.newest_record()
    bought = evaluation.learnable(at=at)
    if not len(bought):
        raise TooLittle("Nobody who allows personalization has bought anything yet.")
    category_of = categories()
    texts, day = evaluation.texts(), float(bought.days.max())
    progress(0.2, "measuring on the last window")
    model = Interests()
    try:
        # Measured in time order first: learnt and calibrated before the last window, then asked about it.
        rehearsal = Interests().fit(
            bought.chosen(bought.days <= day - model.window), category_of, at=day - model.window, texts=texts
        )
        quality = _interest_quality(rehearsal, bought, day)
        progress(0.6, "learning from everything")
        model.fit(bought, category_of, at=day, texts=texts)
    except ValueError as reason:
        raise TooLittle(str(reason)) from reason
    version = publish(
        run, Task.INTERESTS, "interests", model.parameters, model.state(), bought,
        metrics=quality, promote=True, reason="newest behaviour", at=at, consents_until=known_consents,
    )  # fmt: skip
    probabilities = model.probabilities(bought, at=day)
    progress(0.9, "writing down interests")
    with transaction.atomic():
        Interest.objects.exclude(model=version).delete()
        refused = set(
            RefusedInterest.objects.values_list("customer_id", "category_id").iterator(chunk_size=5000)
        )
        bulk(
            Interest(customer_id=user, category_id=category, probability=float(p), model=version)
            for user, row in zip(bought.users.tolist(), probabilities, strict=True)
            for category, p in zip(model.categories_.tolist(), row, strict=True)
            if (user, category) not in refused
        )
        # Whoever said no while this was learnt keeps no row either.
        Interest.objects.exclude(consent.may("personalization", person="customer_id")).delete()
    return {"model": version.pk, "people": len(bought.users), "categories": len(model.categories_), **quality}


def _interest_quality(model: Interests, bought: Interactions, day: float) -> dict[str, float]:
    """Brier score of the probabilities against the base rate's, on a window the model never saw.

    Intervals are 95 %, over people; the difference is of the same people (below nought: better than the base rate,
    which is the window's own, known only afterwards).
    """
    at = day - model.window
    past = bought.chosen(bought.days <= at)
    told, truth = model.probabilities(past, at=at), model.truth(bought, past.users, at=at)
    off = ((told - truth) ** 2).mean(axis=1)
    less = off - ((truth.mean(axis=0) - truth) ** 2).mean(axis=1)
    low, high = interval(off)
    less_low, less_high = interval(less)
    figures = {
        "brier": off.mean(),
        "brier_low": low,
        "brier_high": high,
        "brier_base_rate": (off - less).mean(),
        "brier_difference": less.mean(),
        "brier_difference_low": less_low,
        "brier_difference_high": less_high,
        "told": told.mean(),
        "happened": truth.mean(),
    }
    return {**{name: round(float(value), 5) for name, value in figures.items()}, "measured_on": len(off)}


def categories() -> dict[int, int]:
    rows = Product.objects.listed().filter(category__isnull=False).values_list("pk", "category_id")
    return dict(rows.iterator(chunk_size=5000))
