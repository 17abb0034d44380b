"""Histories -> fitted -> measured -> champion or refused.

A training is a row (TrainingRun): the wish, its progress and its result. Whoever runs it holds a lease; a run whose
worker died is taken up again when the lease is over. Nothing goes live half: the file is published whole, and the
row that names it is switched in one transaction.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from catalog.models import Category, Product
from recommender import evaluation
from recommender.algorithms import storage
from recommender.algorithms.base import Arrays
from recommender.algorithms.clusters import Clusters
from recommender.algorithms.compare import Candidate, measure
from recommender.algorithms.interactions import Interactions
from recommender.algorithms.interest import Interests
from recommender.algorithms.popularity import Popularity
from recommender.algorithms.presets import FLOORS
from recommender.evaluation import TooLittle
from recommender.models import ClusterMembership, Interest, ModelVersion, Task, TrainingRun

LEASE = timedelta(minutes=30)
STRANGERS_HALF_LIFE = 30.0
KEPT_AFTER = timedelta(hours=1)
Progress = Callable[[float, str], None]


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
        result = _TASKS[run.task](run, progress, at)
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


def _recommend(run: TrainingRun, progress: Progress, at: datetime) -> dict[str, Any]:
    """Choose on the validation month, measure on the last one, and let the better of the chosen and the live one serve.

    Whatever comes of it, what serves afterwards is learnt from those who allow it now: a live model that stays is
    learnt anew, so nobody who has left is still in it (D4).
    """
    bought = evaluation.learnable(at=at)
    candidates = evaluation.candidates_for(bought, run.algorithms)
    texts = evaluation.texts()
    live = ModelVersion.objects.filter(task=Task.RECOMMEND, state=ModelVersion.State.LIVE).first()
    incumbent = Candidate(live.metrics["label"], live.algorithm, live.parameters) if live else None
    if incumbent is not None and not evaluation.can_learn(incumbent, bought):
        incumbent = None  # the catalogue has outgrown it: there is nothing to compare with
    learn = partial(_learn, run, bought, texts=texts, at=at)
    _learn_popular(run, bought, at=at)
    try:
        divided = evaluation.divide(bought, "global")
        ranked = evaluation.choose(
            bought, candidates, progress=lambda share, step: progress(share * 0.6, step)
        )
    except TooLittle as reason:
        if live is not None and incumbent is not None and len(bought):
            learn(incumbent, live.metrics, f"stays, learnt anew; {reason}")
        else:
            _retire(Task.RECOMMEND)
        raise
    chosen = ranked[0].candidate
    by_label = {candidate.label: candidate for candidate in (*FLOORS, chosen)}
    progress(0.65, "the held-out month")
    test = {label: measure(candidate, divided, texts=texts) for label, candidate in by_label.items()}
    against = None
    if incumbent is not None:
        # A live model's row names every parameter, a candidate only those that differ from the defaults.
        same = (chosen.algorithm, chosen.make().parameters) == (incumbent.algorithm, incumbent.parameters)
        against = test[chosen.label] if same else measure(incumbent, divided, texts=texts)
    verdict = evaluation.gate(test[chosen.label], against, test["popularity"])
    progress(0.8, "learning from everything")
    metrics = {
        "label": chosen.label,
        "test": [row.as_dict() for row in test.values()],
        "validation": [row.as_dict() for row in ranked],
    }
    version = learn(chosen, metrics, verdict.reason, promote=verdict.promote)
    if incumbent is not None and against is not None and not verdict.promote:
        rows = (test | {incumbent.label: against}).values()
        kept = {**metrics, "label": incumbent.label, "test": [row.as_dict() for row in rows]}
        learn(incumbent, kept, f"stays, learnt anew; {chosen.label} was refused")
    elif not verdict.promote:
        _retire(Task.RECOMMEND)
    return {
        "model": version.pk,
        "algorithm": chosen.label,
        "promoted": verdict.promote,
        "reason": verdict.reason,
        **metrics,
    }


def _learn(
    run: TrainingRun,
    bought: Interactions,
    candidate: Candidate,
    metrics: dict[str, Any],
    reason: str,
    *,
    texts: dict[int, str],
    at: datetime,
    promote: bool = True,
) -> ModelVersion:
    day = float(bought.days.max())  # the clock of the data: a file of last year was new at its own end
    model = candidate.make().fit(bought, at=day, texts=texts)
    return _publish(
        run,
        Task.RECOMMEND,
        candidate.algorithm,
        dict(model.parameters),
        model.state(),
        bought,
        metrics=metrics,
        promote=promote,
        reason=reason,
        at=at,
    )


def _learn_popular(run: TrainingRun, bought: Interactions, *, at: datetime) -> None:
    """What strangers see needs no gate: it is the floor itself."""
    if not len(bought):
        _retire(Task.POPULAR)
        return
    strangers = Popularity(STRANGERS_HALF_LIFE).fit(bought, at=float(bought.days.max()))
    _publish(
        run,
        Task.POPULAR,
        strangers.name,
        strangers.parameters,
        strangers.state(),
        bought,
        metrics={},
        promote=True,
        reason="what strangers see",
        at=at,
    )


def _retire(task: str) -> None:
    """A live model, if there is one, that cannot be learnt anew serves no longer: it may know people who have left."""
    ModelVersion.objects.filter(task=task, state=ModelVersion.State.LIVE).update(
        state=ModelVersion.State.RETIRED, reason="it could not be learnt anew"
    )


def _interests(run: TrainingRun, progress: Progress, at: datetime) -> dict[str, Any]:
    bought = evaluation.learnable(at=at)
    if not len(bought):
        raise TooLittle("Nobody who allows personalization has bought anything yet.")
    category_of = _categories()
    texts, day = evaluation.texts(), float(bought.days.max())
    progress(0.2, "measuring on the last window")
    model = Interests()
    try:
        # Measured in time order first: learnt and calibrated before the last window, then asked about it.
        rehearsal = Interests().fit(
            bought.chosen(bought.days <= day - model.window), category_of, at=day - model.window, texts=texts
        )
        quality = _interest_quality(rehearsal, bought, day)
        progress(0.6, "learning from everything")
        model.fit(bought, category_of, at=day, texts=texts)
    except ValueError as reason:
        raise TooLittle(str(reason)) from reason
    version = _publish(
        run, Task.INTERESTS, "interests", model.parameters, model.state(), bought,
        metrics=quality, promote=True, reason="newest behaviour", at=at,
    )  # fmt: skip
    probabilities = model.probabilities(bought, at=day)
    progress(0.9, "writing down interests")
    with transaction.atomic():
        Interest.objects.exclude(model=version).delete()
        _bulk(
            Interest(customer_id=int(user), category_id=int(category), probability=float(p), model=version)
            for user, row in zip(bought.users, probabilities, strict=True)
            for category, p in zip(model.categories_, row, strict=True)
        )
    return {"model": version.pk, "people": len(bought.users), "categories": len(model.categories_), **quality}


def _interest_quality(model: Interests, bought: Interactions, day: float) -> dict[str, float]:
    """Brier score of the probabilities against the base rate's, on a window the model never saw."""
    at = day - model.window
    past = bought.chosen(bought.days <= at)
    told, truth = model.probabilities(past, at=at), model.truth(bought, past.users, at=at)
    return {
        "brier": round(float(((told - truth) ** 2).mean()), 5),
        "brier_base_rate": round(float(((truth.mean(axis=0) - truth) ** 2).mean()), 5),
        "told": round(float(told.mean()), 5),
        "happened": round(float(truth.mean()), 5),
    }


