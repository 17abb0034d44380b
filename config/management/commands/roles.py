"""The five roles and what each may do on every page of the desk, worked out by asking the pages themselves."""

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib import admin
from django.core.management.base import BaseCommand
from django.http import HttpRequest
from django.utils import translation

from config import roles

DEEDS = {"view": "sees", "add": "adds", "change": "changes", "delete": "deletes", "act": "acts"}
HEAD = """\
# Roles

Five roles come with the platform. Under *System → People who log in* a person is given one or several. They are put
anew after every migration, so they cannot be edited on the desk; whoever needs another cut makes a role of their own,
under another name, under *System → Roles*. A superuser (`manage.py createsuperuser`) may do everything, whatever the
roles.

{about}

Above `APPROVAL_ABOVE` people a campaign is approved by somebody else than who made it, whatever their roles; the use of
a sensitive attribute always by somebody else than who asked.

This page is made by `manage.py roles`, which asks the pages of the desk themselves; a test logs in as each role, tries
every page, and holds this page against what it found.

## Pages

*Sees*, *adds*, *changes*, *deletes* are what they say. *Acts* is pressing the page's buttons: approve, launch, pause,
cancel, train, release, refuse and the like. Where a cell is empty, the page is not shown at all. A row's own state may
forbid more: a running campaign cannot be edited by anybody; what may be deleted only in some states is not listed.

| page | {names} |
|---|{line}
"""
BUTTONS = """
## Buttons

| page | button | who |
|---|---|---|
"""


class Reader:
    """Somebody with these permissions and no row, to ask the pages with."""

    is_active = is_staff = is_authenticated = True
    is_superuser = False

    def __init__(self, permissions: frozenset[str]) -> None:
        self.permissions = permissions

    def has_perm(self, permission: str, obj: Any = None) -> bool:
        return permission in self.permissions


class Command(BaseCommand):
    help = "Print docs/roles.md: the roles, and what each may do on every page of the desk."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.description = self.help

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override("en"):
            self.stdout.write(page(), ending="")


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


def page() -> str:
    found, ours = table(), roles.roles()
    about = "\n".join(f"- **{role.name}.** {role.about}" for role in ours)
    names = " | ".join(role.name.lower() for role in ours)
    told = HEAD.format(about=about, names=names, line="---|" * len(ours))
    pages = rooms()
    for label, by in found.items():
        cells = [", ".join(words for deed, words in DEEDS.items() if deed in by[role.name]) for role in ours]
        told += f"| {title(label, pages[label])} | {' | '.join(cells)} |\n"
    told += BUTTONS
    for label in found:
        room = pages[label]
        for _name, words, need in buttons(room):
            who = [
                role.name.lower() for role in ours if getattr(room, f"has_{need}_permission")(asking(role))
            ]
            told += f"| {title(label, room)} | {words} | {', '.join(who)} |\n"
    return told


def title(label: str, room: Any) -> str:
    return f"{room.opts.verbose_name_plural} (`{label}`)"
