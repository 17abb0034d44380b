"""What was done for a request, as it was noted, in words of the reader's language; the register keeps the notes as they are."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.apps import apps
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.moments import told_time
from catalog.pages import Section
from customers import privacy, request_traces
from customers.requests import CORRECTABLE

STORES: Mapping[str, str | Promise] = {
    "identity": _("Who asked"),
    "clock": _("The time to answer"),
    "request": _("This request"),
    "restriction": _("The restriction"),
    "mail": _("Mail to the person"),
    "exports": _("Copies made for the person"),
    "farewell": _("The last mail"),
    "customers.PersonKey": _("Key that opens their data"),
}
DEEDS: Mapping[str, str | Promise] = {
    "copied": _("copied"),
    "deleted": _("deleted"),
    "destroyed": _("destroyed: what it sealed can be read by nobody"),
    "kept without the person": _("kept without the person"),
    "restricted": _("restricted"),
    "lifted": _("lifted"),
    "to be lifted": _("to be lifted once the person was told"),
    "refused": _("refused"),
    "extended": _("extended"),
    "sealed file": _("written into a sealed file"),
    "address kept for one mail": _("address kept for one mail"),
    "was gone already": _("was gone already"),
    "merged into another meanwhile": _("merged into another meanwhile"),
    "the person's note was dealt with": _("the person's note was dealt with"),
    "identity": _("asks them to prove who they are"),
    "done": _("tells that it is done"),
    "lifting": _("tells that the restriction ends"),
    request_traces.BY_HAND: _("proven by hand"),
    request_traces.GONE: _("erased with the person"),
}
MAILS: Mapping[str, str | Promise] = {
    "refused": _("tells that it is refused"),
    "extended": _("tells that it takes longer"),
}


def section(steps: list[dict[str, Any]]) -> Section:
    lines = [
        (
            store(line["store"]),
            deed(line["store"], line["what"]),
            f"{line['rows']:,}",
            told_time(datetime.fromisoformat(line["at"])),
            line.get("by", ""),
            line.get("why", ""),
        )
        for line in steps
    ]
    headers = (_("of what"), _("what was done"), _("rows"), _("at"), _("by"), _("because"))
    return Section(_("Evidence"), headers, lines, _("Nothing was done yet."))


def store(name: str) -> str:
    """A table by the name that its rows have on the desk."""
    if name in STORES:
        return str(STORES[name])
    try:
        return capfirst(privacy.words(apps.get_model(name)))
    except (LookupError, ValueError):
        return name


def deed(name: str, what: str) -> str:
    if what.endswith(" corrected"):
        field = what.removesuffix(" corrected")
        return gettext("corrected: %s") % CORRECTABLE.get(field, field)
    first, colon, rest = what.partition(": ")
    words = {**DEEDS, **MAILS} if name == "mail" else DEEDS
    told = str(words.get(first, first))
    if not colon:
        return told
    return f"{told}: {gettext('failed') if rest == 'failed' else words.get(rest, rest)}"
