"""Who left is forgotten by the models that cannot be changed row by row: learnt anew within a day, or serving no longer.

`renewal` takes people out of the recommendations within a minute, exactly. Interests, groups, scores and sentiment are
learnt as a whole: what they say of a person goes at once, and the rest is asked for anew a few hours after somebody
left. A model that nobody could learn anew in time is retired with all that it told.
"""

from datetime import datetime, timedelta

import structlog

from customers import consent
from recommender.models import ClusterMembership, Interest, ModelVersion, Score, Task, TrainingRun
from recommender.training.running import ask

log = structlog.get_logger()
PURPOSE = "personalization"
TASKS = (Task.INTERESTS, Task.CLUSTERS, Task.PROPENSITY, Task.SENTIMENT)
TOLD = (Interest, ClusterMembership, Score)
AGAIN_AFTER = timedelta(hours=6)
"""So that a busy shop does not learn all day: who leaves waits no longer than this and one training."""
AT_MOST = timedelta(hours=24)
LATE = timedelta(hours=1)
"""What was said so long before a training began may have been committed after it had read."""


def forget_who_left(*, at: datetime) -> list[TrainingRun]:
    """Take what is told of people who left, and ask for the trainings that know them; answers those newly asked for.

    Four queries where nobody left, and three more a thousand who did.
    """
    versions = list(ModelVersion.objects.filter(task__in=TASKS, state=ModelVersion.State.LIVE))
    if not versions:
        return []
    _take(consent.refused_since(PURPOSE, min(version.consents_until for version in versions)), at=at)
    asked = []
    for version in versions:
        left = consent.refusals(PURPOSE, after=version.consents_until, since=version.trained_until - LATE)
        is_overdue = any(version.trained_until <= when <= at - AT_MOST for when in left)
        if is_overdue:
            _retire(version)
        is_time = is_overdue or version.trained_until <= at - AGAIN_AFTER
        if left and is_time and not _is_asked(version.task):
            asked.append(ask(version.task, by="who left"))
    return asked


def _take(people: set[int], *, at: datetime) -> None:
    """What is told of these people, unless they came back. A training that ran meanwhile may have written it again."""
    ids = sorted(people - consent.Permission.of_many(people, PURPOSE, at=at).keys()) if people else []
    for start in range(0, len(ids), 1000):
        for model in TOLD:
            model.objects.filter(customer_id__in=ids[start : start + 1000]).delete()


def _is_asked(task: str) -> bool:
    open_states = (TrainingRun.State.WAITING, TrainingRun.State.RUNNING)
    return TrainingRun.objects.filter(task=task, state__in=open_states).exists()


def _retire(version: ModelVersion) -> None:
    """It knows somebody who left a day ago, and nobody could learn it anew."""
    ModelVersion.objects.filter(pk=version.pk, state=ModelVersion.State.LIVE).update(
        state=ModelVersion.State.RETIRED, reason="it knew people who left a day ago, and was not learnt anew"
    )
    for model in TOLD:
        model.objects.filter(model_id=version.pk).delete()
    log.error("model retired", model=version.pk, task=version.task, reason="who left is still in it")
