"""What was learnt becomes what serves: whole or not at all."""

from collections.abc import Sized
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

from django.conf import settings
from django.db import transaction

from recommender.algorithms import storage
from recommender.algorithms.base import Arrays
from recommender.models import ModelVersion, PairCount, TrainingRun
from recommender.training.leases import Progress, go_live

KEPT_AFTER = timedelta(hours=1)
COUNTS_KEPT = timedelta(days=1)
__all__ = ["Progress", "bulk", "drop_files", "publish", "retire"]


class LearntFrom(Sized, Protocol):
    """As many acts (or reviews) as its length, of as many people as `users` has."""

    @property
    def users(self) -> Sized: ...


def publish(
    run: TrainingRun,
    task: str,
    algorithm: str,
    parameters: dict[str, Any],
    arrays: Arrays,
    learnt_from: LearntFrom,
    *,
    metrics: dict[str, Any],
    promote: bool,
    reason: str,
    at: datetime,
    **more: Any,
) -> ModelVersion:
    """Write the file whole, then switch the live row, in this order: a row never names a file that is not there.

    more : further columns of the row.
    Raises Cancelled and TakenOver instead of letting anything go live that is wanted no longer.
    """
    file, sha256 = write(task, {"algorithm": algorithm, "parameters": parameters}, arrays, at=at)
    with transaction.atomic():
        if promote:
            go_live(run)
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
            **more,
        )


def write(kind: str, manifest: dict[str, Any], arrays: Arrays, *, at: datetime) -> tuple[str, str]:
    """A new file of models, whole: its name, and its SHA-256."""
    file = f"{kind}-{at:%Y%m%dT%H%M%S}-{uuid4().hex[:8]}.npz"
    return file, storage.write_arrays(settings.MODEL_DIR / file, manifest, arrays)


def retire(task: str) -> None:
    """A live model, if there is one, that cannot be learnt anew serves no longer: it may know people who have left."""
    ModelVersion.objects.filter(task=task, state=ModelVersion.State.LIVE).update(
        state=ModelVersion.State.RETIRED, reason="it could not be learnt anew"
    )


def bulk(rows: Any) -> None:
    page = []
    for row in rows:
        page.append(row)
        if len(page) == 5000:
            type(row).objects.bulk_create(page, batch_size=1000)
            page = []
    if page:
        type(page[0]).objects.bulk_create(page, batch_size=1000)


def drop_files(*, at: datetime) -> int:
    """Delete the files of models that serve no longer, of trainings that died and of old counts; answers how many.

    They hold what people did who may have left since (D4). Young files stay: a server may be opening one.
    """
    live = ModelVersion.objects.filter(state=ModelVersion.State.LIVE).values_list("file", "acts_file")
    counted = PairCount.objects.filter(created_at__gt=at - COUNTS_KEPT)
    counts = counted.values_list("items_file", "file", "shards__file")
    serving = {name for files in (*live, *counts) for name in files}
    old = [
        path
        for path in settings.MODEL_DIR.glob("*")
        if path.name not in serving and path.stat().st_mtime < (at - KEPT_AFTER).timestamp()
    ]
    for path in old:
        path.unlink()
    return len(old)
