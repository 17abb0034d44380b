"""What is asked of the database for lists."""

from collections.abc import Collection, Sequence

from catalog.together import Rows
from customers import consent, histories
from recommender import catalogue, refusals
from recommender.models import Task
from recommender.serving.live import live_rows
from recommender.serving.pasts import HISTORY_LENGTH


class Asked:
    """All that a list for these people rests on. Nothing is asked yet: `recommend_many` asks what it turns out to need,
    one after the other, and whoever has more to ask asks all together (`catalog.together`)."""

    def __init__(self, customer_ids: Collection[int]) -> None:
        self.stamp = catalogue.stamp()
        self.models = live_rows(Task.RECOMMEND, Task.POPULAR)
        self.leave = consent.Asked(customer_ids, "personalization")
        self.acts = histories.newest_rows(customer_ids, "personalization", limit=HISTORY_LENGTH)
        self.refused = refusals.refused_rows(customer_ids)

    @property
    def questions(self) -> Sequence[Rows]:
        return (self.stamp, self.models, self.leave.rows, self.acts, self.refused)
