"""What is asked of the database for lists."""

from collections.abc import Collection, Sequence
from functools import cached_property

from catalog.together import Rows
from customers import consent, histories
from recommender import catalogue, refusals
from recommender.models import Task
from recommender.serving.live import live_rows
from recommender.serving.pasts import HISTORY_LENGTH


class Asked:
    """All that a list for these people rests on. Nothing is asked yet: `recommend_many` asks what it turns out to need,
    one after the other, and whoever has more to ask asks all together (`catalog.together`).

    Each question is written when it is first looked at, which costs more than the database's answer.
    """

    def __init__(self, customer_ids: Collection[int]) -> None:
        self.customer_ids = customer_ids

    @cached_property
    def stamp(self) -> Rows:
        return catalogue.stamp()

    @cached_property
    def models(self) -> Rows:
        return live_rows(Task.RECOMMEND, Task.POPULAR)

    @cached_property
    def leave(self) -> consent.Asked:
        return consent.Asked(self.customer_ids, "personalization")

    @cached_property
    def acts(self) -> Rows:
        return histories.newest_rows(self.customer_ids, "personalization", limit=HISTORY_LENGTH)

    @cached_property
    def refused(self) -> Rows:
        return refusals.refused_rows(self.customer_ids)

    @property
    def questions(self) -> Sequence[Rows]:
        return (self.stamp, self.models, self.leave.rows, self.acts, self.refused)
