"""A model of choice goes live at once, for tests of what serves: which of several wins is no matter here."""

from uuid import uuid4

from django.conf import settings

from customers import histories
from recommender.algorithms import storage
from recommender.algorithms.base import Recommender
from recommender.algorithms.interactions import Interactions
from recommender.algorithms.popularity import Popularity
from recommender.models import ModelVersion, Task
from tests.conftest import NOW


def go_live(model: Recommender, task: str = Task.RECOMMEND) -> ModelVersion:
    """Learnt from everyone who allows personalization."""
    bought = histories.purchases("personalization")
    acts = Interactions.of(bought.customers, bought.products, bought.days)
    model.fit(acts, at=histories.day(NOW))
    file = f"{task}-{uuid4().hex[:8]}.npz"
    sha256 = storage.save(settings.MODEL_DIR / file, model)
    ModelVersion.objects.filter(task=task, state="live").update(state="retired")
    return ModelVersion.objects.create(
        task=task,
        algorithm=model.name,
        parameters=model.parameters,
        state="live",
        file=file,
        sha256=sha256,
        people=len(acts.users),
        interactions=len(acts),
        trained_until=NOW,
    )


def strangers() -> ModelVersion:
    """And what strangers see."""
    return go_live(Popularity(30.0), Task.POPULAR)
