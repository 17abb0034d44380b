"""Tracked addresses: a click leads only where its own token says, and a pixel names only its decision."""

import uuid

import orjson
from django.conf import settings

from customers import encryption


def click_url(decision_id: uuid.UUID, target: str) -> str:
    content = orjson.dumps([decision_id.hex, target])
    return f"{settings.PUBLIC_URL}/c/{encryption.opaque_token('click', content)}"


def pixel_url(decision_id: uuid.UUID) -> str:
    return f"{settings.PUBLIC_URL}/o/{encryption.opaque_token('open', decision_id.bytes)}.gif"


def clicked(token: str) -> tuple[uuid.UUID, str]:
    """The decision and the target of a click. Raises encryption.Unreadable."""
    decision, target = orjson.loads(encryption.open_token("click", token))
    return uuid.UUID(decision), target


def opened(token: str) -> uuid.UUID:
    """The decision of an open. Raises encryption.Unreadable."""
    return uuid.UUID(bytes=encryption.open_token("open", token))
