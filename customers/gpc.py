"""Global Privacy Control: a browser's `Sec-GPC: 1` is a no, written down before anything else of the request (C13).

Source: W3C Global Privacy Control; 11 CCR 7025 (California).
"""

from collections.abc import Collection, Mapping, MutableMapping
from datetime import datetime
from typing import Any, Protocol

from customers import consent

# No sale, no sharing, no targeting. It says nothing against keeping what the shop itself needs, nor against mail.
PURPOSES = ("personalization", "partner_sharing")
METHOD = "Sec-GPC"
# How the ledger says that it was the browser and not the person: by the header, or by the consent widget that asked it.
METHODS = (METHOD, "Global Privacy Control")
# The answer says `GPC: honoured`; `config.security` reads it from here.
HONOURED = "tact.gpc"


class Asked(Protocol):
    """Of a request, what is read here: Django's own and the API's both have it."""

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def META(self) -> MutableMapping[str, Any]: ...  # noqa: N802 - Django's name


def is_on(request: Asked) -> bool:
    """The signal is exactly `1`; anything else is no signal."""
    return request.headers.get("Sec-GPC") == "1"


def honour(request: Asked, customer_ids: Collection[int], *, source: str, at: datetime) -> bool:
    """Write the no down for these people, once, where the browser sends the signal; whether it does.

    One query where nothing is new, four where something is.
    """
    if not is_on(request):
        return False
    if customer_ids:
        consent.object_to(customer_ids, PURPOSES, method=METHOD, source=source, actor="browser", at=at)
        request.META[HONOURED] = "honoured"
    return True
