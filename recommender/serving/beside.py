"""What goes with a product, for anybody."""

from dataclasses import replace
from datetime import datetime

import numpy as np

from customers import histories
from customers.histories import Act
from recommender import catalogue
from recommender.algorithms.interactions import History
from recommender.models import Task
from recommender.serving.answers import Entry, Recommendation, because_of, items
from recommender.serving.filters import Filters, allowed
from recommender.serving.live import live
from recommender.serving.pasts import history
from recommender.serving.strangers import popular


def similar(
    product_id: int, *, at: datetime, limit: int = 10, filters: Filters | None = None
) -> Recommendation:
    """What goes with a product: the live model asked as if this were all that someone had bought.

    Only what that one purchase speaks for: what scores no more than for a stranger is popular, and goes with nothing.
    Where that says too little, as of what nobody has bought yet, what looks like it; then what is popular.
    """
    wanted = filters or Filters()
    wanted = replace(wanted, exclude_ids={*wanted.exclude_ids, product_id})
    models = live(Task.RECOMMEND, Task.LOOKS, Task.POPULAR)
    shelf, day = catalogue.current(), histories.day(at)
    one = history([Act(product_id, "ordered", day)])
    entries: list[Entry] = []

    def rest() -> Filters:
        return replace(wanted, exclude_ids={*wanted.exclude_ids, *(entry.product_id for entry in entries)})

    for task, kind in ((Task.RECOMMEND, "goes_with"), (Task.LOOKS, "looks_like")):
        if (source := models.get(task)) is not None and len(entries) < limit:
            own, strange = source.model.scores([one, History.empty()], at=day, mode="new")
            may = allowed(source.model, shelf, rest()) & (own > np.maximum(strange, 0.0) * (1 + 1e-6))
            (ranking,) = source.model.recommend([one], limit - len(entries), at=day, mode="new", allowed=may)
            entries += [
                Entry(pk, score, kind, (product_id,))
                for pk, score in zip(ranking.items.tolist(), ranking.scores.tolist(), strict=True)
            ]
    if len(entries) < limit:
        rests = replace(rest(), mode="all")
        entries += popular(models.get(Task.POPULAR), shelf, rests, limit - len(entries), day=day)
    source = models.get(Task.RECOMMEND)
    return Recommendation(
        items(entries, shelf, because_of([entries])), False, source.version if source is not None else None
    )
