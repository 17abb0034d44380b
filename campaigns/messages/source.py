"""Blocks -> MJML with Liquid: the one place where what is edited at the desk becomes what everything behind reads."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

from campaigns.messages.layout import COLOUR, Block, Layout
from campaigns.messages.marks import inline, paragraphs

_HEAD = """<mjml>
<mj-head>
<mj-attributes>
<mj-all font-family="system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'Noto Sans CJK SC', sans-serif" />
<mj-text font-size="16px" line-height="1.5" color="#22252a" padding="8px 24px" />
<mj-image padding="8px 24px" />
<mj-divider padding="16px 24px" border-width="1px" border-color="#d5d5d0" />
<mj-section padding="12px 0" />
</mj-attributes>
<mj-style>
a { color: %s; }
@media (prefers-color-scheme: dark) {
  body, .whole { background: #16181b !important; }
  .sheet, .sheet > table { background: #1f2226 !important; }
  .sheet div, .sheet p, .sheet li, .sheet h1, .sheet h2 { color: #e8e8e6 !important; }
  .sheet p a, .sheet li a, .sheet h1 a, .sheet h2 a { color: #8ab4f8 !important; }
}
</mj-style>
</mj-head>
<mj-body background-color="#f4f4f2" css-class="whole">
"""
_SECTION = '<mj-section background-color="#ffffff" css-class="sheet">\n'
_COLUMN, _END_COLUMN, _END_SECTION = "<mj-column>\n", "</mj-column>\n", "</mj-section>\n"
_FOOT = "</mj-body>\n</mjml>\n"
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Span:
    """Which lines of the source a part of a block has made."""

    first: int
    last: int
    key: str
    part: str


@dataclass(frozen=True)
class Source:
    text: str
    spans: tuple[Span, ...]

    def at(self, line: int) -> tuple[Span, int] | None:
        """The part that a line was made from, and the line in it."""
        found = next((span for span in self.spans if span.first <= line <= span.last), None)
        return (found, line - found.first + 1) if found is not None else None


@dataclass(frozen=True)
class _Piece:
    text: str
    part: str = ""


def source(layout: Layout, language: str) -> Source:
    """The body in this language; where a block has no translation it says the original."""
    colour = layout.colour if _COLOUR.fullmatch(layout.colour) else COLOUR
    made, spans = [_HEAD % colour], []
    line, is_first, in_column = made[0].count("\n") + 1, True, False
    for block in layout.blocks:
        pieces = list(_pieces(block, language, colour=colour, is_first=is_first))
        is_first = is_first and block.kind != "heading"
        if not pieces:
            continue
        around = ""
        if block.kind == "columns":
            around, in_column = (_END_COLUMN + _END_SECTION if in_column else "") + _SECTION, False
        elif not in_column:
            around, in_column = _SECTION + _COLUMN, True
        made.append(around)
        line += around.count("\n")
        for piece in pieces:
            turns = piece.text.count("\n")
            spans.append(Span(line, line + turns, block.key, piece.part))
            made.append(piece.text + "\n")
            line += turns + 1
        if block.kind == "columns":
            made.append(_END_SECTION)
            line += 1
    made.append((_END_COLUMN + _END_SECTION if in_column else "") + _FOOT)
    return Source("".join(made), tuple(spans))


def _pieces(block: Block, language: str, *, colour: str, is_first: bool) -> Iterator[_Piece]:
    """What a block says, each piece with the part it comes from; nothing where it has nothing to say."""

    def said(name: str) -> str:
        return block.said(name, language).strip()

    match block.kind:
        case "heading" if said("text"):
            tag, size = ("h1", 24) if is_first else ("h2", 19)
            style = f"margin:0;font-size:{size}px;line-height:1.3;font-weight:600"
            yield _Piece(f'<mj-text><{tag} style="{style}">{inline(said("text"))}</{tag}></mj-text>', "text")
        case "text" if said("text"):
            yield _Piece(f"<mj-text>{paragraphs(said('text'), colour)}</mj-text>", "text")
        case "button" if said("text"):
            told = inline(said("text"))
            looks = f'background-color="{colour}" color="{_ink(colour)}" border-radius="6px" font-size="16px"'
            yield _Piece(f'<mj-button href="{_value(said("address"))}" {looks}>{told}</mj-button>', "address")
        case "picture" if said("source"):
            link = f' href="{_value(said("address"))}"' if said("address") else ""
            yield _Piece(
                f'<mj-image src="{_value(said("source"))}" alt="{_value(said("alt"))}"{link} />', "source"
            )
        case "products":
            name, things = (
                ("cause_block", "cause.products")
                if block.own("list") == "cause"
                else ("products_block", "products")
            )
            above = _above(said("text"))
            yield _Piece(
                f"{{% if {things}.size > 0 %}}<mj-text>{above}{{{{ {name} }}}}</mj-text>{{% endif %}}", "text"
            )
        case "offer":
            name = "offers_block" if block.own("list") == "all" else "offer_block"
            instead = f"{{% else %}}<mj-text>{inline(said('text'))}</mj-text>" if said("text") else ""
            yield _Piece(
                f"{{% if offers.size > 0 %}}<mj-text>{{{{ {name} }}}}</mj-text>{instead}{{% endif %}}", "text"
            )
        case "columns" if said("left") or said("right"):
            for name in ("left", "right"):
                words = paragraphs(said(name), colour)
                yield _Piece(f"<mj-column><mj-text>{words}</mj-text></mj-column>", name)
        case "divider":
            yield _Piece("<mj-divider />")
        case "footer" if said("text"):
            words = paragraphs(said("text"), colour)
            yield _Piece(f'<mj-text font-size="14px" color="#5c6066">{words}</mj-text>', "text")


def _above(words: str) -> str:
    style = "margin:0 0 8px;font-size:19px;line-height:1.3;font-weight:600"
    return f'<h2 style="{style}">{inline(words)}</h2>' if words else ""


def _value(words: str) -> str:
    """Inside a quoted attribute; Liquid stands as it was."""
    one = " ".join(words.split())
    return re.sub(r"(\{%.*?%\}|\{\{.*?\}\})|([^{]+|\{)", lambda found: found[1] or html.escape(found[2]), one)


def _ink(colour: str) -> str:
    """Black or white words on this colour, whichever is told apart better (WCAG's contrast)."""
    red, green, blue = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
    light = [one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in (red, green, blue)]
    luminance = 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]
    return "#ffffff" if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 else "#111111"
