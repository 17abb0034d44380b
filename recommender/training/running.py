"""A training is a row (TrainingRun): the wish, its progress and its result.

Whoever runs it holds a lease (`leases`); a run whose worker died is taken up again when the lease is over.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from recommender import evaluation
from recommender.evaluation import TooLittle
from recommender.models import Task, TrainingRun
from recommender.training import leases
from recommender.training.clusters import clusters
from recommender.training.futures import futures
from recommender.training.interests import interests
from recommender.training.leases import Cancelled, Progress, TakenOver, Watch
from recommender.training.looks import looks
from recommender.training.recommend import recommend
from recommender.training.sentiment import sentiment

TASKS: dict[str, Callable[[TrainingRun, Progress, datetime], dict[str, Any]]] = {
    Task.RECOMMEND: recommend,
    Task.INTERESTS: interests,
    Task.CLUSTERS: clusters,
    Task.PROPENSITY: futures,
    Task.SENTIMENT: sentiment,
    Task.LOOKS: looks,
}


def ask(task: str, *, algorithms: list[str] | None = None, by: str = "") -> TrainingRun:
    """Write the wish down. Raises ValueError for an unknown algorithm."""
    if task == Task.RECOMMEND:
        evaluation.named(algorithms or [])
    return TrainingRun.objects.create(task=task, algorithms=algorithms or [], requested_by=by)


def claim(*, at: datetime) -> TrainingRun | None:
    """The next wish nobody works on, now ours for the length of a lease."""
    leases.set_aside(at=at)
    for run in TrainingRun.objects.filter(leases.free(at=at)).order_by("created_at")[:5]:
        if leases.take(run, at=at):
            return run
    return None


def work(run: TrainingRun, *, at: datetime, tell: Callable[[float, str], None] | None = None) -> TrainingRun:
    """Do a claimed run to its end and write the result down; a failure is a result too, and so is being called off.

    Progress stands in the run's row, and is told to whoever waits. Where another worker has taken it over meanwhile,
    nothing is written and the row is answered as it stands.
    """
    began = monotonic()

    def now() -> datetime:
        return at + timedelta(seconds=monotonic() - began)

    def end(state: TrainingRun.State, result: dict[str, Any], **more: Any) -> None:
        leases.held(run).update(state=state, result=result, ended_at=now(), **more)
        run.refresh_from_db()

    State = TrainingRun.State
    try:
        result = TASKS[run.task](run, Watch(run, now=now, tell=tell), at)
        end(State.DONE, result, progress=1.0, step="")
    except TooLittle as reason:
        end(State.DONE, {"refused": str(reason)}, progress=1.0, step="")
    except Cancelled:
        end(State.CANCELLED, {}, step="")
    except TakenOver:
        run.refresh_from_db()
    except KeyboardInterrupt:
        run.refresh_from_db(fields=["is_going_live"])
        if run.is_going_live:
            end(State.FAILED, {"error": "It was stopped while it was going live; train again."})
        else:
            end(State.CANCELLED, {}, step="", cancel_asked_at=now(), cancelled_by=run.requested_by)
        raise
    except Exception as error:
        end(State.FAILED, {"error": f"{type(error).__name__}: {error}"[:500]})
        raise
    return run
