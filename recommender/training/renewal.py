"""A live model keeps up between two trainings: without those who left, and with what was done since.

What a model learnt from lies beside it in a file of its own, which nothing that serves ever opens: the acts, by
customers' numbers. So who says no, or is erased, is taken out of what was learnt exactly (D4), though their behaviour
may not be read any more; and new acts are worked in without reading the old ones again.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import structlog
from django.conf import settings

from customers import consent, histories
from recommender import evaluation
from recommender.algorithms import storage
from recommender.algorithms.interactions import Interactions
from recommender.models import ModelVersion
from recommender.training.publishing import write

log = structlog.get_logger()
EVERY = timedelta(hours=1)
"""How often new acts are worked in. Who leaves is not kept waiting for it."""
_ARRAYS = ("users", "items", "rows", "columns", "weights", "days", "baskets")


def keep_acts(acts: Interactions, *, at: datetime, day: float | None = None) -> dict[str, Any]:
    """Write down what a model learnt from, at `day` of the data's clock (its newest, if not said otherwise).

    Answers the columns of its row that name the file.
    """
    day = float(acts.days.max(initial=0.0)) if day is None else day
    arrays = {name: array for name in _ARRAYS if (array := getattr(acts, name)) is not None}
    file, sha256 = write("acts", {"day": day}, arrays, at=at)
    return {"acts_file": file, "acts_sha256": sha256}


def read_acts(version: ModelVersion) -> tuple[Interactions, float]:
    """What a model learnt from, and the day. Raises TornModel."""
    manifest, arrays = storage.read_arrays(settings.MODEL_DIR / version.acts_file, sha256=version.acts_sha256)
    return Interactions(**arrays), float(manifest["day"])


def renew(*, at: datetime) -> list[ModelVersion]:
    """Every live model that somebody left, or that new acts wait for; answers those that changed.

    An act that is told late, from before the last renewal, waits for the next training. A model whose file is torn
    does too, and does not keep the others waiting. One that can no longer learn here waits as well, but where somebody
    has left it, it serves no longer.
    """
    changed = []
    for version in (
        ModelVersion.objects.filter(state=ModelVersion.State.LIVE).exclude(acts_file="").order_by("pk")
    ):
        try:
            if _renew(version, at=at):
                changed.append(version)
        except storage.TornModel as torn:
            log.error("model not renewed", model=version.pk, reason=str(torn))
    return changed


def _renew(version: ModelVersion, *, at: datetime) -> bool:
    known_consents = consent.newest_record()
    since = version.renewed_at or version.trained_until
    left = consent.refused_since("personalization", version.consents_until)
    if at - since >= EVERY:
        left |= histories.restricted()
    left -= consent.Permission.of_many(left, "personalization", at=at).keys()  # who came back stays
    if not left and at - since < EVERY:
        return False
    before, day = read_acts(version)
    kept, newer = without(before, left), evaluation.learnable(since=since, at=at)
    after = kept
    if len(after) == len(before) and not len(newer):
        # The same as it was: only so much more of the ledger is known.
        _swap(version, consents_until=known_consents, renewed_at=at)
        return False
    if not len(newer):
        day_now = day  # nothing happened since: what was, as it was, only without them
    else:
        after, day_now = after.joined(newer), max(day, float(newer.days.max()))
    if not len(after):
        return _swap(version, state=ModelVersion.State.RETIRED, reason="everybody it learnt from has left")
    model = storage.load(settings.MODEL_DIR / version.file, sha256=version.sha256)
    try:
        model.refit(before, after, at=day_now, texts=evaluation.texts())
    except ValueError as refused:  # too many items by now, or a package is not installed here
        log.error("model not renewed", model=version.pk, reason=str(refused))
        if len(kept) == len(before):  # nobody of those who left is in it
            return False
        reason = f"it knows people who have left, and cannot be learnt anew: {refused}"
        return _swap(version, state=ModelVersion.State.RETIRED, reason=reason[:300])
    manifest = {"algorithm": model.name, "parameters": model.parameters}
    file, sha256 = write(version.task, manifest, model.state(), at=at)
    return _swap(
        version,
        file=file,
        sha256=sha256,
        people=len(after.users),
        interactions=len(after),
        consents_until=known_consents,
        renewed_at=at,
        **keep_acts(after, day=day_now, at=at),
    )


def without(acts: Interactions, people: Collection[int]) -> Interactions:
    """The acts of everybody else."""
    gone = np.isin(acts.users, np.fromiter(people, dtype=np.int64, count=len(people)))
    return acts.chosen(~gone[acts.rows]) if gone.any() else acts


def _swap(version: ModelVersion, **columns: Any) -> bool:
    """Change the row only if it still is the one that was read: a training that came in between wins."""
    same = ModelVersion.objects.filter(pk=version.pk, file=version.file, state=ModelVersion.State.LIVE)
    return bool(same.update(**columns))
