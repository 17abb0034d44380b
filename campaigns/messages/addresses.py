"""Links as they are written: what cannot work in a mail, and what looks like a mistake. Nothing is opened."""

import ipaddress
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from campaigns.messages.markup import MARK

# Ways a mail may lead besides a web page.
_OTHER = ("mailto:", "tel:", "sms:")
PLACEHOLDERS = frozenset({"example.com", "example.org", "example.net", "www.example.com", "localhost"})
SHORTENERS = frozenset(
    [
        "bit.ly",
        "tinyurl.com",
        "t.co",
        "goo.gl",
        "ow.ly",
        "is.gd",
        "buff.ly",
        "rebrand.ly",
        "cutt.ly",
        "t.cn",
        "dwz.cn",
        "url.cn",
        "suo.im",
    ]
)


def fault(address: str) -> str:
    """Why the address cannot work; empty when it can. What Liquid fills in is left alone."""
    told = MARK.sub("", address)
    if not told:
        return "" if address else _("This link leads nowhere: give it an address.")
    if address.startswith("liq") or told.startswith((*_OTHER, "#")):
        return ""
    if " " in told:
        return _("The address has a space in it: leave it out, or encode it.")
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return _("“%s” is no address.") % told
    if not parts.scheme:
        if "." in told.split("/")[0]:
            return _("“%s” needs https:// before it.") % told
        return (
            _("“%s” leads nowhere in a mail, which has no page it could start from: begin with https://.")
            % told
        )
    if parts.scheme not in ("https", "http"):
        return _("“%s” cannot be opened from a mail: a link begins with https://.") % told
    if not host or ("." not in host and not MARK.search(host) and host != "localhost"):
        return _("“%s” names no server.") % told
    return ""


def doubt(address: str, words: str) -> tuple[str, str] | None:
    """What looks like a mistake, and what to do; None when nothing does."""
    if address == "#":
        return _("A link leads to “#”."), _("Give it the address it is meant for.")
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").lower()
    except ValueError:
        return None
    if host in PLACEHOLDERS:
        return _("A link leads to %s, a placeholder.") % host, _("Give it the address it is meant for.")
    if host in SHORTENERS:
        return (
            _("%s hides where a link leads; filters distrust it.") % host,
            _("Write the whole address: clicks are counted anyway, for who allows it."),
        )
    if _is_number(host):
        return _("A link leads to a number instead of a name."), _("Write the server's name.")
    if parts.scheme == "http":
        return _("A link is not encrypted (http)."), _("Write https:// if the page can be opened so.")
    shown = words.strip().split("?")[0].lower()
    if host and "." in shown and " " not in shown and shown.startswith(("http", "www.")):
        said = (urlsplit(shown if "//" in shown else f"//{shown}").hostname or "").removeprefix("www.")
        if said and said != host.removeprefix("www."):
            told = {"said": said, "host": host}
            return (
                _("A link says %(said)s and leads to %(host)s, as a fraud would.") % told,
                _("Write in words what is there, or show the true address."),
            )
    return None


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
