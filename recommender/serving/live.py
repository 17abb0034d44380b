"""The models that serve now, kept in memory."""

from dataclasses import dataclass
from functools import lru_cache

import structlog
from django.conf import settings

from catalog.together import Rows
from recommender.algorithms import storage
from recommender.algorithms.base import Recommender
from recommender.models import ModelVersion

log = structlog.get_logger()


@lru_cache(maxsize=8)
def loaded(file: str, sha256: str) -> Recommender:
    return storage.load(settings.MODEL_DIR / file, sha256=sha256)


def load(version: ModelVersion) -> Recommender:
    """The fitted algorithm of a version; kept in memory. Raises storage.TornModel when the file is not the one."""
    return loaded(version.file, version.sha256)


@dataclass(frozen=True)
class Live:
    version: ModelVersion
    model: Recommender


def live_rows(*tasks: str) -> Rows:
    """The versions of the tasks that are live: to be asked together with other questions."""
    return ModelVersion.objects.filter(task__in=tasks, state=ModelVersion.State.LIVE)


def live(*tasks: str, rows: Rows | None = None) -> dict[str, Live]:
    """The live models of the tasks, whole ones only: a torn file is as if there were none.

    One query, none with the `live_rows` of the tasks.
    """
    found = {}
    for version in live_rows(*tasks) if rows is None else rows:
        try:
            found[version.task] = Live(version, load(version))
        except storage.TornModel as torn:
            log.error("model refused", model=version.pk, reason=str(torn))
    return found
