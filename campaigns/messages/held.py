"""Liquid set aside while another engine reads the markup around it, and put back where it stood.

An HTML parser moves text that stands between the rows of a table out of it, and MJML reads `<` in a condition as a
tag. Each piece of Liquid is therefore replaced by a mark such an engine leaves alone: a comment between tags, a plain
word inside one.
"""

import re
from dataclasses import dataclass

_PIECE = r"\{%.*?%\}|\{\{.*?\}\}"
# What is passed over whole (comments, style sheets), Liquid, and what opens and closes a tag or a quoted value.
_STEP = re.compile(rf"(?is)<!--.*?-->|<style\b.*?</style\s*>|{_PIECE}|<(?=[a-z/!])|>|[\"']")
_MARK = re.compile(r'<!--liq(\d+)uid-->|liq(\d+)uid(?:="")?')
_LIQUID = re.compile(rf"(?s){_PIECE}")


@dataclass(frozen=True)
class Held:
    """Markup with marks, and what they stand for."""

    markup: str
    pieces: tuple[str, ...]
    is_simple: bool
    """Liquid stands only between tags and in values: none makes up attributes or a style sheet."""

    def put_back(self, markup: str) -> str:
        """The markup with its Liquid again."""
        return _MARK.sub(lambda mark: self.pieces[_number(mark)], markup)

    def lost(self, markup: str) -> list[str]:
        """The pieces an engine has dropped, in order."""
        found = {_number(mark) for mark in _MARK.finditer(markup)}
        return [piece for n, piece in enumerate(self.pieces) if n not in found]


def _number(mark: re.Match[str]) -> int:
    return int(mark.group(1) or mark.group(2))


def hold(source: str, *, as_comments: bool, keep_lines: bool = False) -> Held:
    """Set the Liquid aside.

    as_comments : for a parser of HTML; MJML and plain text take words everywhere.
    keep_lines : marks keep the line breaks of what they stand for, so that lines can be counted.
    """
    made: list[str] = []
    pieces: list[str] = []
    end, in_tag, quote, is_simple = 0, False, "", True
    for step in _STEP.finditer(source):
        found = step.group()
        made.append(source[end : step.start()])
        end = step.end()
        if found.startswith(("{%", "{{")):
            mark = f"liq{len(pieces)}uid"
            pieces.append(found)
            is_simple = is_simple and (not in_tag or bool(quote))
            found = mark if in_tag or not as_comments else f"<!--{mark}-->"
            made.append(found + "\n" * (pieces[-1].count("\n") if keep_lines else 0))
            continue
        if len(found) > 1:
            is_simple = is_simple and not (found[1] != "!" and _LIQUID.search(found))
        elif found == "<" and not quote:
            in_tag = True
        elif found == ">" and not quote:
            in_tag = False
        elif in_tag and found in "\"'":
            quote = "" if found == quote else quote or found
        made.append(found)
    made.append(source[end:])
    return Held("".join(made), tuple(pieces), is_simple)
