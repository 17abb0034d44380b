"""A message as blocks: which kinds there are, what each says, in which languages, and whether a translation still fits.

The blocks are what the desk edits; what they say leaves as MJML with Liquid (`source`), so that everything behind
(checks, hints, sending, approval) knows only a message's body and its translations.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from campaigns.messages.wording import LANGUAGES

ORIGINAL, *OTHERS = LANGUAGES
MOST_BLOCKS, LONGEST = 40, 5000
FOOTER = "footer"
COLOUR = "#1f5fbf"
# Words of a language that is written in letters: in Chinese they would be others.
_WORDS, _LIQUID = re.compile(r"[A-Za-z]{2}"), re.compile(r"(?s)\{\{.*?\}\}|\{%.*?%\}")


@dataclass(frozen=True)
class Part:
    """One thing a block says, as a field of its form."""

    name: str
    label: str | Promise
    help: str | Promise = ""
    is_long: bool = False
    is_needed: bool = True
    is_address: bool = False
    choices: Sequence[tuple[str, str | Promise]] = ()

    @property
    def is_translated(self) -> bool:
        """An address or a choice is the same in every language unless it is said otherwise."""
        return not self.is_address and not self.choices


@dataclass(frozen=True)
class Kind:
    name: str
    label: str | Promise
    about: str | Promise
    parts: Sequence[Part] = ()


_MARKS = _(
    "An empty line begins a paragraph. **bold**, *italic*, [words](https://…), and “- ” begins a list."
)
KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("heading", _("Heading"), _("A line that says what this is about."), (Part("text", _("Words")),)),
        Kind("text", _("Text"), _("Paragraphs, lists and links."), (Part("text", _("Words"), _MARKS, is_long=True),)),
        Kind(
            "button",
            _("Button"),
            _("The one thing a reader should do."),
            (
                Part("text", _("Words on it")),
                Part("address", _("Where it leads"), _("Begins with https://, or {{ shop.url }}."), is_address=True),
            ),
        ),
        Kind(
            "picture",
            _("Picture"),
            _("From your own server."),
            (
                Part("source", _("Address of the picture"), _("Begins with https://. 1,200 px wide is sharp everywhere."), is_address=True),
                Part("alt", _("What the picture shows"), _("For whoever sees no pictures; many mailboxes hide them at first.")),
                Part("address", _("Where it leads, if anywhere"), is_needed=False, is_address=True),
            ),
        ),
        Kind(
            "products",
            _("Product row"),
            _("What is recommended to each person; nothing where there is nothing to show."),
            (
                Part("text", _("Line above, if any"), is_needed=False),
                Part(
                    "list",
                    _("Which products"),
                    choices=(
                        ("recommended", _("recommended to the person")),
                        ("cause", _("what began the journey, such as the basket")),
                    ),
                ),
            ),
        ),
        Kind(
            "offer",
            _("Offer"),
            _("What the person is given, with its code and terms."),
            (
                Part("list", _("Which offers"), choices=(("first", _("the first")), ("all", _("all of the placement")))),
                Part("text", _("Instead, for whoever is given none"), is_needed=False),
            ),
        ),
        Kind(
            "columns",
            _("Two columns"),
            _("Side by side on a desktop, one under the other on a phone."),
            (Part("left", _("Left column"), _MARKS, is_long=True), Part("right", _("Right column"), is_long=True)),
        ),
        Kind("divider", _("Divider"), _("A thin line.")),
        Kind(
            FOOTER,
            _("Footer"),
            _("Under it stand the way out, “What we send you and why” and your postal address: always."),
            (Part("text", _("Why they get this"), is_long=True, is_needed=False),),
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Block:
    """`words`: language -> part -> what is written; `seals`: language -> part -> what its translation was made from."""

    key: str
    kind: str
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    seals: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def parts(self) -> Sequence[Part]:
        return KINDS[self.kind].parts

    def own(self, name: str, language: str = ORIGINAL) -> str:
        return self.words.get(language, {}).get(name, "")

    def said(self, name: str, language: str) -> str:
        """In this language, the original where it has no words of its own."""
        return self.own(name, language) or self.own(name)

    def seal(self, name: str, language: str) -> str:
        return self.seals.get(language, {}).get(name, "")

    def standing(self, name: str, language: str) -> str:
        return standing(self.own(name), self.own(name, language), self.seal(name, language))


@dataclass(frozen=True)
class Layout:
    blocks: Sequence[Block]
    colour: str = COLOUR

    def block(self, key: str) -> Block | None:
        return next((block for block in self.blocks if block.key == key), None)

    def new_key(self) -> str:
        taken = [int(block.key[1:]) for block in self.blocks if block.key[1:].isdecimal()]
        return f"b{max(taken, default=0) + 1}"


def _digest(words: str) -> str:
    return hashlib.sha256(words.strip().replace("\r\n", "\n").encode()).hexdigest()[:16]


def sealed(original: str, translation: str, seal: str = "") -> str:
    """Which original a translation was made from: as it was told where the translation stayed, else the one of now."""
    if not translation.strip():
        return ""
    of = _digest(translation)
    return seal if len(seal) == 32 and seal.endswith(of) else _digest(original) + of


def standing(original: str, translation: str, seal: str) -> str:
    """`missing`, `copied`, `outdated`, or nothing where the translation fits or none is needed."""
    if not original.strip():
        return ""
    if not translation.strip():
        return "missing"
    if translation.strip() == original.strip() and _WORDS.search(_LIQUID.sub("", original)):
        return "copied"
    return "" if sealed(original, translation, seal).startswith(_digest(original)) else "outdated"


def sound(layout: Layout) -> Layout:
    """No more blocks than a mail holds, each with a key of its own, and one footer, at the end, whatever was sent."""
    kept: list[Block] = []
    footer = None
    for block in layout.blocks:
        if block.kind == FOOTER:
            footer = footer or block
        elif block.kind in KINDS and len(kept) < MOST_BLOCKS and all(block.key != one.key for one in kept):
            kept.append(_sealed(block))
    return replace(layout, blocks=[*kept, _sealed(replace(footer or Block(FOOTER, FOOTER), key=FOOTER))])


def _sealed(block: Block) -> Block:
    """Only what its kind says, and every translation with its seal."""
    names = [part.name for part in block.parts]
    words = {
        language: {name: own[name] for name in names if own.get(name, "").strip()}
        for language, own in block.words.items()
        if language in LANGUAGES
    }
    seals = {
        language: {
            name: sealed(words.get(ORIGINAL, {}).get(name, ""), told, block.seal(name, language))
            for name, told in own.items()
        }
        for language, own in words.items()
        if language != ORIGINAL
    }
    return replace(block, words=words, seals=seals)


def stored(layout: Layout) -> dict[str, Any]:
    """As it is kept beside the message."""
    return {"colour": layout.colour, "blocks": [asdict(block) for block in layout.blocks]}


def read(told: Mapping[str, Any]) -> Layout:
    """What `stored` has written."""
    return sound(Layout([Block(**row) for row in told.get("blocks", [])], told.get("colour", COLOUR)))
