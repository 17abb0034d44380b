"""What is wrong with a block, at its field and line, before it is made into anything."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from campaigns import liquid_templates
from campaigns.messages import addresses
from campaigns.messages.held import hold
from campaigns.messages.layout import LONGEST, ORIGINAL, Block, Layout, Part
from campaigns.messages.samples import sample_contexts
from campaigns.messages.wording import LANGUAGES

_LACKING = re.compile(r"'?([\w.]+)'? is undefined")
# Words in quotes inside Liquid stand in the mail as they are: there, and only there, markup would be obeyed.
_MARKUP_IN_LIQUID = re.compile(r"<(?![=>\s\d])|(?<=[\"'])\s*<")


@dataclass(frozen=True)
class Fault:
    """`line` is 0 where it is about the whole field."""

    key: str
    part: str
    language: str
    line: int
    text: str
    is_missing: bool = False
    """Nothing is written yet: said when it is saved, and not while somebody is about to write it."""

    def __str__(self) -> str:
        return (
            _("Line %(line)s: %(text)s") % {"line": self.line, "text": self.text} if self.line else self.text
        )


def faults(layout: Layout) -> list[Fault]:
    """By block, in the order of the message; empty when every block is sound by itself."""
    contexts = sample_contexts()
    return [fault for block in layout.blocks for fault in _of(block, contexts)]


def _of(block: Block, contexts: list[Mapping[str, Any]]) -> Iterator[Fault]:
    for part in block.parts:
        for language in LANGUAGES:
            words = block.own(part.name, language)
            if not words.strip():
                if part.is_needed and language == ORIGINAL and not part.choices:
                    yield Fault(block.key, part.name, language, 0, _missing(part), is_missing=True)
                continue
            yield from (
                Fault(block.key, part.name, language, line, text)
                for line, text in _about(part, words, contexts)
            )


def _missing(part: Part) -> str:
    if part.is_address:
        return _("Give it an address that begins with https://.")
    return _("Write it, or take the block out.")


def _about(part: Part, words: str, contexts: list[Mapping[str, Any]]) -> Iterator[tuple[int, str]]:
    if part.choices:
        if words not in dict(part.choices):
            yield 0, _("Choose one of the list.")
        return
    if len(words) > LONGEST:
        yield 0, _("At most %s characters.") % LONGEST
    for piece in hold(words, as_comments=False).pieces:
        if _MARKUP_IN_LIQUID.search(piece):
            line = words.count("\n", 0, words.index(piece)) + 1
            yield line, _("“%s” has markup in it: write words, and mark them with ** or *.") % piece
            return
    for problem in liquid_templates.problems(part.name, words, contexts):
        yield problem.line, _in_words(problem.text)
        return
    if part.is_address and (wrong := addresses.fault(_marked(words))):
        yield 0, wrong


def _in_words(text: str) -> str:
    """What the engine says, where it says what to do too little."""
    if lacking := _LACKING.fullmatch(text):
        told = {"name": lacking.group(1), "default": f"{{{{ {lacking.group(1)} | default: '…' }}}}"}
        return _("Not everybody has “%(name)s”: give it a default, as in %(default)s.") % told
    if text.startswith(("expected '}}'", "expected '%}'")):
        return _("A variable is opened and not closed with }}.")
    return text


def without(layout: Layout, found: Iterable[Fault]) -> Layout:
    """The blocks without the words that need mending, so that the rest can be looked at meanwhile."""
    wrong = {(fault.key, fault.part) for fault in found}
    blocks = [
        replace(
            block,
            words={
                language: {name: told for name, told in own.items() if (block.key, name) not in wrong}
                for language, own in block.words.items()
            },
        )
        for block in layout.blocks
    ]
    return replace(layout, blocks=blocks)


def _marked(address: str) -> str:
    """As `addresses` reads one: with a mark where Liquid stands."""
    return hold(address.strip(), as_comments=False).markup
