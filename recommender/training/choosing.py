"""Another version is put live by hand: one that was refused, or the one that served before.

Only recommendations: what other tasks told of people is written down with their model. Who left since it learnt is taken
out of it within a minute, as out of any model that serves (`renewal`), so it goes live only with what it learnt from.
"""

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from recommender.algorithms import storage
from recommender.models import ModelVersion, Task
from recommender.training.renewal import read_acts

State = ModelVersion.State


class CannotServe(Exception):
    """This version cannot be put live; the message says why in words."""


def is_kept(version: ModelVersion) -> bool:
    """Whether its files are still there. Asks the disk, not their content."""
    names = (version.file, version.acts_file)
    return all(name and (settings.MODEL_DIR / name).is_file() for name in names)


def can_serve(version: ModelVersion) -> bool:
    """Whether it is of the kind that may be put live, does not serve yet, and is still there."""
    return version.task == Task.RECOMMEND and version.state != State.LIVE and is_kept(version)


def put_live(version: ModelVersion, *, by: str) -> ModelVersion:
    """From now on this version serves, and the live one rests. Raises CannotServe; then nothing has changed."""
    if version.task != Task.RECOMMEND:
        raise CannotServe(_("Only recommendations can be put live by hand."))
    try:
        read_acts(version)
        storage.load(settings.MODEL_DIR / version.file, sha256=version.sha256)
    except storage.TornModel as torn:
        raise CannotServe(
            _("Its file is not kept any more: what does not serve is deleted after an hour. Train it again.")
        ) from torn
    with transaction.atomic():
        rows = ModelVersion.objects.select_for_update().filter(task=version.task).order_by("pk")
        held = {row.pk: row for row in rows.filter(Q(pk=version.pk) | Q(state=State.LIVE))}
        row = held.get(version.pk)
        if row is None or row.state == State.LIVE:
            raise CannotServe(_("It serves already."))
        ModelVersion.objects.filter(task=row.task, state=State.LIVE).update(state=State.RETIRED)
        row.state, row.reason = State.LIVE, f"put live by hand by {by}"[:300]
        row.save(update_fields=["state", "reason"])
    return row
