"""Lists kept as they were shown: what measuring, and learning from chance, rest on."""

from datetime import datetime
from uuid import UUID

from customers.consent import Permission
from recommender.models import Shown
from recommender.serving.answers import Item, Recommendation


def keep(
    recommendation_id: UUID, answer: Recommendation, placement: str, customer_id: int | None, *, at: datetime
) -> Shown | None:
    """Keep the list; one row. Of a person only with their leave: `personalization`, and `analytics` for the measuring.

    A list for nobody in particular is kept without a person. One for a person who does not allow both is not kept at
    all: its id, coming back with an order, would say whose it was. Two queries at most.
    """
    permission = answer.permission
    if customer_id is not None and (
        permission is None or not Permission.of_many([customer_id], "analytics", at=at)
    ):
        return None
    return Shown.objects.create(
        recommendation_id=recommendation_id,
        customer_id=customer_id,
        placement=placement,
        model=answer.model,
        basis=permission.basis if permission is not None else "",
        consent_record_id=permission.record_id if permission is not None else None,
        items=[_plain(item) for item in answer.items],
        at=at,
    )


def _plain(item: Item) -> dict[str, object]:
    """What the promotion placed was not chosen by chance from the rest: it has no propensity."""
    told: dict[str, object] = {
        "sku": item.sku,
        "propensity": item.propensity,
        "promotion": item.promotion,
    }
    if item.reranked_by:
        told |= {"reranked_by": item.reranked_by, "relevance_place": item.relevance_place}
    return told
