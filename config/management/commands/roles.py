"""The five roles and what each may do on every page of the desk, worked out by asking the pages themselves."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import translation

from config import roles
from config.role_table import asking, buttons, rooms, table, told_deeds

HEAD = """\
# Roles

Five roles come with the platform. Under *System → People who log in* a person is given one or several. They are put
anew after every migration, so they cannot be edited on the desk; whoever needs another cut makes a role of their own,
under another name, under *System → Roles*. A superuser (`manage.py createsuperuser`) may do everything, whatever the
roles.

{about}

Above `APPROVAL_ABOVE` people a campaign is approved by somebody who neither made nor changed it, whatever their roles;
the use of a sensitive attribute always by somebody else than who asked.

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


class Command(BaseCommand):
    help = "Print docs/roles.md: the roles, and what each may do on every page of the desk."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.description = self.help

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override("en"):
            self.stdout.write(page(), ending="")


def page() -> str:
    found, ours = table(), roles.roles()
    about = "\n".join(f"- **{role.name}.** {role.about}" for role in ours)
    names = " | ".join(role.name.lower() for role in ours)
    told = HEAD.format(about=about, names=names, line="---|" * len(ours))
    pages = rooms()
    for label, by in found.items():
        cells = [", ".join(told_deeds(by[role.name])) for role in ours]
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
