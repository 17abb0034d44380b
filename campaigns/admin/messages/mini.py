"""A message in small, for a list: its blocks as bars and boxes, in its own colour. Of a source, what its tags tell."""

import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from campaigns import messages
from campaigns.messages.layout import ORIGINAL, Block
from campaigns.models import Message

# As many as the picture is high; what is longer is cut off there.
MOST = 9
LETTERS_OF_A_LINE, MOST_LINES = 60, 4
OF_A_TAG = {
    "h1": "heading", "h2": "heading", "p": "text", "mj-text": "text", "mj-button": "button", "mj-image": "picture",
    "img": "picture", "hr": "divider", "mj-divider": "divider", "offer_block": "offer", "products_block": "products",
}  # fmt: skip
_TAG = re.compile(
    r"<(h1|h2|p|mj-text|mj-button|mj-image|img|hr|mj-divider)\b|\b(offer_block|products_block)\b"
)
_MARKUP = re.compile(r"<[^>]*>|\{[{%].*?[%}]\}", re.DOTALL)


class Part(NamedTuple):
    kind: str
    lines: range


def mini(row: Message) -> SafeString:
    """Without words: the name and the subject stand beside it."""
    layout = messages.layout_of(row)
    parts = [_of_block(one) for one in layout.blocks[:MOST]] if layout else list(_of_source(row.body))[:MOST]
    colour = layout.colour if layout else ""
    return render_to_string("admin/desk/message_mini.html", {"parts": parts, "colour": colour})


def _of_block(block: Block) -> Part:
    longest = max((len(words) for words in block.words.get(ORIGINAL, {}).values()), default=0)
    return Part(block.kind, _lines(longest))


def _of_source(body: str) -> Iterator[Part]:
    found = list(_TAG.finditer(body))
    for tag, after in zip_longest(found, found[1:]):
        until = after.start() if after else len(body)
        words = " ".join(_MARKUP.sub(" ", body[tag.start() : until]).split())
        kind = OF_A_TAG[tag[1] or tag[2]]
        if words or kind != "text":  # <mj-text><h1>: the heading is drawn, what holds it is not
            yield Part(kind, _lines(len(words)))


def _lines(letters: int) -> range:
    return range(min(MOST_LINES, 1 + letters // LETTERS_OF_A_LINE))
