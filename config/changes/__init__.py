"""The audit log (S5): who did what to which thing, when, and each field before and after.

Written in two places: `desk` for every page of the desk, `doors` for the API and for whoever is refused. A person is
never quoted: of a row about people only its number and the names of the fields stand here, of a secret only its name.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import BinaryField, DateTimeField, Model
from django.http import HttpRequest
from django.utils import timezone

from config.models import Change
from config.papers.lines import BESIDE, LINES

Deed, Door = Change.Deed, Change.Door
State = Mapping[str, Any]
LONGEST = 2000
STAFF = {"auth.User", "config.SavedView"}
# Rows of, or about, people. Whoever adds a model says in config.papers.lines whether it is.
OF_PEOPLE = frozenset(label for label in {*LINES, *BESIDE} - STAFF)
_SECRET = ("secret", "password", "hash", "salt", "token", "private_key")
# Numbers of people, and what is worked out of them: a history is read by those, too, who are told in tens (N1).
_OF_MANY = frozenset(
    {
        *("approved_people", "waterfall", "people", "interactions", "metrics", "counts", "rests_on", "arms"),
        *("rows", "records", "figures", "cells", "answer", "result", "pairs", "count", "why"),
    }
)
# Bookkeeping: it moves with everything, or with every order meanwhile, and whoever saved the form did not do it.
_NOISE = frozenset(
    {
        *("updated_at", "created_at", "last_login", "last_used_at", "lease_until", "attempt", "size"),
        *(
            "given",
            "discount_given",
            "discount_reserved",
            "used_percent",
            "spent",
            "failures",
            "progress",
            "pace",
        ),
        *("cursor", "cursors", "spans", "seen", "sent_in_window", "slowed_to", "downloads", "downloaded_at"),
    }
)
_NOT_QUOTED = "…"


@dataclass(frozen=True)
class Hidden:
    """Whether it is another one can be told; what it is cannot."""

    mark: int


def label_of(row: Model) -> str:
    return str(row._meta.label)  # noqa: SLF001 - Django's documented way


def is_of_people(label: str) -> bool:
    return label in OF_PEOPLE


def state_of(row: Model, *, inside: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What stands in the database about a row now, field by field; empty where there is none.

    inside : of rows that are edited within its page, name -> query set.
    """
    kind = type(row)
    now = kind._default_manager.filter(pk=row.pk).first()  # noqa: SLF001 - Django's documented way
    if now is None:
        return {}
    found = _columns(now)
    for field in kind._meta.many_to_many:  # noqa: SLF001
        found[field.name] = sorted(str(other) for other in getattr(now, field.name).all()[:200])
    for name, rows in (inside or {}).items():
        found[name] = [_columns(one) for one in rows.order_by("pk")[:200]]
    return found


def difference(label: str, before: State, after: State) -> dict[str, list[Any]]:
    """Field -> [before, after] of what is not alike; of people and of secrets the name alone."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    if is_of_people(label):
        return {name: [] for name in names}
    return {name: _told(before.get(name), after.get(name)) for name in names}


def note(
    deed: Change.Deed,
    request: HttpRequest | None,
    *,
    thing: Model | None = None,
    words: str = "",
    fields: Mapping[str, Any] | None = None,
    who: str = "",
    door: Change.Door = Change.Door.DESK,
) -> None:
    """Add one entry, in the transaction of what it tells of."""
    label = label_of(thing) if thing is not None else ""
    user: Any = getattr(request, "user", None)
    by = who or (user.get_username() if user is not None and user.is_authenticated else "")
    Change.objects.create(
        at=timezone.now(),
        door=door,
        who=by[:150],
        deed=deed,
        model=label.lower(),
        object_id="" if thing is None else str(thing.pk),
        # An id of the shop, or an address, may be a row's name: of people the number is enough.
        name="" if thing is None or is_of_people(label) else str(thing)[:200],
        words=words[:500],
        fields=dict(fields or {}),
    )


def _columns(row: Model) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in row._meta.concrete_fields:  # noqa: SLF001 - Django's documented way
        if field.primary_key or field.name in _NOISE:
            continue
        value = field.value_from_object(row)
        if isinstance(field, BinaryField) or field.name in _OF_MANY or _is_secret(field.name):
            found[field.name] = Hidden(hash(bytes(value) if isinstance(value, memoryview) else str(value)))
        elif isinstance(field, DateTimeField) and value is not None:
            found[field.name] = value.isoformat(timespec="seconds")
        elif field.is_relation and value is not None:
            found[field.name] = f"#{value}"
        else:
            found[field.name] = value
    return found


def _told(before: Any, after: Any) -> list[Any]:
    if isinstance(before, Hidden) or isinstance(after, Hidden):
        return []
    return [_short(before), _short(after)]


def _is_secret(name: str) -> bool:
    return any(part in name for part in _SECRET) or name in ("key", "former_key")


def _short(value: Any) -> Any:
    """As JSON can hold it; a long text is cut, and what a rule says of one person's id is not quoted."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST else value[: LONGEST - 1] + "…"
    plain = json.loads(json.dumps(_without_ids(value), default=str))
    text = json.dumps(plain, ensure_ascii=False)
    return plain if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get("attribute") == "id":
            return {name: part if name == "attribute" else _NOT_QUOTED for name, part in value.items()}
        return {name: _without_ids(part) for name, part in value.items()}
    if isinstance(value, Hidden):
        return _NOT_QUOTED
    if isinstance(value, list):
        return [_without_ids(part) for part in value]
    return value
