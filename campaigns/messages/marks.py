"""Plain words with a few marks -> HTML. Whatever else looks like markup is shown as it is written, never obeyed."""

import html
import re

_PIECE = re.compile(r"(?s)\{%.*?%\}|\{\{.*?\}\}")
_HELD = re.compile("\x00(\\d+)\x00")
_LINK = re.compile(r"\[([^\]\n]+)\]\(([^()\s]+)\)")
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_ITALIC = re.compile(r"\*(?=\S)(.+?)(?<=\S)\*")
_GAP = "margin:0 0 16px"


def inline(words: str, colour: str = "") -> str:
    """One line: bold, italic and links; Liquid stands as it was."""
    pieces: list[str] = []

    def hold(found: re.Match[str]) -> str:
        pieces.append(found.group())
        return f"\x00{len(pieces) - 1}\x00"

    told = html.escape(_PIECE.sub(hold, words.replace("\x00", "")))
    style = f' style="color:{colour}"' if colour else ""
    told = _LINK.sub(rf'<a href="\2"{style}>\1</a>', told)
    told = _ITALIC.sub(r"<em>\1</em>", _BOLD.sub(r"<strong>\1</strong>", told))
    return _HELD.sub(lambda held: pieces[int(held.group(1))], told)


def paragraphs(words: str, colour: str = "") -> str:
    """Paragraphs and lists. Each line stays in its own line, so that a fault is found in the line it was written in."""
    made: list[str] = []
    inside = ""
    for line in words.replace("\r\n", "\n").split("\n"):
        told, kind = line.strip(), _kind(line)
        if inside and kind != inside:
            made[-1] += f"</{inside}>"
        elif kind == "p" == inside:
            made[-1] += "<br>"
        begin = {"p": f'<p style="{_GAP}">', "ul": f'<ul style="{_GAP};padding-left:20px">'}.get(kind, "")
        item = f"<li>{inline(told[2:], colour)}</li>" if kind == "ul" else inline(told, colour)
        made.append(item if kind == inside else begin + item)
        inside = kind
    if inside:
        made[-1] += f"</{inside}>"
    return "\n".join(made)


def _kind(line: str) -> str:
    """In what a line stands; a condition or a loop alone on its line stands between paragraphs, not in one."""
    told = line.strip()
    if not told or (told.startswith("{%") and not _PIECE.sub("", told).strip()):
        return ""
    return "ul" if told.startswith("- ") else "p"
