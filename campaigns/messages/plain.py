"""The text part: a mail's words without its looks."""

import html
import re

from campaigns.messages.held import hold

# Filters that make markup or entities of words: what they give is known only when it is there.
_MAKES_MARKUP = re.compile(r"\|\s*(newline_to_br|escape|escape_once)\b")

# A condition around what text does not show.
_SHOWS_NOTHING = re.compile(r"\{%-? if [^%]*%\}\s*\{%-? endif -?%\}")


def _unmarked(body: str) -> str:
    text = re.sub(r"(?is)<!--.*?-->|<(style|script|head|title)\b.*?</\1>", "", body)
    text = re.sub(
        r'(?is)<div\s[^>]*style="display:\s*none.*?</div>', "", text
    )  # what only a mailbox's list shows
    text = " ".join(text.split())  # a line break of the source is a space, as in a browser
    text = re.sub(r'(?i)<a\s[^>]*href="([^"]+)"[^>]*>(.*?)</a>', r"\2 (\1)", text)
    text = re.sub(r"(?i)<br\s*/?>|</(li|tr)>", "\n", text)
    text = re.sub(r"(?i)</?(p|div|h[1-6]|ul|ol|table)\b[^>]*>", "\n\n", text)
    return html.unescape(re.sub(r"<[^>]+>", " ", text))


def tidy(text: str) -> str:
    """Lines without spaces at their ends, at most one empty line between them."""
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def text_of(body: str) -> str:
    """A readable text part from the body's HTML: links after their words, blocks on lines of their own."""
    return tidy(_unmarked(body))


def text_source(body: str) -> str | None:
    """The same of a body still with its Liquid: rendered and tidied it is the text part, far cheaper than the HTML
    taken apart again for each person. None where only the finished HTML can tell.
    """
    if _MAKES_MARKUP.search(body):
        return None
    held = hold(body, as_comments=False)
    text = _unmarked(held.markup)
    if any(piece.startswith("{%") for piece in held.lost(text)):
        return None  # a condition inside a tag: the text has its beginning and not its end
    return _SHOWS_NOTHING.sub(" ", held.put_back(text))
