"""The parts every message may use as they are: {{ products_block }}, {{ offer_block }} and their like."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import css_inline
from django.conf import settings

from campaigns.messages.held import hold
from campaigns.messages.plain import text_source

_FOLDER = Path(settings.BASE_DIR) / "templates" / "email"
# Each is a file; two are another's with what they walk through changed.
_SOURCES: dict[str, tuple[str, Mapping[str, str]]] = {
    "products_block": ("products", {}),
    "cause_block": ("products", {"products.size": "cause.products.size", "in products": "in cause.products"}),
    "offers_block": ("offers", {}),
    "offer_block": ("offers", {"in offers": "in offers limit: 1"}),
}
NAMES = tuple(_SOURCES)


@dataclass(frozen=True)
class Block:
    """A block's Liquid, once for the HTML with its styles inlined, once for the text."""

    html: str
    text: str


@lru_cache(maxsize=len(_SOURCES))
def block(name: str) -> Block:
    file, changes = _SOURCES[name]
    source = (_FOLDER / "blocks" / f"{file}.liquid").read_text("utf-8")
    for old, new in changes.items():
        source = source.replace(old, new)
    held = hold(source, as_comments=True)
    inlined = css_inline.inline_fragment(
        held.markup, (_FOLDER / "blocks.css").read_text("utf-8"), load_remote_stylesheets=False
    )
    return Block(held.put_back(inlined), text_source(source) or "")
