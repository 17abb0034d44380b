"""How, where and by whom an answer was given, in words of the reader's language.

The ledger keeps codes as they came. What a shop sends of its own is shown as it is.
"""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers import banner, gpc, optin, preferences, requests
from customers.api import notices
from customers.shops import people

METHODS: Mapping[str, str | Promise] = {
    "checkbox": _("a box that was ticked"),
    "erasure": _("erasure of the person"),
    "import": _("a file brought in"),
    "mailbox": _("a complaint at the mail provider"),
    "merge": _("two customers became one"),
    "objection": _("an objection"),
    "replay": _("the journal, after a backup was restored"),
    "soft opt-in refused": _("a no while ordering"),
    "staff": _("staff, at the desk"),
    "unsubscribe": _("the link to unsubscribe"),
    banner.METHOD: _("consent sent along with events"),
    gpc.METHOD: _("the browser's Global Privacy Control"),
    notices.METHOD: _("the shop's consent window"),
    optin.METHOD: _("a confirmation by e-mail"),
    people.METHOD: _("marketing consent of the shop"),
    preferences.METHOD: _("the person's own page"),
}
SOURCES: Mapping[str, str | Promise] = {
    "desk": _("the desk"),
    "double opt-in": _("a confirmation by e-mail"),
    "erasure": _("erasure of the person"),
    "identities": _("two customers became one"),
    "journal": _("the journal, after a backup was restored"),
    "order": _("an order"),
    "person's page": _("the person's own page"),
    "privacy": _("erasure of the person"),
    "privacy page": _("the person's own page"),
    "privacy request": _("a privacy request"),
    "unsubscribe": _("the link to unsubscribe"),
}
ACTORS: Mapping[str, str | Promise] = {
    "alias": _("the shop, which told of a second name"),
    "browser": _("the browser"),
    "command": _("command line"),
    "customer": _("the customer"),
    "identify": _("the shop, which told who they are"),
    "installation": _("this installation"),
    "visitor": _("a visitor"),
}
IDENTITIES: Mapping[str, str | Promise] = {
    "journal": _("the journal, after a backup was restored"),
    requests.BY_CLICK: _("a click in a mail"),
    requests.BY_PAGE: _("the person's own page"),
    requests.NEEDS_NONE: _("none needed: it only takes leave away"),
}
# What stands before a colon and is followed by a name.
KINDS: Mapping[str, str | Promise] = {
    "import": _("a file brought in"),
    "staff": _("staff"),
}


def method(code: str) -> str:
    return str(METHODS.get(code, code))


def source(code: str) -> str:
    return _named(code, SOURCES)


def actor(code: str) -> str:
    return _named(code, ACTORS)


def identity(code: str) -> str:
    return _named(code, IDENTITIES)


def _named(code: str, words: Mapping[str, str | Promise]) -> str:
    kind, colon, name = code.partition(":")
    if colon and kind in KINDS:
        return f"{KINDS[kind]}: {name.strip()}"
    return str(words.get(code, code)) or "–"
