"""What each role may do on each page of the desk, found by asking the pages themselves."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from config import roles

DEEDS = {
    "view": _("sees"),
    "add": _("adds"),
    "change": _("changes"),
    "delete": _("deletes"),
    "act": _("acts"),
}


class Reader:
    """Somebody with these permissions and no row, to ask the pages with."""

    is_active = is_staff = is_authenticated = True
    is_superuser = False

    def __init__(self, permissions: frozenset[str]) -> None:
        self.permissions = permissions

    def has_perm(self, permission: str, obj: Any = None) -> bool:
        return permission in self.permissions


def asking(role: roles.Role) -> HttpRequest:
    request = HttpRequest()
    request.user = Reader(role.permissions)  # type: ignore[assignment]
    return request


def rooms() -> dict[str, Any]:
    """Label of a model -> its page."""
    return {
        room.opts.label_lower: room
        for room in admin.site._registry.values()  # noqa: SLF001 - it has no other list
    }


def table() -> Mapping[str, Mapping[str, frozenset[str]]]:
    """Label of a model -> role -> what they may do on its page; without pages that only a superuser sees."""
    found: dict[str, dict[str, frozenset[str]]] = {}
    for role in roles.roles():
        request = asking(role)
        for label, room in rooms().items():
            deeds = frozenset(deed for deed in DEEDS if may(room, deed, request))
            found.setdefault(label, {})[role.name] = deeds
    return {label: by for label, by in sorted(found.items()) if any(by.values())}


def may(room: Any, deed: str, request: HttpRequest) -> bool:
    """Whether the page lets them, without a row in view. `act`: only where the page has buttons that ask for it."""
    if deed != "act":
        return bool(getattr(room, f"has_{deed}_permission")(request))
    if not room.has_view_permission(request):
        return False
    needs = {need for _name, _words, need in buttons(room)} | (
        {"act"} if hasattr(room, "step_view") else set()
    )
    return "act" in needs and bool(room.has_act_permission(request))


def buttons(room: Any) -> Iterator[tuple[str, str, str]]:
    """Name, words and needed permission of each button of the page."""
    for name in dict.fromkeys([*getattr(room, "actions_list", ()), *getattr(room, "actions_detail", ())]):
        method = getattr(room, name)
        for need in getattr(method, "allowed_permissions", ()):
            yield name, str(method.short_description), need


def told_deeds(deeds: Collection[str]) -> list[str]:
    return [str(words) for deed, words in DEEDS.items() if deed in deeds]


def told_permission(permission: Permission) -> str:
    """Room, page and deed, as the desk calls them; Django keeps their names in English."""
    deed, _line, _model = permission.codename.partition("_")
    of = permission.content_type
    if of.model_class() is None or deed not in DEEDS:
        return str(permission)
    return f"{apps.get_app_config(of.app_label).verbose_name} | {of.name} | {DEEDS[deed]}"
