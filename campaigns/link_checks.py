"""Opening every link of a message once, as a reader would, before anybody gets it."""

import http.client
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from campaigns import messages, outward, previews
from campaigns.messages.markup import read
from campaigns.models import Message

MOST_LINKS = 30
AT_ONCE = 8
TIMEOUT_S = 5
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Opened:
    """What answered behind one address."""

    address: str
    is_fine: bool
    told: str


def open_links(
    message: Message,
    *,
    at: datetime,
    context: ssl.SSLContext | None = None,
    public: Callable[[str], bool] = outward.is_public,
) -> list[Opened]:
    """Each address of the message, in every language, asked for once; at most 30, in the order of the message.

    The message is made for someone made up, so no person's data leaves. Nothing is followed and no body is read. Our
    own links (the ways out) are not asked. Takes 20 seconds at most. Raises TemplateFailed, Aborted.
    """
    addresses: dict[str, None] = {}
    for language in dict.fromkeys(("en", *message.translations)):
        if language in messages.LANGUAGES:
            finished = previews.made_up(message, language=language, at=at)
            addresses |= dict.fromkeys(link.address for link in read(finished.html, is_mjml=False).links)
    ways_out = tuple(f"{settings.PUBLIC_URL}/{page}/sample/" for page in ("preferences", "unsubscribe"))
    web = [one for one in addresses if one.startswith(("http:", "https:")) and one not in ways_out]
    asked = web[:MOST_LINKS]
    tls = context or ssl.create_default_context()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda address: _asked(address, tls, public), asked))
    return [Opened(address, is_fine, told) for address, (is_fine, told) in zip(asked, answers, strict=True)]


def _asked(address: str, tls: ssl.SSLContext, public: Callable[[str], bool]) -> tuple[bool, str]:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        found = outward.resolve(host, port)
    except (ValueError, KeyError):
        return False, _("This is no address.")
    except OSError:
        return False, _("The name cannot be looked up.")
    if not found or not all(public(one) for one in found):
        return False, _("It leads to an address that is not public.")
    line = outward.Pinned(found[0], host, port, tls if parts.scheme == "https" else None, timeout=TIMEOUT_S)
    try:
        line.request(
            "GET", outward.target(parts), headers={"Host": parts.netloc, "User-Agent": "Tact link check"}
        )
        answer = line.getresponse()
        return _told(answer.status, answer.headers.get("Location", ""))
    except (OSError, http.client.HTTPException):
        return False, _("Nobody answers there.")
    finally:
        line.close()


def _told(status: int, onward: str) -> tuple[bool, str]:
    if status < 300:
        return True, _("Answers.")
    if status < 400:
        return True, _("Leads on to %s") % onward
    if status in (401, 403, 405, 429):
        return True, _("Answers, but not to a program (%s).") % status
    return False, _("Says %s: a reader would find nothing there.") % status
