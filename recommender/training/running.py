"""A training is a row (TrainingRun): the wish, its progress and its result.

Whoever runs it holds a lease; a run whose worker died is taken up again when the lease is over.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.db.models import Q

from recommender import evaluation
from recommender.evaluation import TooLittle
from recommender.models import Task, TrainingRun
from recommender.training.clusters import clusters
from recommender.training.interests import interests
from recommender.training.publishing import Progress
from recommender.training.recommend import recommend
from recommender.training.sentiment import sentiment

LEASE = timedelta(minutes=30)
TASKS: dict[str, Callable[[TrainingRun, Progress, datetime], dict[str, Any]]] = {
    Task.RECOMMEND: recommend,
    Task.INTERESTS: interests,
    Task.CLUSTERS: clusters,
    Task.SENTIMENT: sentiment,
}


def ask(task: str, *, algorithms: list[str] | None = None, by: str = "") -> TrainingRun:
    """Write the wish down. Raises ValueError for an unknown algorithm."""
    if task == Task.RECOMMEND:
        evaluation.named(algorithms or [])
    return TrainingRun.objects.create(task=task, algorithms=algorithms or [], requested_by=by)


def claim(*, at: datetime) -> TrainingRun | None:
    """The next wish nobody works on, now ours for the length of a lease."""
    free = Q(state=TrainingRun.State.WAITING) | Q(state=TrainingRun.State.RUNNING, lease_until__lt=at)
    for run in TrainingRun.objects.filter(free).order_by("created_at")[:5]:
        ours = TrainingRun.objects.filter(free, pk=run.pk).update(
            state=TrainingRun.State.RUNNING, started_at=at, lease_until=at + LEASE
        )
        if ours:
            run.refresh_from_db()
            return run
    return None


def work(run: TrainingRun, *, at: datetime, tell: Progress | None = None) -> TrainingRun:
    """Do a claimed run to its end and write the result down; a failure is a result too.

    Progress stands in the run's row, and is told to whoever waits.
    """
    began = monotonic()

    def ended() -> datetime:
        return at + timedelta(seconds=monotonic() - began)

    def progress(share: float, step: str) -> None:
        if tell is not None:
            tell(share, step)
        TrainingRun.objects.filter(pk=run.pk).update(progress=share, step=step[:200])

    try:
        result = TASKS[run.task](run, progress, at)
        state = TrainingRun.State.DONE
    except TooLittle as reason:
        result, state = {"refused": str(reason)}, TrainingRun.State.DONE
    except Exception as error:
        TrainingRun.objects.filter(pk=run.pk).update(
            state=TrainingRun.State.FAILED,
            result={"error": f"{type(error).__name__}: {error}"[:500]},
            ended_at=ended(),
        )
        raise
    TrainingRun.objects.filter(pk=run.pk).update(
        state=state, result=result, progress=1.0, step="", ended_at=ended()
    )
    run.refresh_from_db()
    return run
