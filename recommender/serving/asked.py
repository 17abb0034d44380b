"""What is asked of the database for lists."""

from collections.abc import Collection, Sequence
from functools import cached_property

from django.db.models import BigIntegerField, Q

from catalog.questions import Given, Question, Rows
from customers import consent, histories
from recommender import catalogue, refusals
from recommender.models import ModelVersion, Task
from recommender.serving.live import live_rows
from recommender.serving.pasts import HISTORY_LENGTH


def _acts(person: Collection[int] | Given) -> Rows:
    return histories.newest_rows(person, "personalization", limit=HISTORY_LENGTH)


_MODELS = Question(lambda: live_rows(Task.RECOMMEND, Task.POPULAR))
_ACTS = Question(_acts, person=BigIntegerField())
_REFUSED = Question(lambda person: refusals.refused_rows(person), person=BigIntegerField())


class Asked:
    """All that a list for these people rests on. Nothing is asked yet: `recommend_many` asks what it turns out to need,
    one after the other, and whoever has more to ask asks all together (`catalog.together`).
    """

    def __init__(self, customer_ids: Collection[int], *, learnt: "Asked | None" = None) -> None:
        """learnt : what was asked about nobody in particular a moment ago."""
        self.customer_ids, self._learnt = customer_ids, learnt

    @cached_property
    def stamp(self) -> Rows:
        return self._learnt.stamp if self._learnt else catalogue.stamp()

    @cached_property
    def models(self) -> Rows:
        return self._learnt.models if self._learnt else _MODELS()

    @cached_property
    def leave(self) -> consent.Asked:
        return consent.Asked(self.customer_ids, "personalization")

    @cached_property
    def acts(self) -> Rows:
        if len(self.customer_ids) == 1:
            return _ACTS(person=next(iter(self.customer_ids)))
        return _acts(self.customer_ids)

    @cached_property
    def refused(self) -> Rows:
        if len(self.customer_ids) == 1:
            return _REFUSED(person=next(iter(self.customer_ids)))
        return refusals.refused_rows(self.customer_ids)

    @property
    def questions(self) -> Sequence[Rows]:
        about = (self.leave.rows, self.acts, self.refused) if self.customer_ids else ()
        return about if self._learnt else (self.stamp, self.models, *about)


class AskedOf(Asked):
    """The same of one version of the recommendations, live or not: what it would show, beside what is shown.

    What strangers see stays what is live.
    """

    def __init__(self, customer_ids: Collection[int], version: ModelVersion) -> None:
        super().__init__(customer_ids)
        self.version = version

    @cached_property
    def models(self) -> Rows:
        strangers = Q(task=Task.POPULAR, state=ModelVersion.State.LIVE)
        return ModelVersion.objects.filter(Q(pk=self.version.pk) | strangers)
