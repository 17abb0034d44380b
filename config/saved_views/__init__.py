"""Lists under a name: filters, search and order of any list, one's own or for everybody of a role."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext as _

from config import changes
from config.models import SavedView

# Where in the list one is, and how it was come to, is no part of a view.
_PASSING = ("p", "e", "all", "view", "_popup", "_to_field", "_changelist_filters")
# On lists of people a search holds a name or an address, which is not kept.
_SEARCH = "q"
LONGEST_QUERY = 2000


class NotAView(Exception):
    """It cannot be kept; the text says why, at the field `field`."""

    def __init__(self, field: str, told: str) -> None:
        super().__init__(told)
        self.field = field


@dataclass(frozen=True)
class Chip:
    view: SavedView
    link: str
    is_open: bool
    is_mine: bool


def kept_of(query: str, model: str) -> str:
    """What of a list's address is a view, in one order, so that the same view is the same text."""
    said = QueryDict(query, mutable=True)
    for name in (*_PASSING, *([_SEARCH] if is_of_people(model) else [])):
        said.pop(name, None)
    pairs = sorted((name, value) for name, values in said.lists() for value in values if value != "")
    found = QueryDict(mutable=True)
    for name, value in pairs:
        found.appendlist(name, value)
    return found.urlencode()


def is_of_people(model: str) -> bool:
    return changes.is_of_people(str(apps.get_model(model)._meta.label))  # noqa: SLF001


def seen_by(user: Any) -> Q:
    return Q(owner_id=user.pk) | Q(role__in=user.groups.all())


def chips(user: Any, model: str, query: str) -> list[Chip]:
    """One's own first, then those of one's roles. One query."""
    now = kept_of(query, model)
    rows: Sequence[SavedView] = list(
        SavedView.objects.filter(seen_by(user), model=model).select_related("owner").distinct()
    )
    rows = sorted(rows, key=lambda row: (row.owner_id != user.pk, row.name.lower()))
    return [
        Chip(row, f"?{row.query}&view={row.pk}", row.query == now, row.owner_id == user.pk) for row in rows
    ]


def default_of(user: Any, model: str) -> str:
    """What a list opens with; empty for all of it. One query."""
    found = SavedView.objects.filter(owner_id=user.pk, model=model, is_default=True).values_list(
        "query", flat=True
    )
    return found.first() or ""


def roles_of(user: Any) -> list[Group]:
    """Whom one may share with: one's own roles; a superuser with all."""
    rows = Group.objects.all() if user.is_superuser else user.groups.all()
    return list(rows.order_by("name"))


def save(
    user: Any, row: SavedView, *, name: str, query: str | None, role: str, is_default: bool
) -> SavedView:
    """Keep it, new or changed. Raises NotAView."""
    row.name = " ".join(name.split())[:60]
    if not row.name:
        raise NotAView("name", _("Give it a name."))
    others = SavedView.objects.filter(owner_id=user.pk, model=row.model).exclude(pk=row.pk)
    if others.filter(name__iexact=row.name).exists():
        raise NotAView("name", _("You have a view of this name. Take another, or delete that one first."))
    if query is not None:
        row.query = kept_of(query, row.model)
    if not row.query:
        raise NotAView("query", _("Nothing is filtered or sorted: there is nothing to keep."))
    if len(row.query) > LONGEST_QUERY:
        raise NotAView("query", _("Too many filters for one view."))
    row.role = next((group for group in roles_of(user) if str(group.pk) == role), None)
    row.is_default = is_default
    with transaction.atomic():
        if is_default:
            others.update(is_default=False)
        row.owner_id = user.pk
        row.save()
    return row
