"""What a person's own acts add to the list the live model makes for them: a part of their copy (GDPR 15(1)(h))."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from catalog.models import Product
from customers import histories
from recommender import serving
from recommender.algorithms.explain import explained
from recommender.serving.pasts import Past

LISTED = 20


def of_person(customer_id: int, *, at: datetime) -> Iterator[dict[str, Any]]:
    """Product by product of the list they would get now: its score, and the share of it that each past product carries.

    Nothing for whoever does not allow `personalization`: no list is made of what they did. Ten queries at most.
    """
    found = serving.recommend(customer_id, at=at, limit=LISTED, explain=False)
    if not found.personalized or found.model is None:
        return
    acts = histories.newest([customer_id], "personalization", limit=serving.HISTORY_LENGTH)
    past, model = Past.of(acts.get(customer_id, [])), serving.load(found.model)
    told = [
        (item, explained(model, past.history, item.product_id, item.score, at=histories.day(at), least=1.0))
        for item in found.items
    ]
    needed = {int(pk) for _item, why in told for pk in why.items}
    skus = dict(Product.objects.filter(pk__in=needed).values_list("pk", "sku"))
    for place, (item, why) in enumerate(told, start=1):
        shares = zip(why.items.tolist(), why.shares.tolist(), strict=True)
        yield {
            "place": place,
            "sku": item.sku,
            "score": item.score,
            "model": str(found.model),
            "shares_of_past_products": {skus[pk]: round(share, 6) for pk, share in shares if pk in skus},
        }
