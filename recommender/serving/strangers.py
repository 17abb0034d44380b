"""What is popular now, the same for everybody."""

from collections.abc import Sequence

from recommender import catalogue
from recommender.algorithms.interactions import History
from recommender.serving.answers import Entry
from recommender.serving.filters import Filters, allowed, flags
from recommender.serving.live import Live


def popular(
    source: Live | None, shelf: catalogue.Catalogue, filters: Filters, limit: int, *, day: float
) -> list[Entry]:
    """What is popular now, and where nothing was learnt yet the newest products."""
    entries: list[Entry] = []
    if source is not None:
        model = source.model
        may = allowed(model, shelf, filters)
        (ranking,) = model.recommend([History.empty()], limit, at=day, allowed=may)
        entries = [
            Entry(pk, score, "popular")
            for pk, score in zip(ranking.items.tolist(), ranking.scores.tolist(), strict=True)
        ]
    return entries + _newest(shelf, filters, entries, limit - len(entries))


def _newest(shelf: catalogue.Catalogue, filters: Filters, above: Sequence[Entry], limit: int) -> list[Entry]:
    if limit <= 0:
        return []
    seen = {entry.product_id for entry in above}
    open_ids = shelf.ids[flags(shelf.ids, shelf, filters)]
    newest = [pk for pk in open_ids[::-1][: limit + len(seen)].tolist() if pk not in seen]
    return [Entry(pk, 0.0, "new") for pk in newest[:limit]]
