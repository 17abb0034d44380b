"""What serves now, a card a task, for the top of the list of models."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.timesince import timesince
from django.utils.translation import gettext

from customers import few
from recommender.admin import versions
from recommender.admin.figures import Headline
from recommender.models import ModelVersion, Task

State = ModelVersion.State


@dataclass(frozen=True)
class Card:
    """One task: the version that serves it, or that none does; and how the newest attempt since ended."""

    task: str
    link: str
    name: str
    quality: str
    floor: str
    age: str
    learnt_from: str
    newest: str


def cards(*, at: datetime) -> list[Card]:
    """One a task. Two queries."""
    live = {row.task: row for row in ModelVersion.objects.filter(state=State.LIVE)}
    refused: dict[str, ModelVersion] = {}
    for row in ModelVersion.objects.filter(state=State.REFUSED).order_by("-pk")[:40]:
        refused.setdefault(row.task, row)
    return [_card(Task(task), live.get(task), refused.get(task), at=at) for task in Task.values]


def _card(task: Task, row: ModelVersion | None, refused: ModelVersion | None, *, at: datetime) -> Card:
    newest = ""
    if refused is not None and (row is None or refused.pk > row.pk):
        newest = gettext("A newer one was refused.")
    title = str(task.label)
    if row is None:
        return Card(title, "", gettext("Nothing serves"), "", "", "", "", newest)
    head = Headline.of(row.metrics)
    people = few.short(row.people)
    acts = few.short(row.interactions if row.people >= few.FEWEST_PEOPLE else 0)
    return Card(
        title,
        reverse("admin:recommender_modelversion_change", args=[row.pk]),
        str(row.metrics.get("label", row.algorithm)),
        f"{head.name} {head.told}" if head else gettext("not measured"),
        f"{head.floor_name}: {head.told_floor}" if head and head.floor is not None else "",
        gettext("learnt %s ago") % timesince(row.renewed_at or row.trained_until, at, depth=1),
        gettext("Learnt from %(people)s people, %(acts)s interactions,") % {"people": people, "acts": acts}
        if row.people
        else gettext("Learnt from no person's acts,"),
        newest,
    )


def over_time() -> dict[str, Any]:
    """The main figure of the newest recommendations on one scale; empty for fewer than two. Three queries."""
    rows = ModelVersion.objects.filter(task=Task.RECOMMEND)
    row = rows.filter(state=State.LIVE).first() or rows.order_by("-pk").first()
    return versions.strips(row, versions.around(row)) if row is not None else {}
