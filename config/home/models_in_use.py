"""The models that choose for people: which is live for each task, how old, and how good beside a simple rule."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from catalog.pages import told_time
from config.home.need import listed, page
from recommender.admin.figures import Headline
from recommender.models import ModelVersion, TrainingRun

OLD = timedelta(days=7)


@dataclass(frozen=True)
class ModelInUse:
    task: str
    link: str
    age: str
    is_old: bool
    trained: str
    """When its task was last trained, well or not."""
    quality: str
    is_below: bool
    """It did no better than the simple rule."""


def models_in_use(request: HttpRequest, at: datetime) -> list[ModelInUse]:
    """Two queries, of one row a task."""
    if not request.user.has_perm("recommender.view_modelversion"):
        return []
    ended = TrainingRun.objects.filter(state__in=(TrainingRun.State.DONE, TrainingRun.State.FAILED))
    last = dict(ended.order_by().values_list("task").annotate(last=Max("ended_at")))
    live = ModelVersion.objects.filter(state=ModelVersion.State.LIVE).order_by("pk")
    return [_told(row, last.get(row.task), at) for row in live.only(
        "task", "algorithm", "created_at", "renewed_at", "metrics"
    )]  # fmt: skip


def _told(row: ModelVersion, last: datetime | None, at: datetime) -> ModelInUse:
    days = (at - row.created_at).days
    headline = Headline.of(row.metrics)
    is_below = headline is not None and headline.floor is not None and _does_worse(headline)
    return ModelInUse(
        str(row.get_task_display()),
        page("recommender_modelversion", row.pk),
        ngettext("%s day old", "%s days old", days) % days if days else _("of today"),
        at - row.created_at > OLD,
        told_time(last) if last else _("none has ended yet"),
        headline.sentence if headline is not None else _("not measured, or on too few people"),
        is_below,
    )


def _does_worse(headline: Headline) -> bool:
    """Of Brier's score less is better."""
    floor = headline.floor or 0.0
    return headline.value > floor if headline.name.startswith("Brier") else headline.value < floor


def all_models() -> str:
    return listed("recommender_modelversion")
