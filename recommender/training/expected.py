"""What the live model's scores are worth in buyers: the calibration that stands beside its figures."""

from datetime import datetime
from typing import Any

from customers import histories
from recommender.algorithms import expected_training
from recommender.algorithms.compare import Candidate
from recommender.algorithms.interactions import Interactions
from recommender.algorithms.lifetime import NotEnoughData
from recommender.training.interests import categories
from recommender.training.publishing import Progress


def calibrated(
    candidate: Candidate, bought: Interactions, progress: Progress, *, texts: dict[int, str], at: datetime
) -> dict[str, Any]:
    """The numbers that `serving.expected` reads, or {"refused": why there are none yet}, for the model's row."""
    progress(0.77, "how many would buy of some products")
    orders = histories.behaviour("personalization", types=["ordered"], until=at)
    if not orders.filter(product__is_listed=True).exists():
        return {"refused": "not enough data yet: nobody who allows personalization has ordered anything"}
    try:
        learnt = expected_training.learn(
            candidate.make, bought, categories(), texts=texts, check=progress.check
        )
    except NotEnoughData as reason:
        return {"refused": str(reason)}
    return learnt.as_dict()