def _clusters(run: TrainingRun, progress: Progress, at: datetime) -> dict[str, Any]:
    bought, category_of = evaluation.learnable(at=at), _categories()
    day = float(bought.days.max(initial=0.0))
    try:
        model = Clusters().fit(bought, category_of, at=day)
    except ValueError as reason:
        raise TooLittle(str(reason)) from reason
    groups = model.assign(bought, category_of, at=day)
    names = dict(Category.objects.values_list("pk", "name"))
    described = {
        str(group): {"people": int((groups == group).sum()), "marks": model.marks(group, names)}
        for group in range(len(model.centers_))
    }
    metrics = {"silhouette": round(float(model.silhouette_[0]), 4), "clusters": described}
    version = _publish(
        run, Task.CLUSTERS, "clusters", model.parameters, model.state(), bought,
        metrics=metrics, promote=True, reason="newest behaviour", at=at,
    )  # fmt: skip
    with transaction.atomic():
        ClusterMembership.objects.all().delete()
        _bulk(
            ClusterMembership(customer_id=int(user), cluster=int(group), model=version)
            for user, group in zip(bought.users, groups, strict=True)
        )
    return {"model": version.pk, **metrics}


def _bulk(rows: Any) -> None:
    page = []
    for row in rows:
        page.append(row)
        if len(page) == 5000:
            type(row).objects.bulk_create(page, batch_size=1000)
            page = []
    if page:
        type(page[0]).objects.bulk_create(page, batch_size=1000)


def _categories() -> dict[int, int]:
    rows = Product.objects.listed().filter(category__isnull=False).values_list("pk", "category_id")
    return dict(rows.iterator(chunk_size=5000))


def _publish(
    run: TrainingRun,
    task: str,
    algorithm: str,
    parameters: dict[str, Any],
    arrays: Arrays,
    learnt_from: Interactions,
    *,
    metrics: dict[str, Any],
    promote: bool,
    reason: str,
    at: datetime,
) -> ModelVersion:
    """Write the file whole, then switch the live row, in this order: a row never names a file that is not there."""
    file = f"{task}-{at:%Y%m%dT%H%M%S}-{uuid4().hex[:8]}.npz"
    manifest = {"algorithm": algorithm, "parameters": parameters}
    sha256 = storage.write_arrays(settings.MODEL_DIR / file, manifest, arrays)
    with transaction.atomic():
        if promote:
            ModelVersion.objects.select_for_update().filter(task=task, state=ModelVersion.State.LIVE).update(
                state=ModelVersion.State.RETIRED
            )
        return ModelVersion.objects.create(
            task=task,
            algorithm=algorithm,
            parameters=parameters,
            state=ModelVersion.State.LIVE if promote else ModelVersion.State.REFUSED,
            file=file,
            sha256=sha256,
            people=len(learnt_from.users),
            interactions=len(learnt_from),
            trained_until=at,
            metrics=metrics,
            reason=reason[:300],
            run=run,
        )


def drop_files(*, at: datetime) -> int:
    """Delete the files of models that serve no longer, and of trainings that died; answers how many.

    They hold what people did who may have left since (D4). Young files stay: a server may be opening one.
    """
    serving = set(ModelVersion.objects.filter(state=ModelVersion.State.LIVE).values_list("file", flat=True))
    old = [
        path
        for path in settings.MODEL_DIR.glob("*")
        if path.name not in serving and path.stat().st_mtime < (at - KEPT_AFTER).timestamp()
    ]
    for path in old:
        path.unlink()
    return len(old)


_TASKS: dict[str, Callable[[TrainingRun, Progress, datetime], dict[str, Any]]] = {
    Task.RECOMMEND: _recommend,
    Task.INTERESTS: _interests,
    Task.CLUSTERS: _clusters,
}
TRAINABLE = tuple(_TASKS)
