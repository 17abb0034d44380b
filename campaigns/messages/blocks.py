"""The parts every message may use as they are: {{ products_block }}, {{ offer_block }} and their like.

A row is rendered once for all who are shown it: a product is the same for everyone who reads the same language, an
offer but for its code.
"""

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import css_inline
from django.conf import settings

from campaigns import liquid_templates
from campaigns.messages.held import hold
from campaigns.messages.plain import text_source

Thing = Mapping[str, str]
_FOLDER = Path(settings.BASE_DIR) / "templates" / "email"
_EACH, _END = "<!--each-->", "<!--/each-->"
_CODE = "blockcodeslot"
# Each block: its file, what one of its rows is called there, and of whom of the context there is a row.
_BLOCKS: dict[str, tuple[str, str, Callable[[Mapping[str, Any]], Sequence[Thing]]]] = {
    "products_block": ("products", "product", lambda context: context["products"]),
    "cause_block": ("products", "product", lambda context: context["cause"]["products"]),
    "offers_block": ("offers", "offer", lambda context: context["offers"]),
    "offer_block": ("offers", "offer", lambda context: context["offers"][:1]),
}
NAMES = tuple(_BLOCKS)


@dataclass(frozen=True)
class _Frame:
    """What stands before the rows, a row in Liquid, and what stands after."""

    before: str
    row: str
    after: str


def block(name: str, context: Mapping[str, Any], *, as_text: bool = False) -> str:
    """The block with what the context has for it; empty where that is nothing."""
    file, thing, things = _BLOCKS[name]
    rows = [_row(file, thing, row, as_text) for row in things(context)]
    if not rows:
        return ""
    frame = _frame(file, as_text)
    return frame.before + "".join(rows) + frame.after


def _row(file: str, thing: str, told: Thing, as_text: bool) -> str:
    code = told.get("code", "")
    if not code:
        return _rendered(file, thing, tuple(told.items()), as_text)
    row = _rendered(file, thing, tuple({**told, "code": _CODE}.items()), as_text)
    return row.replace(_CODE, code if as_text else html.escape(code))


@lru_cache(maxsize=4096)
def _rendered(file: str, thing: str, told: tuple[tuple[str, str], ...], as_text: bool) -> str:
    return liquid_templates.render(_frame(file, as_text).row, {thing: dict(told)}, escape=not as_text)


@lru_cache(maxsize=4)
def _frame(file: str, as_text: bool) -> _Frame:
    source = (_FOLDER / "blocks" / f"{file}.liquid").read_text("utf-8")
    held = hold(source, as_comments=True)
    styles = (_FOLDER / "blocks.css").read_text("utf-8")
    inlined = held.put_back(css_inline.inline_fragment(held.markup, styles, load_remote_stylesheets=False))
    before, _each, rest = inlined.partition(_EACH)
    row, _end, after = rest.partition(_END)
    if as_text:
        before, row, after = (text_source(part) or "" for part in (before, row, after))
    return _Frame(before, row, after)
